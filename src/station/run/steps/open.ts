/** Opens the link to the ECU. */
import type { Run, StepScope } from "../run.js";

export async function openStep(run: Run, scope: StepScope): Promise<void> {
  const opening = run.deps.openSession(scope.signal);
  // Adopted even when it comes too late: the run then closes it.
  run.adopt(await opening);
}
