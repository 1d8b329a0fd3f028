import type { OutboxEntry } from "../../../../src/records/types.js";

/** The row of a run's result. */
export function resultRow(runId = "run-1"): OutboxEntry {
  return {
    id: `${runId}:result:mes`,
    runId,
    sink: "mes",
    ecuId: "",
    result: { schema: 1, kind: "run", id: `${runId}:result:mes`, runId, outcome: "PASS" } as OutboxEntry["result"],
    state: "waiting",
    attempts: 0,
    at: 0,
    nextAt: 0,
    lastError: undefined,
    settledAt: undefined,
    reason: undefined,
  };
}

/** A signal that nobody ends. */
export const going = new AbortController().signal;
