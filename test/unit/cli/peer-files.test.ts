import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { openPeerFiles } from "../../../src/cli/peer-files.js";
import { jsonLogger, silentLogger } from "../../../src/shared/logger.js";
import { bench, foreignTls, type Identity, never, tls } from "../clients/helpers.js";

const folder = mkdtempSync(join(tmpdir(), "peer-files-"));
const file = (name: string) => join(folder, name);
const files = { caFile: file("ca"), clientCertFile: file("cert"), clientKeyFile: file("key") };
const { serve, kmsAt } = bench();
/** Each request then needs a connection of its own. */
const alone = () => ({ body: "{}", headers: { connection: "close" } });

/** Somebody renews the station's files. */
function write({ caPem, clientCertPem, clientKeyPem }: Pick<Identity, "caPem" | "clientCertPem" | "clientKeyPem">) {
  writeFileSync(files.caFile, caPem);
  writeFileSync(files.clientCertFile, clientCertPem);
  writeFileSync(files.clientKeyFile, clientKeyPem);
}

let own: Identity;
let other: Identity;
beforeEach(async () => {
  own = await tls();
  other ??= await foreignTls();
  write(own);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("TLS files that are renewed while the station runs", () => {
  it("let it in where the ones of before did not", async () => {
    const { url } = await serve(alone, { ca: other.caPem, requestCert: true, rejectUnauthorized: true });
    const kms = await kmsAt([url], await openPeerFiles(files, silentLogger));
    await expect(kms.ping(never)).rejects.toMatchObject({ code: "KMS_UNREACHABLE" });
    write({ ...other, caPem: own.caPem });
    await kms.ping(never);
  });

  it("have it believe another CA", async () => {
    const { url } = await serve(alone, { cert: other.certPem, key: other.keyPem });
    const kms = await kmsAt([url], await openPeerFiles(files, silentLogger));
    await expect(kms.ping(never)).rejects.toMatchObject({ code: "KMS_UNREACHABLE" });
    write({ ...own, caPem: other.caPem });
    await kms.ping(never);
  });

  it.each([
    ["a certificate whose key is not there yet", () => write({ ...own, clientCertPem: other.clientCertPem })],
    ["a key whose certificate is not there yet", () => write({ ...own, clientKeyPem: other.clientKeyPem })],
    ["half a CA", () => write({ ...own, caPem: own.caPem.slice(0, 100) })],
    ["an empty certificate", () => write({ ...own, clientCertPem: "" })],
    ["no file any more", () => rmSync(files.clientKeyFile)],
  ])("do not count as long as they are %s, and the log says so once", async (_, damage) => {
    const lines: string[] = [];
    const logger = jsonLogger(
      (line) => lines.push(line),
      () => 0,
    );
    const { url } = await serve(alone, { ca: own.caPem, requestCert: true, rejectUnauthorized: true });
    const kms = await kmsAt([url], await openPeerFiles(files, logger));
    damage();
    await kms.ping(never);
    await kms.ping(never);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: "warn", message: "TLS files not taken, those of before still count", ...files }),
    ]);
    expect(lines.join()).not.toContain("PRIVATE KEY");
    write(own);
    await kms.ping(never);
    damage();
    await kms.ping(never);
    expect(lines).toHaveLength(2);
  });

  it.each([
    ["another certificate's key", () => write({ ...own, clientKeyPem: other.clientKeyPem })],
    ["no key", () => write({ ...own, clientKeyPem: "rubbish" })],
  ])("fail the connection alone where they have been wrong from the start: %s", async (_, damage) => {
    damage();
    const { url } = await serve(alone);
    const kms = await kmsAt([url], await openPeerFiles(files, silentLogger));
    await expect(kms.ping(never)).rejects.toMatchObject({ code: "KMS_UNREACHABLE" });
    write(own);
    await kms.ping(never);
  });

  it("are asked for at the start, and said to be missing", async () => {
    rmSync(files.caFile);
    await expect(openPeerFiles(files, silentLogger)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
