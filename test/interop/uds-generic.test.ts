/** A tester of its own, from ISO 14229-1 alone, on a tour through the plain UDS ECU of hw-profiles/generic-uds.yaml. */
import { describe, expect, it } from "vitest";
import { requirePython } from "../require.js";
import { start } from "../system/harness.js";
import { checkLines, failures } from "./lines.js";

const present = requirePython();

/** Area of uds_generic.py, what it looks at, and the least number of checks. */
const AREAS: readonly (readonly [string, string, number])[] = [
  ["sessions", "sessions, resets, S3, and what is in which session", 40],
  ["security", "a 4-byte seed, its key, 35, 36, 37 and the delay", 19],
  ["data", "F190, F195 and 0100", 16],
  ["routine", "FF00 answers after three 0x78", 9],
  ["download", "20,000 bytes down and up again, 24, 31, 71, 73", 38],
  ["functional", "what is told to all, and what is suppressed", 43],
  ["dtcs", "trouble codes that come, go, are frozen and cleared", 30],
];

describe.runIf(present).concurrent("a plain UDS ECU and a tester that nobody made for it", () => {
  it.each(AREAS)("%s: %s", async (area, _what, least) => {
    const ecu = start("ecu-sim", ["--profile", "generic-uds", "--control", "tcp://127.0.0.1:0"], { limit: 300_000 });
    const first = JSON.parse(await ecu.line(() => true)) as { listening: string; control: string };
    const control = area === "dtcs" ? [first.control] : [];
    const seen = await checkLines("uds_generic.py", [first.listening, area, ...control], 100_000);
    await ecu.stop();
    expect(failures(seen.lines)).toEqual([]);
    expect(seen.summary, seen.errors).toMatchObject({ failed: 0 });
    expect(seen.summary.passed).toBeGreaterThanOrEqual(least);
  });
});
