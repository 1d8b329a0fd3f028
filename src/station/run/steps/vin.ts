/** Writes the VIN into an ECU that has none. Another VIN was refused at identification. */
import { StationError } from "../../../shared/errors.js";
import type { Run, StepScope } from "../run.js";

export async function vinStep(run: Run, scope: StepScope): Promise<void> {
  const { vin } = run.header.inputs;
  if (vin === undefined) throw new StationError("INPUT_MISSING", { details: { what: "vin" } });
  scope.fact({ vin });
  if (run.unit.vin === vin) scope.skip();
  else await run.session.writeVin(vin, scope.signal);
}
