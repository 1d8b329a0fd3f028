/** The machine of a run whose work never ends: for whoever looks at its states and transitions alone. */
import { createRunMachine, type RunWork } from "../../../src/station/run/machine.js";

const never = () => new Promise<never>(() => undefined);
const IDLE: RunWork = {
  check: never,
  open: never,
  identify: never,
  unlock: never,
  recover: never,
  step: never,
  record: never,
  teardown: never,
};

export const machine = createRunMachine(IDLE);

/** Innermost state. */
export function stateOf({ value }: { readonly value: unknown }): string {
  return typeof value === "string" ? value : String(Object.values(value as object)[0]);
}
