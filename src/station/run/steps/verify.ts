/** Resets the ECU and reads again: all that the run put there must still be there. */
import { createHash } from "node:crypto";
import { StationError } from "../../../shared/errors.js";
import type { EcuIdentity } from "../../ports.js";
import type { Run, StepScope } from "../run.js";
import { slotName } from "./key.js";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function lost(what: string): StationError {
  return new StationError("ECU_LOST_STATE", { details: { what } });
}

/** What no step of a run changes. */
const LASTING = ["partNumber", "hwVersion", "swVersion", "systemName", "serialNumber"] as const;

function compareIdentity(run: Run, now: EcuIdentity): void {
  const { profile } = run.deps;
  const { plan, inputs } = run.header;
  if (now.ecuId !== run.unit.ecuId) throw lost(`its EcuID is ${now.ecuId}`);
  for (const name of LASTING) {
    if (now[name] !== run.unit[name]) throw lost(`its ${name} is ${JSON.stringify(now[name])}`);
  }
  if (plan.includes("vin") && now.vin !== inputs.vin) throw lost(`its VIN is ${now.vin ?? "blank"}`);
  for (const { name, slot } of profile.keys) {
    const done = plan.includes(`key:${name}`);
    if (done && (now.state.keySlots & (1 << slot)) === 0) throw lost(`key slot ${slotName(slot)} is empty`);
  }
  if (plan.includes("lock") && now.state.lifeCycle !== "locked") throw lost("it is not locked");
}

export async function verifyStep(run: Run, scope: StepScope): Promise<void> {
  const { signal } = scope;
  if (!run.restarted) await run.session.reset(signal);
  const now = await run.session.identify(signal);
  await run.written();
  compareIdentity(run, now);
  for (const { name, slot } of run.deps.profile.certificates) {
    const step = `cert:${name}`;
    if (!run.header.plan.includes(step)) continue;
    const leaf = await run.target.readCertificate(slot, signal);
    const held = leaf === undefined ? undefined : sha256(leaf);
    if (held !== run.factsOf(step).sha256) throw lost(`certificate slot ${slot} does not hold ${name}`);
  }
  run.identity = now;
  scope.fact({ ...now.state });
}
