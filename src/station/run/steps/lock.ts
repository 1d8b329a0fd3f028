/** Closes the ECU's life cycle for good. An ECU that is locked already takes it again. */
import type { Run, StepScope } from "../run.js";

export async function lockStep(run: Run, scope: StepScope): Promise<void> {
  // What a run that is taken up again would have to do once more might need an open ECU.
  await run.written();
  await run.session.lock(scope.signal);
}
