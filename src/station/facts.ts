/** What of a step's facts people are shown; the others are for machines, in the record alone. */
import type { StepRecord } from "./ports.js";

const RECORD_ONLY: ReadonlySet<string> = new Set([
  "m4",
  "m5",
  "reportId",
  "correlationId",
  "sha256",
  "attempt",
  "slot",
  "code",
]);

/** In the record's order. */
export function shownFacts(facts: StepRecord["facts"]): readonly { readonly name: string; readonly value: string }[] {
  return Object.entries(facts)
    .filter(([name, value]) => !RECORD_ONLY.has(name) && value !== null)
    .map(([name, value]) => ({ name, value: typeof value === "string" ? value : JSON.stringify(value) }));
}
