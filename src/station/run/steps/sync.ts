/** Sync value: the KMS's CMAC of a challenge against one made by the slot, and the result owed to the KMS. */
import type { ProfileKey } from "../../../profiles/schema.js";
import { equalConstantTime } from "../../../shared/bytes.js";
import { StationError } from "../../../shared/errors.js";
import type { Run, StepScope } from "../run.js";
import { keyReport, slotName } from "./key.js";

export async function syncStep(run: Run, scope: StepScope, key: ProfileKey): Promise<void> {
  const { signal } = scope;
  const { ecuId } = run.unit;
  const slot = slotName(key.slot);
  scope.fact({ type: key.type, keyId: key.keyId, slot });
  const value = await run.deps.kms.requestSync(key.type, ecuId, key.keyId, signal);
  const mac = await run.target.generateMac(key.slot, value.challenge, signal);
  if (mac === undefined) {
    scope.fact({ reason: "the slot makes no CMAC" });
    scope.skip();
    return;
  }
  const tries = scope.before.filter((entry) => entry.event === "failed").length + 1;
  const reportId = `${run.runId}:${scope.step}:${tries}:report`;
  const report = { ...key, reportId, ecuId, correlationId: value.correlationId };
  if (!equalConstantTime(mac, value.keySyncValue)) {
    const error = new StationError("TARGET_SYNC_MISMATCH", { details: { slot } });
    scope.owe(keyReport(report, "OperationFailed", error.message, "sync"));
    throw error;
  }
  scope.owe(keyReport(report, "Success", "", "sync"));
  scope.fact({ proof: "CMAC", reportId });
}
