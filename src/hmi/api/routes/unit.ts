/** What of a record's unit is shown beside its steps. Pure. */
import type { RunDetails } from "../../../records/types.js";
import type { RunDetail } from "../../contract/views.js";

/** Of a record of either schema: certificates and receipts are in its steps' facts. */
export function unitParts(record: RunDetails["record"]): Pick<RunDetail, "certificates" | "receipts"> {
  const of = (kind: string) =>
    (record?.steps ?? []).flatMap(({ step, facts }) =>
      step.startsWith(`${kind}:`) ? [{ name: step.slice(kind.length + 1), facts }] : [],
    );
  return {
    certificates: of("cert").flatMap(({ name, facts: { serial, notAfter } }) =>
      typeof serial === "string" && typeof notAfter === "string" ? [{ name, serial, notAfter }] : [],
    ),
    receipts: of("key").flatMap(({ name, facts: { m4, m5 } }) =>
      typeof m4 === "string" && typeof m5 === "string" ? [{ key: name, m4, m5 }] : [],
    ),
  };
}
