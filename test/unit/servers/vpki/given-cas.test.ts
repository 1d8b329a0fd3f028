import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePem } from "../../../../src/pki/pem.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { requireOpenssl } from "../../../require.js";
import { AT, type CaOptions, ca, type Pair, pair } from "../../pki/helpers.js";
import { csrPem, issueBody, serve } from "./helpers.js";

const folder = mkdtempSync(join(tmpdir(), "given-cas-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const clock = new VirtualClock(AT);

const ROOT = "cn=Plant Root,o=Plant,c=KR";
const ISSUING = "cn=Plant CA 1,o=Plant,c=KR";
const root = pair("P-256");
const issuing = pair("P-256");

async function certificate(file: string, dn: string, subject: Pair, by?: Pair, options?: CaOptions): Promise<string> {
  const der = await ca(dn, subject, by && { dn: ROOT, pair: by }, options);
  writeFileSync(at(file), encodePem(der, "CERTIFICATE"));
  return at(file);
}

const given = {
  "ROOT-P256": { certificateFile: at("root.pem") },
  CA01001: { certificateFile: at("ca.pem"), keyFile: at("ca.key"), passphraseFile: at("pass") },
};

beforeAll(async () => {
  await certificate("root.pem", ROOT, root);
  await certificate("ca.pem", ISSUING, issuing, root, { pathLen: 0 });
  writeFileSync(at("pass"), "open sesame\n");
  const cipher = { cipher: "aes-256-cbc", passphrase: "open sesame" };
  writeFileSync(at("ca.key"), issuing.key.export({ type: "pkcs8", format: "pem", ...cipher }));
  writeFileSync(at("plain.key"), issuing.key.export({ type: "sec1", format: "pem" }));
});

describe("CAs that the configuration brings", () => {
  it.skipIf(!requireOpenssl()).each([
    ["with an encrypted key", given],
    ["with a key in the clear", { ...given, CA01001: { certificateFile: at("ca.pem"), keyFile: at("plain.key") } }],
  ])("issue %s, in a chain whose root has no key here", async (_, authorities) => {
    const served = await serve({ clock, config: { authorities } });
    const answer = await served.post("/api/v1/prov/issue", issueBody("prov-15118-2", await csrPem("prov-15118-2")));
    expect(answer.status).toBe(200);
    writeFileSync(at("leaf.pem"), answer.body.cert ?? "");
    const run = [
      "verify",
      "-x509_strict",
      "-attime",
      String(AT / 1000),
      "-CAfile",
      served.vpki.chainFile,
      at("leaf.pem"),
    ];
    expect(execFileSync("openssl", run).toString()).toContain(": OK");
    const issuer = execFileSync("openssl", ["x509", "-noout", "-issuer", "-in", at("leaf.pem")]).toString();
    expect(issuer).toContain("CN = Plant CA 1");
    expect(readFileSync(served.vpki.chainFile, "utf8")).toContain(readFileSync(at("root.pem"), "utf8"));
    expect(readdirSync(join(served.dir, "ca")).filter((file) => /^(?:CA01001|ROOT-P256)/.test(file))).toEqual([]);
    await served.end();
  });

  const refusal = async (authorities: object, keep?: string) => {
    const dir = keep ?? mkdtempSync(join(folder, "refused-"));
    const error: unknown = await serve({ clock, dir, config: { authorities } }).then(
      () => "no error",
      (reason: unknown) => reason,
    );
    return error instanceof Error ? error.message : String(error);
  };

  it("are refused, with the file, where they do not fit", async () => {
    const { CA01001 } = given;
    const other = pair("P-256");
    const with1 = (change: object) => ({ ...given, CA01001: { ...CA01001, ...change } });
    writeFileSync(at("other.key"), other.key.export({ type: "pkcs8", format: "pem" }));
    expect(await refusal(with1({ certificateFile: at("nosuch.pem") }))).toMatch(/nosuch\.pem: there is no such file/);
    expect(await refusal(with1({ keyFile: at("nosuch.key") }))).toMatch(/nosuch\.key: there is no such file/);
    expect(await refusal(with1({ passphraseFile: at("root.pem") }))).toMatch(
      /ca\.key: the private key does not open with/,
    );
    expect(await refusal(with1({ keyFile: at("other.key") }))).toMatch(
      /ca\.pem: the certificate is not of its private key/,
    );
    const late = await certificate("late.pem", ISSUING, issuing, root, { notAfter: AT - 1 });
    expect(await refusal(with1({ certificateFile: late }))).toMatch(/late\.pem: the certificate is valid from .* only/);
    const foreign = await certificate("foreign.pem", ISSUING, issuing, other);
    expect(await refusal(with1({ certificateFile: foreign }))).toMatch(
      /foreign\.pem: the certificate is not signed by ROOT/,
    );
    const big = await certificate("big.pem", ISSUING, pair("P-521"), root);
    expect(await refusal(with1({ certificateFile: big }))).toMatch(/big\.pem: the key is on P-521 \(expected P-256\)/);
  });

  it("leave a root without a key unable to make the issuing CA that is missing", async () => {
    const { "ROOT-P256": only } = given;
    expect(await refusal({ "ROOT-P256": only })).toMatch(
      /root\.pem: ROOT-P256 has no private key here and cannot sign/,
    );
  });
});
