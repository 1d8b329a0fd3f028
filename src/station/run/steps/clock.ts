/** Sets the ECU's clock, so that it takes new certificates as valid. */
import type { Run, StepScope } from "../run.js";

/**
 * How far ahead of the station's the ECU's clock is set, ms. It is told whole seconds and may count in them, so it would else be up to two
 * seconds behind and refuse a certificate that was issued a moment ago as not yet valid.
 */
const LEAD = 2_000;

export async function clockStep(run: Run, scope: StepScope): Promise<void> {
  const time = run.deps.clock.now() + LEAD;
  await run.session.setClock(time, scope.signal);
  scope.fact({ time: new Date(Math.floor(time / 1_000) * 1_000).toISOString() });
}
