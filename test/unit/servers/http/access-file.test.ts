import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AccessFile } from "../../../../src/servers/http/access-file.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { jsonLogger } from "../../../../src/shared/logger.js";
import { type Holder, makeCa, makeClient } from "./certificates.js";

const SECOND = 1_000;
let ca: Holder;
let mes: Holder;
let erp: Holder;
beforeAll(async () => {
  ca = await makeCa();
  mes = await makeClient({ issuer: ca, dns: ["mes.example"] });
  erp = await makeClient({ issuer: ca, dns: ["erp.example"] });
});

const list = (rule: string) => `schema: 1
roles: { line: { vpki: { issue: all } } }
clients: [{ name: client, certificate: ${rule}, addresses: [10.0.0.0/8], roles: [line] }]
`;

let folder = "";
let file = "";
let clock: VirtualClock;
let log: { level: string; message: string; what?: string }[];
let access: AccessFile;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "access-"));
  file = join(folder, "access.yaml");
  clock = new VirtualClock(Date.now());
  log = [];
  writeFileSync(file, list(`{ publicKey: ${mes.pin} }`));
  const logger = jsonLogger(
    (line) => log.push(JSON.parse(line)),
    () => 0,
  );
  access = await AccessFile.open({ file, own: ca.cert, clock, logger });
});
afterEach(async () => {
  await access.close();
  rmSync(folder, { recursive: true, force: true });
});

const allows = ({ peer }: Holder) =>
  access.judge({ address: "10.0.0.1", certificate: peer }, { operation: "issue", scope: "prov-15118-2" }, clock.now())
    .allowed;

/** Puts a whole file in the place of the former. */
function replace(text: string, name = file): void {
  writeFileSync(`${name}.new`, text);
  renameSync(`${name}.new`, name);
}

/** Lets the file be looked at `times` times; reading takes real time, which the virtual clock does not wait for. */
async function look(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    await clock.advance(SECOND);
    // The next look is planned when this one has ended.
    while (clock.pending === 0) await new Promise(setImmediate);
  }
}

describe("a list that changes while the servers run", () => {
  it("counts as soon as it stays the same for a second, without a restart", async () => {
    expect([allows(mes), allows(erp)]).toEqual([true, false]);
    replace(list(`{ publicKey: ${erp.pin} }`));
    await look(1);
    expect([allows(mes), allows(erp)]).toEqual([true, false]);
    await look(1);
    expect([allows(mes), allows(erp)]).toEqual([false, true]);
    expect(log.at(-1)).toMatchObject({ level: "info", message: "allow list taken" });
  });

  it("counts at once where somebody asks for it", async () => {
    replace(list(`{ publicKey: ${erp.pin} }`));
    await access.reload();
    expect([allows(mes), allows(erp)]).toEqual([false, true]);
  });

  it("does not count while it is still being written", async () => {
    const whole = list(`{ publicKey: ${erp.pin} }`).replace("clients:", "# and\nclients:");
    const bare = "schema: 1\nroles: {}\nclients: []\n";
    for (const part of [bare, whole.slice(0, 60), whole.slice(0, 90), whole]) {
      writeFileSync(file, part);
      await look(1);
      expect(allows(mes)).toBe(true);
    }
    await look(1);
    expect([allows(mes), allows(erp)]).toEqual([false, true]);
  });

  it.each([
    ["is not valid", "schema: 1\nroles: {}\nclients: [{ name: x }]\n", /access\.yaml:3:\d+: clients\[0\]/],
    ["is no YAML", "schema: [", /access\.yaml:\d+:\d+/],
    ["is empty", "", /access\.yaml:1:1/],
    ["is gone", undefined, /there is no such file/],
  ])("does not count where it %s: the last good one does, and the log says so once", async (_, text, what) => {
    if (text === undefined) rmSync(file);
    else replace(text);
    await look(5);
    expect([allows(mes), allows(erp)]).toEqual([true, false]);
    const errors = log.filter(({ level }) => level === "error");
    expect(errors).toEqual([expect.objectContaining({ what: expect.stringMatching(what) })]);

    replace(list(`{ publicKey: ${erp.pin} }`));
    await look(2);
    expect([allows(mes), allows(erp)]).toEqual([false, true]);
  });

  it("counts with the CA files that it names, which are watched, too", async () => {
    const other = await makeCa();
    const caFile = join(folder, "ca.pem");
    writeFileSync(caFile, ca.cert);
    replace(list("{ issuer: ca.pem, dns: mes.example }"));
    await access.reload();
    expect([allows(mes), allows(erp)]).toEqual([true, false]);
    replace(other.cert, caFile);
    await look(2);
    expect(allows(mes)).toBe(false);
    replace("no PEM", caFile);
    await look(3);
    expect(log.at(-1)).toMatchObject({ level: "error", what: expect.stringMatching(/access\.yaml:3:.*issuer: /) });
    replace(ca.cert, caFile);
    await look(2);
    expect(allows(mes)).toBe(true);
  });

  it("is looked at no more once it is closed", async () => {
    await access.close();
    expect(clock.pending).toBe(0);
  });
});

it("a list that is not there or not valid is told with its place at the start", async () => {
  const options = {
    own: ca.cert,
    clock,
    logger: jsonLogger(
      () => undefined,
      () => 0,
    ),
  };
  await expect(AccessFile.open({ ...options, file: join(folder, "none.yaml") })).rejects.toMatchObject({
    details: { what: expect.stringMatching(/none\.yaml: there is no such file/) },
  });
  writeFileSync(file, "schema: 1\nclients: []\n");
  await expect(AccessFile.open({ ...options, file })).rejects.toMatchObject({
    details: { what: expect.stringMatching(/access\.yaml:1:1: roles: is missing/) },
  });
});
