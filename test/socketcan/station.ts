/** The built programs on a CAN interface. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { parse, stringify } from "yaml";
import type { RunRecord } from "../../src/station/ports.js";
import { EVCC, recordOf } from "../system/cases.js";
import { type Finished, type Running, root, start, tempFolder } from "../system/harness.js";

/**
 * A profile for a guest whose one processor all programs share: as the one that comes along, with more time for the computer, and
 * four keys where no more are wanted.
 * @param can members of `can` that differ
 * @returns the profile's file
 */
export function guestProfile(name: "evcc" | "body-she", can: object = {}): string {
  const profile = parse(readFileSync(join(root, `hw-profiles/${name}.yaml`), "utf8")) as {
    can: object;
    uds: object;
    keys: object[];
  };
  const keys = name === "evcc" ? profile.keys : profile.keys.slice(0, 4);
  const file = join(tempFolder("profile"), `${name}.yaml`);
  const changed = {
    ...profile,
    can: { ...profile.can, ...can },
    uds: { ...profile.uds, margin: 1_000, resetTime: 10_000 },
    keys,
  };
  writeFileSync(file, stringify(changed));
  return file;
}

/** ecu-sim on `link`, listening. */
export async function ecuOn(link: string, profile: string, args: readonly string[] = []): Promise<Running> {
  const ecu = start("ecu-sim", ["--profile", profile, "--link", link, ...args], { limit: 300_000 });
  await ecu.line((line) => line.startsWith('{"listening"'));
  return ecu;
}

/** Starts the station on one body ECU. */
export function station(
  name: string,
  profile: string,
  data: string,
  config: string,
  more: readonly string[] = [],
): Running {
  const unit = ["--profile", profile, "--vin", EVCC.vin, "--link", `socketcan:${name}`];
  const running = start("ecustation", ["run", ...unit, "--data", data, "--config", config, ...more], {
    limit: 120_000,
  });
  running.child.stdin.end();
  return running;
}

/** The run passed; its record. */
export function expectPass(done: Finished): RunRecord {
  const record = recordOf(done);
  expect([record.outcome, record.failure?.code, done.stderr]).toEqual(["PASS", undefined, ""]);
  return record;
}
