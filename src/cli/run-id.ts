/** Names of runs. */
import { randomBytes } from "node:crypto";

/** An id of `newRunId`, wherever one stands at the beginning of a name. */
export const RUN_ID = /^\d{8}T\d{9}Z-[0-9a-f]{10}/;

/** Sorts by time; unique over processes. */
export function newRunId(now: number): string {
  const time = new Date(now).toISOString().replace(/[-:.]/g, "");
  return `${time}-${randomBytes(5).toString("hex")}`;
}
