/** Provisioning session and security access. */
import type { Run, StepScope } from "../run.js";

export async function unlockStep(run: Run, scope: StepScope): Promise<void> {
  await run.session.unlock(scope.signal);
}
