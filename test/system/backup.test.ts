import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { EVCC_ARGS, recordOf, recordsFile, rows } from "./cases.js";
import { callBuilt, run, start, startEcu, tempFolder } from "./harness.js";

const backUp = (data: string, to: string) => callBuilt("ecustation", ["backup", "--to", to, "--data", data]);
const restore = (from: string, data: string) => callBuilt("ecustation", ["restore", "--from", from, "--data", data]);

/** A data folder that a station and its servers have made. */
let data = "";
beforeAll(async () => {
  data = tempFolder();
  const done = await run("ecustation", ["demo", "--once", "--data", data]);
  expect(done.code, done.stderr).toBe(0);
});

async function newBackup(): Promise<string> {
  const copy = join(tempFolder("backup"), "copy");
  expect(await backUp(data, copy)).toMatchObject({ code: 0, stderr: "" });
  return copy;
}

describe("a backup", () => {
  it("of a run in the middle is what the same command goes on from, elsewhere, when all else was lost", async () => {
    const lost = tempFolder();
    const ecu = await startEcu("evcc");
    const unit = ["run", ...EVCC_ARGS, "--link", ecu.url];
    const first = start("ecustation", [...unit, "--data", lost]);
    await first.line((line) => line.includes("key:master"));
    // The machine is lost the moment that the backup is taken: what the ECU were given later would be in no store.
    first.child.kill("SIGSTOP");
    const copy = join(tempFolder("backup"), "copy");
    const made = await backUp(lost, copy);
    await first.kill();
    expect([made.code, made.stderr]).toEqual([0, ""]);
    rmSync(lost, { recursive: true });

    const elsewhere = join(tempFolder("restored"), "data");
    expect(await restore(copy, elsewhere)).toMatchObject({ code: 0, stderr: "" });
    expect(rows(recordsFile(elsewhere), "SELECT outcome FROM run")).toEqual([{ outcome: null }]);
    expect((await callBuilt("ecustation", ["records", "verify", "--data", elsewhere])).code).toBe(0);
    const record = recordOf(await run("ecustation", [...unit, "--data", elsewhere, "--json"]));
    expect([record.outcome, record.resumed, record.owed]).toEqual(["PASS", 1, 0]);
    expect((await callBuilt("ecustation", ["records", "verify", "--data", elsewhere])).code).toBe(0);
    await ecu.stop();
  });

  it("has the modes of what it copies, and leaves what belongs to running programs", async () => {
    const copy = await newBackup();
    for (const path of ["station.key", "records.sqlite.head", "servers/kms/kms.key", "servers/vpki/ca/passphrase"])
      expect([path, statSync(join(copy, path)).mode]).toEqual([path, statSync(join(data, path)).mode]);
    expect(statSync(copy).mode & 0o777).toBe(0o700);
    const { files } = JSON.parse(readFileSync(join(copy, "backup.json"), "utf8")) as { files: { path: string }[] };
    const paths = files.map(({ path }) => path);
    expect(paths).toContain("records.sqlite");
    // The station's records before the servers' stores, each behind its head.
    expect(paths.filter((path) => path.includes(".sqlite"))).toEqual([
      ...["records.sqlite.head", "records.sqlite", "servers/kms/kms.sqlite.head", "servers/kms/kms.sqlite"],
      ...["servers/vpki/vpki.sqlite.head", "servers/vpki/vpki.sqlite"],
    ]);
    expect(paths.filter((path) => /wal|shm|lock|tmp/.test(path))).toEqual([]);
  });

  it("that was changed, cut short or is none is not restored, and leaves nothing", async () => {
    const copy = await newBackup();
    const target = join(tempFolder("restored"), "data");
    const refused = async (what: RegExp) => {
      const { code, stderr } = await restore(copy, target);
      expect([code, existsSync(target)]).toEqual([2, false]);
      expect(stderr).toMatch(what);
    };
    const store = join(copy, "servers/kms/kms.sqlite");
    const former = readFileSync(store);
    appendFileSync(store, "x");
    await refused(/^ecustation: .*kms\.sqlite: was changed since the backup\n$/);
    rmSync(store);
    await refused(/kms\.sqlite: there is no such file/);
    writeFileSync(store, former);
    const manifest = join(copy, "backup.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace("servers/kms/kms.sqlite", "../../kms.sqlite"));
    await refused(/backup\.json: is not what ecustation backup writes/);
    rmSync(manifest);
    await refused(/is no backup, or one that did not come to its end/);
  });

  it("is not made of a data folder whose store was lost, which its head tells", async () => {
    const folder = join(tempFolder("restored"), "data");
    expect((await restore(await newBackup(), folder)).code).toBe(0);
    writeFileSync(join(folder, "servers/kms/kms.sqlite"), "");
    const copy = join(tempFolder("backup"), "copy");
    expect(await backUp(folder, copy)).toMatchObject({ code: 3, stderr: expect.stringContaining("STORE_LOST") });
    expect(existsSync(copy)).toBe(false);
    const servers = await callBuilt("ecustation", ["servers", "--data", folder]);
    expect(servers).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^ecustation: STORE_LOST: .*kms\.sqlite\.head/),
    });
    rmSync(join(folder, "records.sqlite"));
    const list = await callBuilt("ecustation", ["records", "list", "--data", folder]);
    expect(list).toMatchObject({ code: 3, stderr: expect.stringContaining("STORE_LOST") });
  });

  it("is neither written over something nor restored over something", async () => {
    const copy = await newBackup();
    expect(await backUp(data, copy)).toMatchObject({ code: 2, stderr: expect.stringContaining("is not empty") });
    expect(await restore(copy, data)).toMatchObject({ code: 2, stderr: expect.stringContaining("is not empty") });
    const within = join(data, "backup");
    expect(await backUp(data, within)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("data folder itself"),
    });
    const nothing = join(tempFolder(), "nothing");
    mkdirSync(nothing);
    expect(await backUp(nothing, join(tempFolder("backup"), "copy"))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("there is nothing to back up"),
    });
  });
});
