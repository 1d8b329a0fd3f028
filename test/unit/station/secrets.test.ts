import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ascii, concat, toHex } from "../../../src/shared/bytes.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import { jsonLogger } from "../../../src/shared/logger.js";
import { LeakFinder } from "../../leaks.js";
import { keysProfile, PLANTED_SECRET, Plant } from "./fakes.js";

let plant: Plant;
afterEach(() => plant.remove());

/** Whether any 8 bytes of the secret stand in the bytes, in any form. */
function leaks(bytes: Uint8Array, secret: Uint8Array): boolean {
  return new LeakFinder([{ name: "secret", bytes: secret }]).find(bytes).length > 0;
}

/** All that a run leaves behind: the database with its log, the program's log, events and record. */
function leftBehind(plant: Plant, ...texts: string[]): Uint8Array {
  const files = readdirSync(plant.folder).map((name) => new Uint8Array(readFileSync(join(plant.folder, name))));
  return concat(...files, ...texts.map(ascii));
}

async function runOnce(arrange?: (plant: Plant) => void) {
  plant = new Plant(new VirtualClock());
  plant.profile = keysProfile();
  const planted: Uint8Array[] = [ascii(PLANTED_SECRET)];
  plant.kms.tamper = (set) => {
    planted.push(set.m2.slice(), set.m3.slice());
    return set;
  };
  arrange?.(plant);
  const log: string[] = [];
  const logger = jsonLogger(
    (line) => log.push(line),
    () => 0,
  );
  const station = await plant.start({ deps: { logger } });
  const record = await station.run();
  await station.stop();
  const left = leftBehind(plant, log.join(""), JSON.stringify(station.events), JSON.stringify(record));
  return { record, left, planted };
}

describe("what a run leaves behind", () => {
  it("holds neither the supplier secret nor M2 and M3 after a PASS", async () => {
    const { record, left, planted } = await runOnce();
    expect(record.outcome).toBe("PASS");
    expect(plant.kms.secretSeen).toBe(PLANTED_SECRET);
    expect(planted).toHaveLength(7);
    expect(planted.filter((secret) => leaks(left, secret))).toEqual([]);
  });

  it("holds none of them after a failure either", async () => {
    const { record, left, planted } = await runOnce(({ ecu }) => {
      ecu.faults.beforeLoad = (slot) => {
        if (slot === 13) throw new StationError("LINK_CLOSED", { details: { what: "tcp" } });
      };
    });
    expect(record.outcome).toBe("ERROR");
    expect(planted.filter((secret) => leaks(left, secret))).toEqual([]);
  });

  it.each([
    ["raw", PLANTED_SECRET],
    ["in hex", toHex(ascii(PLANTED_SECRET))],
    ["in upper-case hex", toHex(ascii(PLANTED_SECRET)).toUpperCase()],
    ["in base64", Buffer.from(PLANTED_SECRET).toString("base64")],
    ["in base64 behind two other bytes", Buffer.from(`xx${PLANTED_SECRET}`).toString("base64")],
    ["in part", PLANTED_SECRET.slice(5, 14)],
  ])("would be found out by a planted one: %s", async (_, text) => {
    const { left } = await runOnce();
    expect(leaks(concat(left, ascii(text)), ascii(PLANTED_SECRET))).toBe(true);
  });
});
