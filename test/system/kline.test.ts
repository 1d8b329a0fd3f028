/** A whole run over K-Line by the built programs: the station at one end of a pty pair, ecu-sim at the other. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { fileFlash } from "../../firmware-sim/flash/file.js";
import type { EcuState } from "../../firmware-sim/state.js";
import { type Cable, requireCable, serialCable } from "../cable.js";
import { EVCC, recordOf } from "./cases.js";
import { type Running, root, run, start, tempFolder } from "./harness.js";

describe.skipIf(!requireCable())("a run over K-Line", () => {
  const state = join(tempFolder("kline"), "unit.flash");
  let cable: Cable;
  let ecu: Running;

  beforeAll(async () => {
    cable = await serialCable();
    const { far } = cable;
    ecu = start("ecu-sim", ["--profile", "body-she", "--link", `kline:${far}`, "--state", state], { limit: 300_000 });
    expect(JSON.parse(await ecu.line(() => true))).toEqual({ listening: `kline:${far}` });
  });
  afterAll(async () => {
    await ecu?.stop();
    await cable?.pull();
  });

  // A machine under load may hold a process, or the one between the ends, amid a message for more than the profile's 250 ms.
  const { uds, ...rest } = parse(readFileSync(join(root, "hw-profiles", "body-she.yaml"), "utf8")) as { uds: object };
  const profile = join(tempFolder("profile"), "body-she.yaml");
  writeFileSync(profile, stringify({ ...rest, uds: { ...uds, margin: 1_000, resetTime: 10_000 } }));

  const station = (query: string, data = tempFolder()) =>
    run("ecustation", [
      "run",
      ...["--profile", profile, "--vin", EVCC.vin, "--link", `kline:${cable.near}?${query}`],
      ...["--data", data, "--json"],
    ]);

  it("loads every key of the body ECU, proves, locks and reads back", async () => {
    const done = await station("init=none");
    const record = recordOf(done);
    expect([record.outcome, record.failure, record.owed, done.stderr]).toEqual(["PASS", undefined, 0, ""]);
    expect(record.steps.every(({ state: step }) => step === "done")).toBe(true);
    const flash = JSON.parse(Buffer.from((await fileFlash(state).load()) ?? []).toString("utf8")) as EcuState;
    expect([flash.vin, flash.locked, flash.she?.keys.length]).toEqual([EVCC.vin, true, 10]);
  });

  it("says what is wrong with the line, and leaves the unit alone: a pty knows no break", async () => {
    const record = recordOf(await station("init=fast"));
    expect([record.outcome, record.failure?.code]).toEqual(["ERROR", "LINK_UNSUPPORTED"]);
  });

  it("refuses an init that there is not in one line", async () => {
    const done = await station("init=slow");
    expect(done.code).toBe(2);
    expect(done.stderr).toMatch(/init must be fast, 5baud, none/);
  });

  it("tells of a cable that is pulled amid a run", async () => {
    const running = start("ecustation", [
      "run",
      ...["--profile", "body-she", "--vin", EVCC.vin, "--link", `kline:${cable.near}?init=none`],
      ...["--data", tempFolder()],
    ]);
    await running.line((line) => line.includes("open"));
    await cable.pull();
    const done = await running.finished;
    expect(`${done.stdout}${done.stderr}`).toContain("LINK_CLOSED");
    expect(done.code).not.toBe(0);
  });
});
