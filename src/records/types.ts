/** What the records tell: rows of the outbox and of the history. */
import type { JournalEntry, KmsResult, Outcome, RunHeader } from "../station/ports.js";
import type { RunResult } from "./run-result.js";
import type { UnitRecord } from "./unit-record.js";

/** The receiver of key and sync results; the others are named by the configuration and get the results of runs. */
export const KMS = "kms";

export interface OutboxEntry {
  /** Idempotency key, unique. */
  readonly id: string;
  readonly runId: string;
  /** Name of the receiver. */
  readonly sink: string;
  /** Empty where the unit was not identified. */
  readonly ecuId: string;
  /** What is sent: to the KMS a KmsResult, to all others the result of the run. */
  readonly result: KmsResult | RunResult;
  readonly state: "waiting" | "delivered" | "quarantined" | "waived";
  readonly attempts: number;
  /** ms since the epoch; when it was written. */
  readonly at: number;
  /** ms since the epoch; not tried before. */
  readonly nextAt: number;
  readonly lastError: string | undefined;
  /** ms since the epoch. */
  readonly settledAt: number | undefined;
  /** Why it was waived. */
  readonly reason: string | undefined;
}

/** A row that waits, as the delivery sees it. */
export interface WaitingRow {
  readonly id: string;
  /** Rows with the same are delivered in their order. */
  readonly order: string;
  /** ms since the epoch. */
  readonly nextAt: number;
}

/** What the outbox holds that is neither delivered nor waived, of all receivers. */
export interface OutboxLoad {
  readonly waiting: number;
  readonly quarantined: number;
  /** Of the results, without what the store needs around them. */
  readonly bytes: number;
  /** ms since the epoch; when the oldest was written. */
  readonly oldest: number | undefined;
}

export interface RunSummary {
  readonly runId: string;
  readonly bay: string;
  readonly profile: string;
  readonly vin: string | undefined;
  readonly ecuId: string | undefined;
  readonly serialNumber: string | undefined;
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
  /** Undefined while the run goes on or waits to be taken up again. */
  readonly outcome: Outcome | undefined;
  readonly code: string | undefined;
  readonly resumed: number;
}

export interface HistoryQuery {
  readonly vin?: string;
  readonly ecuId?: string;
  readonly serialNumber?: string;
  /** Serial of a certificate that the record names, hex. */
  readonly certificate?: string;
  readonly outcome?: Outcome;
  readonly code?: string;
  readonly station?: string;
  readonly bay?: string;
  /** Stands anywhere in VIN, EcuID, serial number, code, profile or id of the run; small letters count as capitals. */
  readonly text?: string;
  /** Runs that began in [from, to), ms since the epoch. */
  readonly from?: number;
  readonly to?: number;
  /** 1–500, default 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface HistoryPage {
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

/** A unit as its records name it; what the last of them said. */
export interface NamedUnit {
  readonly ecuId: string;
  readonly vin: string | undefined;
  readonly serialNumber: string | undefined;
  readonly profile: string;
}

/** A name that the vPKI gave certificates to, and their serials where they are known. */
export interface NamedCertificate {
  readonly type: string;
  /** Leaf first. */
  readonly dn: string;
  readonly serials: readonly string[];
  /** EcuID of the unit that was given the name since. */
  readonly heldBy: string | undefined;
}

export interface RevokedCertificate extends Omit<NamedCertificate, "heldBy"> {
  /** `kept`: another unit has the name now; `unknown-dn`: the vPKI issued nothing for it. */
  readonly state: "revoked" | "already-revoked" | "unknown-dn" | "kept";
  readonly heldBy?: string;
}

export interface RecordPage {
  /** As they are stored: JSON. */
  readonly records: readonly string[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export interface RunDetails {
  readonly header: RunHeader;
  /** Undefined while the run goes on or waits to be taken up again. */
  readonly record: UnitRecord | undefined;
  readonly journal: readonly JournalEntry[];
  readonly outbox: readonly OutboxEntry[];
}

/** One content of a profile. */
export interface ProfileVersion {
  /** SHA-256 of the content, lower-case hex. */
  readonly hash: string;
  readonly name: string;
  readonly version: number;
  /** As it was written, without keys in the clear. */
  readonly text: string;
}

export interface ProfileApproval {
  readonly person: string;
  /** ms since the epoch. */
  readonly at: number;
}

export interface KeptProfile extends Omit<ProfileVersion, "text"> {
  /** When it was first used or approved, ms since the epoch. */
  readonly keptAt: number;
  /** One a person, oldest first. */
  readonly approvals: readonly ProfileApproval[];
}

export interface ApprovalRequest {
  readonly profile: ProfileVersion;
  readonly person: string;
  /** How the program knows that it is this person, e.g. `account kim`. */
  readonly proof: string;
}
