/** How far an ECU is, for tests that want to know it without a tester: no key material. */
import type { EcuState } from "./state.js";

export interface EcuFacts {
  readonly vin: string | null;
  readonly lifeCycle: "production" | "locked";
  /** Session, and the level of security that is open in it. */
  readonly session: number;
  readonly level: number | null;
  /** Wrong keys of security access in a row. */
  readonly attempts: number;
  /** Filled ones. */
  readonly sheSlots: readonly { readonly slot: number; readonly counter: number; readonly flags: number }[];
  /** Certificate slots that hold a leaf. */
  readonly certificateSlots: readonly number[];
}

export function factsOf(
  { vin, locked, attempts, she, slots }: Readonly<EcuState>,
  { session, level }: { readonly session: number; readonly level: number | undefined },
): EcuFacts {
  return {
    vin,
    lifeCycle: locked ? "locked" : "production",
    session,
    level: level ?? null,
    attempts,
    sheSlots: (she?.keys ?? []).map(({ slot, counter, flags }) => ({ slot, counter, flags })),
    certificateSlots: slots.flatMap(({ leaf }, slot) => (leaf === undefined ? [] : [slot])),
  };
}
