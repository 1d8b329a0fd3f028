/** What the KMS's operations decided, as rows of the audit log. Keys, M1–M5 and supplier secrets never come here. */
import type { AuditEntry } from "../../../audit/row.js";
import type { KmsFailure } from "../../../contract/kms.js";
import type { IssueArgs, Issued } from "./issue.js";
import type { ReportArgs, TakenReport } from "./report.js";
import type { CheckArgs, CheckedKey } from "./store.js";

/** Who asked, and for what. */
export interface Asked {
  /** Peer. */
  readonly actor: string;
  /** 54 lower-case hex digits. */
  readonly ecuId: string;
  /** ProvisioningType. */
  readonly type: string;
  readonly keyId: number;
  readonly requestId: string;
}

interface Args {
  readonly asked: Asked;
  readonly phase: string;
  readonly slot: number;
  readonly at: number;
}

function entryOf(action: string, outcome: string, args: Args, more: Readonly<Record<string, unknown>>): AuditEntry {
  const { actor, ecuId, type, keyId, requestId } = args.asked;
  const { phase, slot, at } = args;
  return { at, actor, action, subject: ecuId, outcome, details: { type, keyId, phase, slot, ...more, requestId } };
}

const refused = (action: string, args: Args, failure: KmsFailure) => entryOf(action, "refused", args, { failure });

export function issueEntry(args: IssueArgs, decided: Issued): AuditEntry {
  const action = "POST key";
  if (decided === "otherRequest") return refused(action, args, "idempotency");
  if (decided === "counterUsedUp") return refused(action, args, decided);
  if ("leasedFor" in decided) return refused(action, args, "leased");
  const { id, counter, flags, repeated } = decided;
  return entryOf(action, repeated ? "repeated" : "issued", args, { set: id, counter, flags });
}

export function reportEntry(args: ReportArgs, decided: TakenReport | "otherRequest" | "otherKey"): AuditEntry {
  const action = `PUT ${args.kind}`;
  if (decided === "otherRequest") return refused(action, args, "idempotency");
  if (decided === "otherKey") return refused(action, args, "correlation");
  return entryOf(action, decided.repeated ? "repeated" : "taken", args, {
    status: args.status,
    set: decided.set,
    ...(args.kind === "key" ? { receipt: decided.receipt } : {}),
  });
}

export function checkEntry(args: CheckArgs, decided: CheckedKey | "noKey"): AuditEntry {
  const action = "POST sync";
  return decided === "noKey" ? refused(action, args, decided) : entryOf(action, "given", args, { check: args.id });
}
