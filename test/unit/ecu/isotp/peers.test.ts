/** Two peers and a bus that loses, doubles and delays frames: a message arrives as it was sent, or both sides say why not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CanFrame, CanLink, ReceivedFrame } from "../../../../src/ecu/link/link.js";
import { createIsoTp } from "../../../../src/ecu/transport/isotp/isotp.js";
import type { IsoTpOptions } from "../../../../src/ecu/transport/isotp/options.js";
import { toHex } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { isStationError } from "../../../../src/shared/errors.js";

type Fate = "pass" | "lose" | "double" | "delay";
/** Below N_Bs, so that no answer comes to a message that its sender has given up. */
const DELAY = 40;

/** A first or single frame, in normal addressing. */
const beginsMessage = ({ data }: CanFrame): boolean => (data[0] ?? 0xff) < 0x20;

/**
 * Two ends; each frame of both has its fate, in the order in which they are sent. A frame that is late is overtaken by others of its own
 * message alone: no bus has it after the next message's, and one that took its place there, with the same of 16 numbers, nobody could tell.
 */
function faultyBus(clock: VirtualClock, fates: Iterator<Fate>): readonly [CanLink, CanLink] {
  const listeners: ((frame: ReceivedFrame) => void)[] = [];
  const late = [new Set<() => void>(), new Set<() => void>()];
  const end = (own: 0 | 1): CanLink => ({
    url: "faulty:",
    maxPayload: 64,
    async send(frame: CanFrame) {
      const deliver = () => listeners[1 - own]?.({ ...frame, data: frame.data.slice(), at: clock.monotonic() });
      if (beginsMessage(frame)) for (const before of late[own] ?? []) before();
      const { value: fate = "pass" } = fates.next() as { value?: Fate };
      // The frame is on the bus before its sender goes on, and nobody answers it inside the sender's call.
      await Promise.resolve();
      if (fate === "delay") {
        const arrive = () => {
          timer.cancel();
          late[own]?.delete(arrive);
          deliver();
        };
        const timer = clock.timer(DELAY, arrive);
        late[own]?.add(arrive);
      } else for (let i = { pass: 1, lose: 0, double: 2 }[fate]; i > 0; i--) deliver();
    },
    onFrame(listener) {
      listeners[own] = listener;
      return () => undefined;
    },
    onEvent: () => () => undefined,
    onClosed: () => () => undefined,
    close: async () => undefined,
  });
  return [end(0), end(1)];
}

const side = fc.record({
  BS: fc.constantFrom(0, 1, 2, 5),
  STmin: fc.constantFrom(0, 1, 5, 0xf3, 0x90),
  txDl: fc.constantFrom(8, 12, 64),
  padding: fc.constantFrom(null, 0xcc),
  sendAhead: fc.constantFrom(1, 4),
});
const fates = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant("pass" as const) },
    { weight: 1, arbitrary: fc.constantFrom("lose", "double", "delay") },
  ),
  { maxLength: 120 },
);
const timing = { N_As: 100, N_Ar: 100, N_Bs: 500, N_Cr: 600, N_WFTmax: 5 } as const;

describe("two peers on a bus that loses, doubles and delays", () => {
  it("never get wrong data, end every message, and work again afterwards", async () => {
    const codes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        side,
        side,
        fates,
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (near, far, list, sizes, both) => {
          const clock = new VirtualClock();
          const [a, b] = faultyBus(clock, list[Symbol.iterator]());
          const options = (addressing: IsoTpOptions["addressing"], rest: Partial<IsoTpOptions>): IsoTpOptions => ({
            addressing,
            timing,
            ...rest,
          });
          const ends = [
            createIsoTp(a, options({ format: "normal", txId: 1, rxId: 2 }, near), clock),
            createIsoTp(b, options({ format: "normal", txId: 2, rxId: 1 }, far), clock),
          ] as const;
          const sent = [new Set<string>(), new Set<string>()] as const;
          const got: string[][] = [[], []];
          for (const i of [0, 1] as const) {
            ends[i].onMessage(({ data }) => got[i]?.push(toHex(data)));
            ends[i].onError((error) => codes.add(isStationError(error) ? error.code : `untyped ${error}`));
          }
          const talk = async (i: 0 | 1) => {
            for (const [n, size] of sizes.entries()) {
              // No two frames of all messages are alike, so that a piece in a wrong place is seen.
              const data = Uint8Array.from({ length: size }, (_, at) => (at * 7 + n * 61 + i * 113 + (at >> 5)) & 0xff);
              sent[i].add(toHex(data));
              try {
                await ends[i].send(data);
              } catch (error) {
                codes.add(isStationError(error) ? error.code : `untyped ${error}`);
              }
            }
          };
          await clock.drive(Promise.all([talk(0), ...(both ? [talk(1)] : [])]));
          await clock.advance(2_000);
          expect(clock.pending).toBe(0);
          for (const i of [0, 1] as const)
            for (const data of got[i] ?? []) expect(sent[(1 - i) as 0 | 1].has(data)).toBe(true);
          // The bus is sound from here on where its list is at an end.
          for (let i = 0; i < 120; i++) await a.send({ id: 9, extended: false, data: new Uint8Array(0) });
          const last = "55".repeat(99);
          await clock.drive(ends[0].send(Uint8Array.from({ length: 99 }, () => 0x55)));
          await clock.advance(0);
          expect(got[1]?.at(-1)).toBe(last);
        },
      ),
      { numRuns: 150 },
    );
    const known = ["ISOTP_TIMEOUT_BS", "ISOTP_TIMEOUT_CR", "ISOTP_WRONG_SN", "ISOTP_UNEXP_PDU"];
    expect([...codes].filter((code) => !known.includes(code))).toEqual([]);
    expect(codes.size).toBeGreaterThan(1);
  });
});
