/** What the journal keeps of an ECU's identity: written when it is read, read back where a run ends without having met its unit again. Pure. */
import type { EcuIdentity } from "../ports.js";

/** An identity as the facts of a step. */
export function identityFacts(identity: EcuIdentity): Record<string, unknown> {
  const { state, vin, ...texts } = identity;
  return { ...texts, vin: vin ?? null, ...state };
}

const TEXTS = ["partNumber", "hwVersion", "swVersion", "systemName", "serialNumber", "ecuId"] as const;

/** The identity that those facts are of; undefined where they are of none. */
export function identityOfFacts(facts: Readonly<Record<string, unknown>>): EcuIdentity | undefined {
  const { vin, lifeCycle, keySlots, certificateSlots } = facts;
  if (!TEXTS.every((name) => typeof facts[name] === "string")) return undefined;
  if (lifeCycle !== "production" && lifeCycle !== "locked") return undefined;
  if (typeof keySlots !== "number" || typeof certificateSlots !== "number") return undefined;
  const texts = Object.fromEntries(TEXTS.map((name) => [name, facts[name]])) as Record<(typeof TEXTS)[number], string>;
  return {
    ...texts,
    vin: typeof vin === "string" ? vin : undefined,
    state: { lifeCycle, keySlots, certificateSlots },
  };
}
