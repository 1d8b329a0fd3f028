/** The texts in requests to the vPKI: PEM and names. */

const LABELS = ["CERTIFICATE REQUEST", "CERTIFICATE_REQUEST", "NEW CERTIFICATE REQUEST"];

/** A request as PEM: as it should be (0–4), or not. */
export function pemOf(der: Uint8Array, how: number, at: number): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  const pem = (label: string, eol: string, body = lines.join(eol)) =>
    `-----BEGIN ${label}-----${eol}${body}${eol}-----END ${label}-----${eol}`;
  const usual = pem(LABELS[0] ?? "", "\n");
  const place = at % usual.length;
  switch (how) {
    case 0:
    case 1:
    case 2:
      return pem(LABELS[how] ?? "", "\n");
    case 3:
      return pem(LABELS[0] ?? "", "\r\n");
    case 4:
      return usual.replace("REQUEST-----", "REQUEST----- ");
    case 5:
      return base64;
    case 6:
      return pem("CERTIFICATE", "\n");
    case 7:
      return usual.slice(0, place);
    case 8:
      return usual.slice(0, place) + String.fromCharCode(at) + usual.slice(place);
    case 9:
      return usual + usual;
    case 10:
      return pem(LABELS[0] ?? "", "\n", `Proc-Type: 4,ENCRYPTED\n\n${base64}`);
    case 11:
      return pem(LABELS[0] ?? "", "\n", base64.replaceAll("+", "-").replaceAll("/", "_"));
    case 12:
      return pem(LABELS[0] ?? "", "\n", `${base64}====`);
    case 13:
      return `\ufeff${usual}`;
    case 14:
      return usual.replaceAll("-", "\u2010");
    case 15:
      return pem(LABELS[0] ?? "", "\n", `${" \n".repeat(15_000)}${base64}`);
    case 16:
      return pem(LABELS[0] ?? "", "\n", "");
    default:
      return usual.slice(0, place) + usual.slice(place + 1);
  }
}

/** A name as text, written in another way or damaged. */
export function dnText(dn: string, { how, at, text }: { how: number; at: number; text: string }): string {
  const place = at % (dn.length + 1);
  const parts = dn.split(",");
  switch (how) {
    case 0:
      return dn.toUpperCase();
    case 1:
      return dn.replaceAll(",", " , ").replaceAll("=", " = ");
    case 2:
      return dn.replace(/^cn=(.)/, (_, c: string) => `cn=\\${c.charCodeAt(0).toString(16)}`);
    case 3:
      return dn.replace(
        /^cn=([^,]*)/,
        (_, cn: string) => `cn=#0c${cn.length.toString(16).padStart(2, "0")}${Buffer.from(cn).toString("hex")}`,
      );
    case 4:
      return [...parts].reverse().join(",");
    case 5:
      return `${dn.slice(0, place)}${text}${dn.slice(place)}`;
    case 6:
      return dn.slice(0, place);
    case 7:
      return dn.replace(/^cn=[^,]*/, `cn=${text}`);
    case 8:
      return dn.replaceAll(",", "+");
    case 9:
      return `${dn}\\`;
    case 10:
      return `cn=#${text}`;
    case 11:
      return `${dn},${`ou=${text},`.repeat(70)}`.slice(0, 30_000);
    case 12:
      return text;
    case 13:
      return dn.replace("cn=", "2.5.4.3=");
    case 14:
      return `,${"\\2c".repeat(5_000)}=${dn}`;
    default:
      return dn;
  }
}
