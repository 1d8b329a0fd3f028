import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createEcu } from "../../../firmware-sim/ecu.js";
import { memoryFlash } from "../../../firmware-sim/flash/memory.js";
import { findEcus, placeName, placesOf } from "../../../src/cli/doctor/ecus.js";
import { openVirtual } from "../../../src/ecu/link/virtual/bus.js";
import { loadProfile } from "../../../src/profiles/loader.js";
import type { Profile } from "../../../src/profiles/schema.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { ran } from "./io-helper.js";

const load = (name: string): Profile => {
  const file = new URL(`../../../hw-profiles/${name}.yaml`, import.meta.url);
  return loadProfile(readFileSync(file, "utf8"), name).profile;
};
const EVCC = load("evcc");
const CCU = load("ccu");

let buses = 0;

/** The findings on a bus of these ECUs, for a profile. */
async function found(ecus: readonly Profile[], profile: Profile) {
  const clock = new VirtualClock();
  const bus = `doctor-${buses++}`;
  const running = await Promise.all(
    ecus.map((each) => createEcu({ profile: each, link: openVirtual(bus, clock), clock, flash: memoryFlash() })),
  );
  if (profile.can === undefined) throw new Error("a CAN profile is wanted");
  const signal = new AbortController().signal;
  const findings = await clock.drive(findEcus(openVirtual(bus, clock), profile, profile.can, clock, signal));
  await Promise.all(running.map((ecu) => ecu.close()));
  return { lines: findings.map(({ state, what }) => `${state} ${what}`), findings, ms: clock.monotonic() };
}

describe("doctor on a bus", () => {
  it("names the profile's ECU", async () => {
    const { lines, ms } = await found([EVCC], EVCC);
    expect(lines).toEqual(["OK 7E0/7E8 EVCC"]);
    expect(ms).toBeLessThan(1_000);
  });

  it("tells a second ECU on the line", async () => {
    const { lines, findings } = await found([CCU, EVCC], EVCC);
    expect(lines).toEqual(["OK 7E0/7E8 EVCC", "FAILED 7E2/7EA CCU"]);
    expect(findings[1]?.todo).toContain("another");
  });

  it("tells that another ECU is there instead", async () => {
    const { lines } = await found([CCU], EVCC);
    expect(lines).toEqual(["MISSING nobody answers at 7E0/7E8", "FAILED 7E2/7EA CCU"]);
  });

  it("tells an ECU of another kind at the profile's identifiers", async () => {
    const { lines } = await found([EVCC], { ...EVCC, expect: { ...EVCC.expect, systemName: "BODY" } });
    expect(lines).toEqual(["FAILED 7E0/7E8 EVCC"]);
  });

  it("tells a bus where nobody is", async () => {
    expect((await found([], EVCC)).lines).toEqual(["MISSING nobody answers at 7E0/7E8"]);
  });

  it("looks at every address where addresses stand in the identifiers", () => {
    const { padding, flowControl, timing, bitrate } = EVCC.can ?? { padding: undefined };
    if (padding === undefined || timing === undefined || flowControl === undefined) throw new Error("no CAN");
    const common = { padding, flowControl, timing, bitrate: bitrate ?? 500_000 };
    const addresses = { testerAddress: 0xf1, ecuAddress: 0x10, functionalAddress: 0x33 };
    const places = placesOf({ addressing: "normal-fixed", ...addresses, ...common }).map(placeName);
    expect(places).toHaveLength(255);
    expect(places[0]).toBe("address 10");
    expect(places).not.toContain("address F1");
  });

  it.each([
    ["--link", "virtual:x"],
    ["--profile", "evcc"],
  ])("wants both of link and profile: %s alone", async (...given) => {
    const { code, err } = await ran(["doctor", ...given]);
    expect(code).toBe(2);
    expect(err).toContain("--link and --profile");
  });
});
