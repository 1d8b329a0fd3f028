/** Answers of the page's other requests. */
import type { Role } from "./roles.js";
import type { LocalText, Outcome, ServerName, StepView, VerdictView } from "./state.js";

/** session, signIn and signOut. */
export interface SessionView {
  /** Undefined where nobody is signed in. In simulator mode without users everybody is an engineer without a name. */
  readonly user: { readonly name: string | undefined; readonly role: Role } | undefined;
  /** Goes with every POST as x-csrf-token; another one after signing in or out. */
  readonly csrf: string;
  /** False until the first user was made (`ecustation users add`). */
  readonly users: boolean;
}

/** runs */
export interface RunPage {
  /** Newest first. */
  readonly runs: readonly RunRow[];
  /** Goes into `after` of the next request; undefined on the last page. */
  readonly next: string | undefined;
}

export interface RunRow {
  readonly runId: string;
  readonly bay: string;
  readonly profile: string;
  readonly vin: string | undefined;
  readonly ecuId: string | undefined;
  readonly serialNumber: string | undefined;
  readonly startedAt: number;
  readonly ms: number | undefined;
  readonly outcome: Outcome | undefined;
  readonly code: string | undefined;
}

/** run */
export interface RunDetail extends RunRow {
  readonly station: string;
  readonly profileVersion: number;
  readonly profileHash: string;
  readonly programVersion: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly identity: readonly { readonly name: string; readonly value: string }[];
  readonly steps: readonly StepView[];
  readonly timers: readonly { readonly name: string; readonly ms: number }[];
  readonly certificates: readonly { readonly name: string; readonly serial: string; readonly notAfter: string }[];
  readonly receipts: readonly { readonly key: string; readonly m4: string; readonly m5: string }[];
  readonly verdict: VerdictView | undefined;
  readonly resumed: number;
  /** Formats in which the run's trace is kept. */
  readonly traces: readonly string[];
}

/** yield */
export interface YieldView {
  readonly from: number;
  readonly to: number;
  readonly units: number;
  /** Units whose first run passed. */
  readonly firstPass: number;
  readonly byOutcome: Readonly<Record<Outcome, number>>;
  /** Most frequent first. */
  readonly byCode: readonly { readonly code: string; readonly runs: number; readonly text: LocalText }[];
  /** One bucket an hour or a day, oldest first; takts in ms of the runs that passed. */
  readonly takts: readonly {
    readonly at: number;
    readonly runs: number;
    readonly median: number;
    readonly worst: number;
  }[];
}

/** profiles: a list of these */
export interface ProfileRow {
  readonly name: string;
  readonly version: number;
  readonly hash: string;
  readonly title: LocalText;
  readonly file: string;
  readonly approved: boolean;
  readonly approvals: readonly { readonly user: string; readonly at: number }[];
  /** Approvals that are still needed. */
  readonly needed: number;
  /** Hashes of versions that the station knew before, newest first. */
  readonly former: readonly string[];
}

/** profileChanges: the lines of both versions, in order. */
export interface ProfileChanges {
  readonly lines: readonly { readonly kind: "same" | "added" | "removed"; readonly text: string }[];
}

/** outbox: a list of these */
export interface OutboxRowView {
  readonly id: string;
  readonly sink: string;
  readonly runId: string;
  readonly ecuId: string;
  readonly what: string;
  readonly state: "waiting" | "quarantined";
  readonly attempts: number;
  readonly nextAt: number;
  readonly lastError: string | undefined;
}

/** users: a list of these */
export interface UserRow {
  readonly name: string;
  readonly role: Role;
  readonly badge: boolean;
  readonly locked: boolean;
}

/** bays: a list of what the configuration says of each; what it does is in the stream of the state */
export interface BayRow {
  readonly name: string;
  /** Undefined where a simulator is started for each run. */
  readonly link: string | undefined;
  /** Of the next unit; undefined where the scan decides. */
  readonly profile: string | undefined;
  /** Where that profile's keys and certificates go: `she-uds`, `pkcs11`. */
  readonly target: string | undefined;
  /** Supply of its units; undefined where the station switches none. */
  readonly power: string | undefined;
  /** ms; undefined where the profile's holds. */
  readonly takt: number | undefined;
}

/** adapters: a list of what `ecustation doctor` finds */
export interface CheckRow {
  readonly what: string;
  readonly state: "ok" | "warning" | "missing" | "broken";
  readonly text: string;
  readonly todo: string | undefined;
}

/** runMessages: a list of these; liveTrace: events `line`, one each. */
export interface TraceLine {
  /** ms since the epoch, with a fraction. */
  readonly at: number;
  /** A UDS message, something wrong on its way, or a remark (a step that begins). */
  readonly kind: "request" | "response" | "fault" | "note";
  /** Step of the run that it belongs to, where it is known. */
  readonly step?: string;
  readonly text: string;
  /** The message's bytes, lower case; empty for the others. */
  readonly hex: string;
}

/** simulator: what can be provoked in simulator mode; both empty in plant mode. */
export interface SimulatorView {
  readonly faults: readonly FaultRow[];
  /** Servers that the station is cut off from by breakServer. */
  readonly broken: readonly ServerName[];
}

export interface FaultRow {
  /** SPEC of `ecu-sim --fault`. */
  readonly spec: string;
  readonly text: LocalText;
}

/** Every refused request: 400 bad request, 401 sign in first, 403 not this role, 404, 409 not now, 429 locked, 503. */
export interface Refusal {
  readonly code: string;
  readonly text: LocalText;
  /** ms until it may be tried again (429). */
  readonly wait?: number;
}
