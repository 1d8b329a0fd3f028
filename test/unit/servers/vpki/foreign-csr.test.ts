import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePem } from "../../../../src/pki/csr.js";
import { decodePem } from "../../../../src/pki/pem.js";
import { CERTIFICATE_TYPES, type CertificateType } from "../../../../src/pki/types.js";
import { requireOpenssl } from "../../../require.js";
import { issueBody, type Served, serve } from "./helpers.js";

/** Requests as `openssl req` and other tools make them. */
const folder = mkdtempSync(join(tmpdir(), "vpki-foreign-"));
let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(async () => {
  await served.end();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
const at = (name: string) => join(folder, name);
const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] }).toString();

const ROOT: Readonly<Record<CertificateType, string>> = {
  "prov-15118-2": "DC = OEM",
  "prov-15118-20": "DC = OEM20",
  "vehicle-15118-20": "DC = EV",
  "ccu-sha256": "C = KR",
  "ccu-sha512": "C = KR",
};

/** Six digits follow. */
const COMMON_NAME: Readonly<Record<CertificateType, string>> = {
  "prov-15118-2": "KM8P2844A9T",
  "prov-15118-20": "KM8P2844A9TD",
  "vehicle-15118-20": "KM7V200DA343BE",
  "ccu-sha256": "foreign",
  "ccu-sha512": "foreign.example.",
};

interface Options {
  readonly mask?: string;
  /** Lines of the section [ attributes ] and of others. */
  readonly attributes?: string;
  readonly key?: readonly string[];
  readonly digest?: string;
}

/** A request made by `openssl req`. */
function request(type: CertificateType, options: Options = {}): string {
  const config = at("req.cnf");
  const root = ROOT[type];
  const cn = `${COMMON_NAME[type]}${String(count++).padStart(6, "0")}`;
  writeFileSync(
    config,
    `[ req ]\nprompt = no\nstring_mask = ${options.mask ?? "utf8only"}\ndistinguished_name = dn\n` +
      `${options.attributes === undefined ? "" : "attributes = attributes\nreq_extensions = extensions\n"}` +
      `[ dn ]\n${root}\nO = HKMC\n0.OU = ECC\n1.OU = C001\n2.OU = P001\nCN = ${cn}\n${options.attributes ?? ""}`,
  );
  const { curve, hash } = CERTIFICATE_TYPES[type];
  const key = at("key.pem");
  openssl(
    ...(options.key ?? ["ecparam", "-name", curve === "P-256" ? "prime256v1" : "secp521r1", "-genkey"]),
    "-out",
    key,
  );
  return openssl("req", "-new", "-config", config, "-key", key, `-${options.digest ?? hash}`);
}

const issue = (type: CertificateType, csr: string) =>
  served.post(`${CERTIFICATE_TYPES[type].basePath}/issue`, {
    ...issueBody(type, csr),
    unitCode: "C001",
    tierCode: "P001",
  });

const EXTENSIONS =
  "[ attributes ]\nchallengePassword = Test Challenge Password!\n[ extensions ]\nsubjectAltName = DNS:unit.foreign\n";

describe.skipIf(!requireOpenssl())("a request made by OpenSSL", () => {
  const types = Object.keys(ROOT) as CertificateType[];
  it.each(types)("is served for type %s", async (type) => {
    const { status, body } = await issue(type, request(type));
    expect([status, Object.keys(body)]).toEqual([200, ["cert"]]);
  });

  it.each(["nombstr", "pkix", "default", "utf8only"])("is served with the string types of mask %s", async (mask) => {
    expect(await issue("ccu-sha256", request("ccu-sha256", { mask }))).toMatchObject({ status: 200 });
  });

  it("is served with extensionRequest and challengePassword, which do not reach the certificate", async () => {
    const { status, body } = await issue("ccu-sha256", request("ccu-sha256", { attributes: EXTENSIONS }));
    expect(status).toBe(200);
    const [der] = decodePem(body.cert ?? "", "CERTIFICATE");
    expect(Buffer.from(der ?? []).includes("unit.foreign")).toBe(false);
  });

  it.each(["prov-15118-2", "ccu-sha512"] as const)("is served with a compressed point for type %s", async (type) => {
    const name = CERTIFICATE_TYPES[type].curve === "P-256" ? "prime256v1" : "secp521r1";
    const csr = request(type, { key: ["ecparam", "-name", name, "-genkey", "-conv_form", "compressed"] });
    const answer = await issue(type, csr);
    expect(answer).toMatchObject({ status: 200 });
    const shown = execFileSync("openssl", ["x509", "-noout", "-text"], { input: answer.body.cert }).toString();
    expect(shown).toMatch(/pub:\s+04:/);
    // The same key in its other form is the same key.
    const config = ["-config", at("req.cnf"), "-key", at("key.pem")];
    openssl("ec", "-in", at("key.pem"), "-conv_form", "uncompressed", "-out", at("key.pem"));
    const again = openssl("req", "-new", ...config, `-${CERTIFICATE_TYPES[type].hash}`);
    expect(again).not.toBe(csr);
    expect(await issue(type, again)).toEqual({ status: 403, body: { resultMessage: "Same key already used" } });
  });

  const refused: [string, Options, string][] = [
    [
      "explicit curve parameters",
      { key: ["ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit"] },
      "CSR Key Error: not an EC key on a named curve",
    ],
    ["an RSA key", { key: ["genrsa"] }, "CSR Key Error: not an EC key on a named curve"],
    [
      "secp256k1",
      { key: ["ecparam", "-name", "secp256k1", "-genkey"] },
      "CSR Key Error: curve 1.3.132.0.10 is neither P-256 nor P-521",
    ],
    ["P-521", { key: ["ecparam", "-name", "secp521r1", "-genkey"] }, "CSR Key Error: P-521 instead of P-256"],
    ["SHA-512", { digest: "sha512" }, "CSR Hash Error: sha512 instead of sha256"],
    ["SHA-1", { digest: "sha1" }, "CSR Hash Error: another algorithm instead of sha256"],
  ];
  it.each(refused)("is refused with %s", async (_name, options, resultMessage) => {
    const answer = await issue("prov-15118-2", request("prov-15118-2", options));
    expect(answer).toEqual({ status: 406, body: { resultMessage } });
  });

  it("is refused with bytes behind it, and in a certificate's PEM", async () => {
    const [der = new Uint8Array()] = decodePem(request("prov-15118-2"), "CERTIFICATE REQUEST");
    const longer = Buffer.concat([der, Buffer.of(0)]);
    for (const [csr, what] of [
      [encodePem(longer, "CERTIFICATE REQUEST"), "bytes follow the request"],
      [encodePem(der, "CERTIFICATE"), "not a certificate request in PEM"],
    ] as const)
      expect(await issue("prov-15118-2", csr)).toEqual({
        status: 406,
        body: { resultMessage: `CSR Format Error: ${what}` },
      });
  });
});
