import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../../src/shared/bytes.js";
import type { Bench } from "./bench.js";
import { startGeneric, unlockGeneric } from "./generic.js";

let bench: Bench;
afterEach(() => bench.close());

/**
 * What each service may refuse with, beside 10, 11, 21, 72, 78, 7F that all may: the codes of its figure in ISO 14229-1:2020, and 14 where
 * the response has no fixed length.
 */
const CODES: Readonly<Record<number, readonly number[]>> = {
  16: [0x12, 0x13, 0x22, 0x7e],
  17: [0x12, 0x13, 0x22, 0x33, 0x7e],
  20: [0x13, 0x22, 0x31],
  25: [0x12, 0x13, 0x14, 0x31, 0x7e],
  34: [0x13, 0x14, 0x22, 0x31, 0x33],
  35: [0x13, 0x14, 0x22, 0x31, 0x33],
  39: [0x12, 0x13, 0x22, 0x24, 0x31, 0x35, 0x36, 0x37, 0x7e],
  40: [0x12, 0x13, 0x22, 0x31, 0x7e],
  46: [0x13, 0x22, 0x31, 0x33],
  49: [0x12, 0x13, 0x22, 0x24, 0x31, 0x33, 0x7e],
  52: [0x13, 0x22, 0x31, 0x33, 0x70],
  53: [0x13, 0x22, 0x31, 0x33, 0x70],
  54: [0x13, 0x24, 0x31, 0x71, 0x73, 0x92, 0x93],
  55: [0x13, 0x24, 0x31],
  61: [0x13, 0x22, 0x31, 0x33],
  62: [0x12, 0x13],
  133: [0x12, 0x13, 0x22, 0x31, 0x7e],
};
const GENERAL = [0x10, 0x11, 0x21, 0x72, 0x7f];
const WITH_SUB_FUNCTION = [0x10, 0x11, 0x19, 0x27, 0x28, 0x31, 0x3e, 0x85];
const UNTOLD_TO_ALL = [0x11, 0x12, 0x31, 0x7e, 0x7f];
const NOT_FOR_ALL = [0x23, 0x27, 0x2e, 0x31, 0x34, 0x35, 0x36, 0x37, 0x3d];
const served = Object.keys(CODES).map(Number);

const memory = fc
  .tuple(fc.constantFrom(0x23, 0x3d, 0x34, 0x35), fc.constantFrom("44", "14", "24", "f4"), fc.nat(20_010), fc.nat(300))
  .map(([sid, format, offset, size]) => {
    const head = sid === 0x34 || sid === 0x35 ? [sid, 0x00] : [sid];
    const bytes = Number.parseInt(format.charAt(0), 16);
    const address = (0x08000000 + offset).toString(16).padStart(8, "0");
    const length = size
      .toString(16)
      .padStart(2 * bytes, "0")
      .slice(-2 * bytes);
    return Uint8Array.from([...head, ...Buffer.from(`${format}${address}${length}`, "hex")]);
  });
const anyRequest = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 40 }),
  fc
    .tuple(fc.constantFrom(...served), fc.uint8Array({ maxLength: 12 }))
    .map(([sid, rest]) => Uint8Array.of(sid, ...rest)),
  fc
    .tuple(
      fc.constantFrom(0x10, 0x11, 0x19, 0x27, 0x28, 0x3e, 0x85),
      fc.nat(0x0b),
      fc.boolean(),
      fc.uint8Array({ maxLength: 5 }),
    )
    .map(([sid, sub, quiet, rest]) => Uint8Array.of(sid, sub | (quiet ? 0x80 : 0), ...rest)),
  fc
    .tuple(
      fc.constantFrom(0x22, 0x2e),
      fc.constantFrom(0xf1, 0x01),
      fc.constantFrom(0x90, 0x95, 0x00),
      fc.uint8Array({ maxLength: 34 }),
    )
    .map(([sid, high, low, rest]) => Uint8Array.of(sid, high, low, ...rest)),
  fc
    .tuple(fc.constantFrom(1, 2, 3, 0x81), fc.constantFrom(0xff, 0x00), fc.uint8Array({ maxLength: 18 }))
    .map(([sub, high, rest]) => Uint8Array.of(0x31, sub, high, 0x00, ...rest)),
  memory,
);

/** The final answers that are legal for a request. */
function judge(request: Uint8Array, functional: boolean, answers: readonly string[]): void {
  const [sid = 0, sub = 0] = request;
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  const isPending = (answer: string) => answer === `7f${hex(sid)}78`;
  const finals = answers.filter((answer) => !isPending(answer));
  const quiet = WITH_SUB_FUNCTION.includes(sid) && (sub & 0x80) !== 0;
  const mayBeSilent = functional || quiet;
  if (functional && (!served.includes(sid) || NOT_FOR_ALL.includes(sid))) {
    expect(answers).toEqual([]);
    return;
  }
  if (mayBeSilent && answers.length === 0) return;
  expect(finals).toHaveLength(1);
  const [answer = ""] = finals;
  const pending = answers.length > finals.length;
  if (answer.startsWith("7f")) {
    const code = Number.parseInt(answer.slice(4), 16);
    expect(answer).toBe(`7f${hex(sid)}${hex(code)}`);
    expect([...GENERAL, ...(CODES[sid] ?? [])]).toContain(code);
    if (code === 0x11) expect(served).not.toContain(sid);
    if (functional && !pending) expect(UNTOLD_TO_ALL).not.toContain(code);
    return;
  }
  expect(answer.slice(0, 2)).toBe(hex(sid + 0x40));
  if (WITH_SUB_FUNCTION.includes(sid)) expect(answer.slice(2, 4)).toBe(hex(sub & 0x7f));
  if (quiet) expect(pending).toBe(true);
}

describe("any request to a plain UDS ECU, physical or functional, in any session", () => {
  it("gets a legal answer, or legal silence, and the ECU goes on", async () => {
    bench = await startGeneric();
    const states = fc.constantFrom("1001", "1002", "1003", "unlocked", "as it is");
    await fc.assert(
      fc.asyncProperty(anyRequest, states, fc.boolean(), async (request, state, functional) => {
        if (functional && request.length > 7) return;
        if (state === "unlocked") await bench.ask("1002").then(() => tryToUnlock());
        else if (state !== "as it is") await bench.ask(state);
        judge(request, functional, await bench.hear(toHex(request), functional, 1_600));
        expect(await bench.ask("22f190")).toBe(`62f190${Buffer.from("KMHXX00XXXX000000").toString("hex")}`);
        expect(bench.fatal).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  /** Not while the delay runs. */
  async function tryToUnlock(): Promise<void> {
    if (/^6701/.test(await bench.ask("2701"))) await unlockGeneric(bench);
  }
});
