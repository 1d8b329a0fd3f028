/** Settles what earlier runs left open on this ECU: sets whose result nobody reported. The ECU knows which it stored. */
import type { Run, StepScope } from "../run.js";
import { keyReport } from "./key.js";
import { isStored, notedReceipt } from "./load.js";

/** @param todo steps of this run that settle their own loads */
export async function recoverStep(run: Run, scope: StepScope, todo: readonly string[]): Promise<void> {
  const { ledger, results } = run.deps;
  const loads = await ledger.unsettled(run.unit.ecuId);
  const open = loads.filter((load) => load.runId !== run.runId || !todo.includes(load.step));
  let stored = 0;
  for (const load of open) {
    const success = await isStored(run, load.slot, notedReceipt(load), scope.signal);
    if (success) stored++;
    const message = success ? "" : "The ECU did not store the key.";
    scope.owe(keyReport(load, success ? "Success" : "OperationFailed", message));
    await scope.note({ settled: load.reportId, stored: success });
  }
  for (const load of open) await results.delivered(load.reportId, scope.signal);
  scope.fact({ settled: open.length, stored, left: todo.length });
}
