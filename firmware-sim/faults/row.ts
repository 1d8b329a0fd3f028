/** A row of the table of faults. */
import type { Behaviour, FaultContext } from "./behaviour.js";
import { type Parameters, readValues, type ValuesOf } from "./parameters.js";

export interface FaultRow {
  readonly about: string;
  readonly parameters: Parameters;
  /** `can` where it needs a CAN bus. */
  readonly wire: "can" | "any";
  /** What makes the behaviour of a spec with these values, for each ECU anew. @throws RangeError */
  read(texts: readonly string[], form: string): (context: FaultContext) => Behaviour;
}

/** @param make of the values that were read */
export function fault<P extends Parameters>(
  wire: FaultRow["wire"],
  about: string,
  parameters: P,
  make: (values: ValuesOf<P>) => (context: FaultContext) => Behaviour,
): FaultRow {
  return { wire, about, parameters, read: (texts, form) => make(readValues(parameters, texts, form)) };
}
