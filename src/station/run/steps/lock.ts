/** Closes the ECU's life cycle for good. An ECU that is locked already takes it again. */
import type { Run, StepScope } from "../run.js";

export async function lockStep(run: Run, scope: StepScope): Promise<void> {
  await run.session.lock(scope.signal);
}
