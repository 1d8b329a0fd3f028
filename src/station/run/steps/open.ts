/** Gives the ECU power, and opens the link to it. */
import type { Run, StepScope } from "../run.js";
import { powerOn } from "./power.js";

export async function openStep(run: Run, scope: StepScope): Promise<void> {
  await powerOn(run, scope);
  const opening = run.deps.openSession(scope.signal);
  // Adopted even when it comes too late: the run then closes it.
  run.adopt(await opening);
}
