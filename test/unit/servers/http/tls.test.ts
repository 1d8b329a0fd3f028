import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ensureTls } from "../../../../src/servers/http/tls.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { requireOpenssl } from "../../../require.js";

const hasOpenssl = requireOpenssl();

const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), "http-tls-"));
  folders.push(made);
  return join(made, "tls");
};
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

const DAY = 86_400_000;
const read = (file: string) => readFileSync(file, "utf8");

describe("the TLS files of an installation", () => {
  it.skipIf(!hasOpenssl)("pass OpenSSL's strict checks for their purposes and names", async () => {
    const dir = folder();
    const clock = new VirtualClock();
    const tls = await ensureTls(dir, { clock, hosts: ["vpki.plant.example", "10.1.2.3", "fd00::12"] });
    const at = ["-attime", String(clock.now() / 1000), "-x509_strict", "-CAfile", tls.caFile];
    const server = join(dir, "server.pem");
    const verify = (...args: string[]) =>
      execFileSync("openssl", ["verify", ...at, ...args], { stdio: "pipe" }).toString();
    for (const name of ["localhost", "vpki.plant.example"])
      expect(verify("-purpose", "sslserver", "-verify_hostname", name, server)).toContain("OK");
    for (const ip of ["127.0.0.1", "::1", "10.1.2.3", "fd00::12"])
      expect(verify("-purpose", "sslserver", "-verify_ip", ip, server)).toContain("OK");
    expect(verify("-purpose", "sslclient", tls.clientCertFile)).toContain("OK");
    expect(() => verify("-verify_hostname", "elsewhere.example", server)).toThrow();
    expect(() => verify("-purpose", "sslserver", tls.clientCertFile)).toThrow();
  });

  it("can be read by nobody else, and no draft is left behind", async () => {
    const dir = folder();
    await ensureTls(dir, { clock: new VirtualClock() });
    const names = readdirSync(dir).sort();
    expect(names).toEqual(["ca-key.pem", "ca.pem", "client-key.pem", "client.pem", "server.pem"]);
    for (const name of names) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  });

  it("stay the same from start to start", async () => {
    const dir = folder();
    const clock = new VirtualClock();
    const first = await ensureTls(dir, { clock });
    const client = read(first.clientCertFile);
    await clock.advance(DAY);
    expect(await ensureTls(dir, { clock })).toEqual(first);
    expect(read(first.clientCertFile)).toBe(client);
  });

  it("are renewed near their end, under the same CA", async () => {
    const dir = folder();
    const clock = new VirtualClock();
    const first = await ensureTls(dir, { clock, certificateDays: 100 });
    const client = read(first.clientCertFile);
    await clock.advance(80 * DAY);
    const second = await ensureTls(dir, { clock, certificateDays: 100 });
    expect(second.caPem).toBe(first.caPem);
    expect(second.certPem).not.toBe(first.certPem);
    expect(read(second.clientCertFile)).not.toBe(client);
  });

  it.skipIf(!hasOpenssl)("are made anew with the CA when that nears its end", async () => {
    const dir = folder();
    const clock = new VirtualClock();
    const first = await ensureTls(dir, { clock, caDays: 100 });
    await clock.advance(90 * DAY);
    const second = await ensureTls(dir, { clock, caDays: 100 });
    expect(second.caPem).not.toBe(first.caPem);
    const run = ["verify", "-attime", String(clock.now() / 1000), "-CAfile", second.caFile, second.clientCertFile];
    expect(execFileSync("openssl", run).toString()).toContain("OK");
  });

  it("keep their CA while servers run that know their clients by it: one that is lost is said, and not made anew", async () => {
    const dir = folder();
    const clock = new VirtualClock();
    const first = await ensureTls(dir, { clock, caDays: 100 });
    await clock.advance(90 * DAY);
    expect((await ensureTls(dir, { clock, keepCa: true })).caPem).toBe(first.caPem);
    rmSync(join(dir, "ca-key.pem"));
    await expect(ensureTls(dir, { clock, keepCa: true })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("ca-key.pem is missing or damaged"),
    });
    expect(read(first.caFile)).toBe(first.caPem);
  });

  it("are mended where one is damaged, lacks a host or lost its key", async () => {
    const dir = folder();
    const clock = new VirtualClock();
    const first = await ensureTls(dir, { clock });
    writeFileSync(join(dir, "server.pem"), "rubbish");
    rmSync(first.clientKeyFile);
    const second = await ensureTls(dir, { clock });
    expect(second.certPem).toContain("BEGIN CERTIFICATE");
    expect(second.certPem).not.toBe(first.certPem);
    expect(read(second.clientKeyFile)).toContain("PRIVATE KEY");
    const third = await ensureTls(dir, { clock, hosts: ["more.example"] });
    expect(third.certPem).not.toBe(second.certPem);
    expect(third.caPem).toBe(first.caPem);
  });

  it("are of one CA when several processes start at once", async () => {
    const dir = folder();
    const clock = new VirtualClock();
    const all = await Promise.all([1, 2, 3, 4].map(() => ensureTls(dir, { clock })));
    expect(new Set(all.map(({ caPem }) => caPem)).size).toBe(1);
  });

  it("say in one line which folder cannot be used", async () => {
    const dir = folder();
    writeFileSync(dir, "a file in the folder's place");
    await expect(ensureTls(dir, { clock: new VirtualClock() })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(dir),
    });
  });
});
