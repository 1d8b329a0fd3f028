/** PEM (RFC 7468), and the looser forms of certificate requests that the vPKI's clients send. */
import { unreadable } from "./der.js";

const REQUEST = /^\s*----- ?BEGIN ((?:NEW )?CERTIFICATE[_ ]REQUEST) ?-----([A-Za-z0-9+/=\s]*)----- ?END \1 ?-----\s*$/;
const BLOCK = /-----BEGIN ([A-Z0-9 _]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;

function fromBase64(body: string): Uint8Array {
  const text = body.replace(/\s+/g, "");
  if (text === "" || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw unreadable("base64 is damaged");
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** PEM of `der` with lines of 64 characters, a line end after the last one too. */
export function encodePem(der: Uint8Array, label: string, eol: "\n" | "\r\n" = "\n"): string {
  const body =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...body, `-----END ${label}-----`, ""].join(eol);
}

/** DER of every block with that label, in order; other blocks and text between are passed over. */
export function decodePem(text: string, label: string): Uint8Array[] {
  return [...text.matchAll(BLOCK)].filter((match) => match[1] === label).map((match) => fromBase64(match[2] ?? ""));
}

/**
 * DER of one PKCS#10 request in PEM: labels `CERTIFICATE_REQUEST`, `CERTIFICATE REQUEST` and `NEW CERTIFICATE REQUEST`, LF or CRLF,
 * a space after the BEGIN line's dashes. @throws StationError PKI_UNREADABLE
 */
export function decodeCsrPem(text: string): Uint8Array {
  const match = REQUEST.exec(text);
  if (match === null) throw unreadable("not a certificate request in PEM");
  return fromBase64(match[2] ?? "");
}
