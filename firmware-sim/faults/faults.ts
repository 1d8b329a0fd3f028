/** Faults that a simulated ECU is given on purpose: small behaviours that compose. Spec: `NAME[:VALUE…]`, several with commas. */
import { StationError } from "../../src/shared/errors.js";
import type { Behaviour, FaultContext } from "./behaviour.js";
import { DIAGNOSTIC_FAULTS } from "./diagnostics.js";
import { FRAME_FAULTS } from "./frames.js";
import { formOf } from "./parameters.js";
import type { FaultRow } from "./row.js";
import { UNIT_FAULTS } from "./unit.js";

/** A spec that was read; it does nothing until it is begun on an ECU. */
export interface Fault {
  readonly name: string;
  /** As it was given. */
  readonly spec: string;
  readonly wire: FaultRow["wire"];
  begin(context: FaultContext): Behaviour;
}

export const FAULTS: Readonly<Record<string, FaultRow>> = { ...DIAGNOSTIC_FAULTS, ...FRAME_FAULTS, ...UNIT_FAULTS };

/** How the fault of that name is written. */
export function faultForm(name: string): string {
  return formOf(name, FAULTS[name]?.parameters ?? {});
}

/** All forms, for a help text. */
export function faultForms(): string {
  return Object.keys(FAULTS)
    .map((name) => `  ${faultForm(name)}`)
    .join("\n");
}

/** Reads `--fault` specs, each of which may hold several with commas. @throws StationError USAGE */
export function parseFaults(specs: readonly string[]): Fault[] {
  return specs.flatMap((text) => text.split(",")).map((part) => parseFault(part.trim()));
}

function parseFault(spec: string): Fault {
  const [name = "", ...values] = spec.split(":");
  const row = Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
  if (row === undefined) throw bad(spec, `known are ${Object.keys(FAULTS).join(", ")}`);
  try {
    return { name, spec, wire: row.wire, begin: row.read(values, faultForm(name)) };
  } catch (error) {
    if (error instanceof RangeError) throw bad(spec, error.message);
    throw error;
  }
}

function bad(spec: string, what: string): StationError {
  return new StationError("USAGE", { details: { what: `--fault ${JSON.stringify(spec)}: ${what}` } });
}
