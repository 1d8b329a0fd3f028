/** Sets the ECU's clock, so that it takes new certificates as valid. */
import type { Run, StepScope } from "../run.js";

export async function clockStep(run: Run, scope: StepScope): Promise<void> {
  const now = run.deps.clock.now();
  await run.session.setClock(now, scope.signal);
  scope.fact({ time: new Date(now).toISOString() });
}
