/** Faults of the bus: single frames lost, doubled, late or altered, and a controller that leaves the bus. */
import type { CanFrame } from "../../src/ecu/link/link.js";
import type { Behaviour, Direction, Passing } from "./behaviour.js";
import { choice, named, optional, share, type ValuesOf, whole } from "./parameters.js";
import { type FaultRow, fault } from "./row.js";

const MOST = 1_000_000_000;
const DEFAULT_SEED = 1;

/** Which frames a fault strikes: of those after the first `skip`, every `every`-th, with probability `rate`, `times` at most. */
const WHICH = {
  DIR: optional(choice(["both", "in", "out"]), "both" as const),
  EVERY: named(whole(1, MOST, "frames"), 1),
  RATE: named(share(), 1),
  SKIP: named(whole(0, MOST, "frames"), 0),
  TIMES: named(whole(1, MOST, "frames"), Number.POSITIVE_INFINITY),
  SEED: named(whole(0, MOST), DEFAULT_SEED),
};

export const FRAME_FAULTS: Readonly<Record<string, FaultRow>> = {
  drop: fault("can", "frames are lost", WHICH, (which) => () => striking(which, () => [])),
  duplicate: fault("can", "frames come twice", WHICH, (which) => () => {
    return striking(which, (frame) => [pass(frame), pass(frame)]);
  }),
  delay: fault(
    "can",
    "frames come MS late; those behind may overtake them",
    { MS: whole(1, 600_000, "ms"), ...WHICH },
    ({ MS, ...which }) =>
      () =>
        striking(which, (frame) => [{ frame, delay: MS }]),
  ),
  corrupt: fault("can", "one bit of the frame's data is wrong", WHICH, (which) => () => {
    return striking(which, (frame, random) => [pass(flipped(frame, random))]);
  }),
  "bus-off": fault(
    "can",
    "after AFTER frames of its own the ECU's controller is bus-off: it hears and says nothing for MS, once",
    { AFTER: optional(whole(0, MOST, "frames"), 0), MS: optional(whole(1, 600_000, "ms"), undefined) },
    ({ AFTER, MS }) =>
      ({ clock }) => {
        let sent = 0;
        let since: number | undefined;
        return {
          frame(direction, frame) {
            if (direction === "out" && ++sent > AFTER) since ??= clock.monotonic();
            if (AFTER === 0) since ??= clock.monotonic();
            const off = since !== undefined && (MS === undefined || clock.monotonic() < since + MS);
            return off ? [] : [pass(frame)];
          },
        };
      },
  ),
};

const pass = (frame: CanFrame): Passing => ({ frame, delay: 0 });

/** A behaviour that does `strike` to the frames that `which` chooses. */
function striking(
  which: ValuesOf<typeof WHICH>,
  strike: (frame: CanFrame, random: () => number) => readonly Passing[],
): Behaviour {
  const { DIR, EVERY, RATE, SKIP, TIMES, SEED } = which;
  const random = generator(SEED);
  let seen = 0;
  let struck = 0;
  const chosen = (direction: Direction): boolean => {
    if ((DIR !== "both" && DIR !== direction) || struck >= TIMES || ++seen <= SKIP) return false;
    return (seen - SKIP) % EVERY === 0 && (RATE === 1 || random() < RATE);
  };
  return {
    frame(direction, frame) {
      if (!chosen(direction)) return [pass(frame)];
      struck++;
      return strike(frame, random);
    },
  };
}

function flipped(frame: CanFrame, random: () => number): CanFrame {
  const data = frame.data.slice();
  const bit = Math.floor(random() * data.length * 8);
  if (data.length > 0) data[bit >> 3] = (data[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return { ...frame, data };
}

/** Numbers in [0, 1), the same for a seed every time (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
