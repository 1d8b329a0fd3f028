/** UDS of ecu-sim under raw frames that a program of its own writes from ISO 14229-1 and -2: no ISO-TP, no UDS library. */
import { describe, expect, it } from "vitest";
import { requirePython } from "../require.js";
import { startEcu } from "../system/harness.js";
import { checkLines, failures } from "./lines.js";

const present = requirePython();

/** Area of uds_raw.py, what it looks at, the least number of checks, and how the ECU is started. */
const AREAS: readonly (readonly [string, string, number, readonly string[]])[] = [
  ["order", "of several reasons to refuse the first in the order of the standard is named", 50, []],
  ["functional", "requests to all: 11, 12, 31, 7E and 7F are not told, 13 is", 30, []],
  ["suppress", "the suppress bit takes positive responses alone", 15, []],
  ["security", "seeds, keys, attempts and the delay: 24, 35, 36, 37", 18, []],
  ["s3", "S3 ends a session, any request starts it anew, and it stops while one comes", 5, []],
  ["pending", "0x78 before P2 and each P2*, 0x21 meanwhile, and always a final response", 4, ["--fault", "slow:3000"]],
  ["transfer", "download: order, lengths, block counter, repeated blocks", 24, []],
];

describe.runIf(present).concurrent("raw UDS requests and what ecu-sim answers", () => {
  it.each(AREAS)("%s: %s", async (area, _what, least, args) => {
    const ecu = await startEcu("evcc", args);
    const seen = await checkLines("uds_raw.py", [ecu.url, area], 100_000);
    await ecu.stop();
    expect(failures(seen.lines)).toEqual([]);
    expect(seen.summary, seen.errors).toMatchObject({ failed: 0 });
    expect(seen.summary.passed).toBeGreaterThanOrEqual(least);
  });
});
