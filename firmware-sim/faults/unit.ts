/** Faults of the unit itself: its power, its flash, its clock. */
import { PowerCut, type StepKind } from "../flash/flash.js";
import { Waits } from "./behaviour.js";
import { choice, optional, whole } from "./parameters.js";
import { type FaultRow, fault } from "./row.js";

/** A century, s. */
const MOST_OFFSET = 3_155_760_000;
const MILLION = 1_000_000;
const STEP_KINDS = ["write", "erase", "sync", "swap", "done"] as const satisfies readonly StepKind[];

/** The power is gone by a fault, for `offFor` ms or until somebody turns it on. */
export class FaultPowerCut extends PowerCut {
  constructor(
    count: number,
    bytes: number,
    readonly offFor: number | undefined,
  ) {
    super(count, bytes);
  }
}

export const UNIT_FAULTS: Readonly<Record<string, FaultRow>> = {
  "power-cut": fault(
    "any",
    "the power goes at the N-th step of that KIND of the flash, once (half of a write is done, nothing of another), and is back after MS, else when it is turned on",
    {
      N: whole(1, 1_000_000),
      KIND: optional(choice(["any", ...STEP_KINDS]), "write" as const),
      MS: optional(whole(1, 600_000, "ms"), undefined),
    },
    ({ N, KIND, MS }) =>
      () => {
        let steps = 0;
        return {
          flash({ count, kind, size }) {
            if ((KIND === "any" || KIND === kind) && ++steps === N) throw new FaultPowerCut(count, size >> 1, MS);
          },
        };
      },
  ),
  "slow-flash": fault(
    "any",
    "every write of the flash takes MS longer, with 0x78 as it must be",
    { MS: whole(0, 600_000, "ms") },
    ({ MS }) =>
      ({ clock }) => {
        const waits = new Waits(clock);
        return {
          flash: ({ kind }) => (kind === "write" && MS > 0 ? waits.wait(MS) : undefined),
          letGo: () => waits.letGo(),
        };
      },
  ),
  "clock-skew": fault(
    "any",
    "the ECU's clock (F1B0, validity of certificates) runs PPM fast from when it was set, or the fault was, and is OFFSET ahead, also right after it was set",
    {
      PPM: whole(-MILLION, MILLION, "ppm"),
      OFFSET: optional(whole(-MOST_OFFSET, MOST_OFFSET, "s"), 0),
    },
    ({ PPM, OFFSET }) =>
      ({ clock }) => {
        const begin = clock.now();
        return {
          skew: (setAt) => OFFSET * 1_000 + Math.floor(((clock.now() - Math.max(begin, setAt)) * PPM) / MILLION),
        };
      },
  ),
};
