/** The unit's power: given before it is talked to, taken away and given back where the profile says so, ended with the run. */
import { StationError } from "../../../shared/errors.js";
import type { PowerReading, PowerSupply } from "../../ports.js";
import type { Run, StepScope } from "../run.js";

const factsOf = ({ voltage, current }: PowerReading) => ({
  ...(voltage === undefined ? {} : { voltage }),
  ...(current === undefined ? {} : { current }),
});

function supplyOf(run: Run): PowerSupply {
  const { power, bay, profile } = run.deps;
  if (power !== undefined) return power;
  throw new StationError("POWER_MISSING", { details: { what: `bay ${bay}, profile ${profile.name}` } });
}

/** Before the link is opened. @throws StationError POWER_* */
export async function powerOn(run: Run, scope: StepScope): Promise<void> {
  // A profile that will need it is told before the unit is touched.
  if (run.header.plan.includes("power-cycle")) supplyOf(run);
  const { power } = run.deps;
  if (power === undefined) return;
  run.powered = true;
  scope.fact(factsOf(await power.on(scope.signal)));
}

/** The unit restarts as at its first start, and is as open as it was. */
export async function powerCycleStep(run: Run, scope: StepScope): Promise<void> {
  const supply = supplyOf(run);
  await run.session.reset(scope.signal, async () => scope.fact(factsOf(await supply.cycle(scope.signal))));
  const { plan } = run.header;
  // What is read at the end needs no lock open, and no second restart.
  if (plan[plan.indexOf(scope.step) + 1] === "verify") run.restarted = true;
  else await run.session.unlock(scope.signal);
}
