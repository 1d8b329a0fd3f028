/** What the records tell: rows of the outbox and of the history. */
import type { JournalEntry, OutboxRow, Outcome, RunHeader, RunRecord } from "../station/ports.js";

export interface OutboxEntry extends OutboxRow {
  readonly runId: string;
  readonly state: "waiting" | "delivered" | "quarantined";
  readonly attempts: number;
  /** ms since the epoch; not tried before. */
  readonly nextAt: number;
  readonly lastError: string | undefined;
  /** ms since the epoch. */
  readonly settledAt: number | undefined;
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
  readonly outcome?: Outcome;
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

export interface RunDetails {
  readonly header: RunHeader;
  /** Undefined while the run goes on or waits to be taken up again. */
  readonly record: RunRecord | undefined;
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
