import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EVCC, recordOf, recordsFile, rows } from "./cases.js";
import { root, run, startEcu, tempFolder } from "./harness.js";

/** The EVCC with its master key and one more, so that a run is short. Every point of the whole run: test/sweep/run-kill. */
function shortProfile(): string {
  const text = readFileSync(join(root, "hw-profiles/evcc.yaml"), "utf8");
  const start = text.indexOf("certificates:\n");
  const keys = text.indexOf("keys:\n", start);
  const secoc5 = text.indexOf("  - name: secoc-5", keys);
  const end = text.indexOf("  - { name: supplier", secoc5);
  const rest = text.slice(text.indexOf("\n", end) + 1);
  const short = `${text.slice(0, start)}certificates: []\n\n${text.slice(keys, secoc5)}${rest}`
    .replace(/^name: evcc$/m, "name: short")
    .replace(/^order: .*$/m, "order: [vin, clock, keys, lock]");
  const file = join(tempFolder("profile"), "short.yaml");
  writeFileSync(file, short);
  return file;
}

/** A run that is killed when the ECU was about to be given its second key. */
async function killed() {
  const profile = shortProfile();
  const data = tempFolder();
  const ecu = await startEcu(profile);
  const args = ["run", "--profile", profile, "--link", ecu.url, "--data", data, "--json", "--vin", EVCC.vin];
  const unit = [...args, "--pcid", EVCC.pcid, "--evccid", EVCC.evccid];
  const first = await run("ecustation", unit, { env: { ECUSTATION_KILL_AT: "after append key:secoc-4 noted" } });
  expect([first.signal, first.stdout]).toEqual(["SIGKILL", ""]);
  return { profile, data, ecu, unit };
}

describe("a station that is killed in the middle of a run", () => {
  it("goes on where it was when the same command is given again", async () => {
    const { data, ecu, unit } = await killed();
    const record = recordOf(await run("ecustation", unit));
    expect([record.outcome, record.resumed, record.owed]).toEqual(["PASS", 1, 0]);
    expect(rows(recordsFile(data), "SELECT outcome, resumed FROM run")).toEqual([{ outcome: "PASS", resumed: 1 }]);
    await ecu.stop();
  });

  it("asks what becomes of the run where its profile was changed since, and goes on with the former one if told so", async () => {
    const { profile, data, ecu, unit } = await killed();
    const former = readFileSync(profile, "utf8");
    writeFileSync(profile, former.replace("order: [vin, clock, keys, lock]", "order: [clock, vin, keys, lock]"));

    const undecided = await run("ecustation", unit);
    expect([undecided.code, recordOf(undecided).failure?.code]).toEqual([3, "RUN_UNDECIDED"]);
    expect(recordOf(undecided).failure?.details.may).toBe("go-on, anew, set-aside");

    const record = recordOf(await run("ecustation", [...unit, "--on-interrupted", "go-on"]));
    expect([record.outcome, record.resumed]).toEqual(["PASS", 1]);
    expect(record.header.plan.slice(3, 5)).toEqual(["vin", "clock"]);
    expect(rows(recordsFile(data), "SELECT run_id FROM run WHERE outcome IS NULL")).toEqual([]);
    await ecu.stop();
  });
});
