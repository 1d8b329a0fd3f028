/**
 * What every open page shows at once: the whole state first, then numbered changes. Both sides of GET /api/events share it.
 *
 * The stream has three kinds of event: `state` (a PageState) first and whenever the page's last number is not known any more, `change`
 * (a PageChange), and `beat` (a PageBeat) once a second. The id of `state` and `change` is `EPOCH:NUMBER`; a page that comes back sends
 * the last one as Last-Event-ID and is given the changes after it.
 */

export interface LocalText {
  readonly ko: string;
  readonly en: string;
}

export const OUTCOMES = ["PASS", "FAIL", "ERROR", "TIMEOUT", "ABORTED"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface PageState {
  /** Another one after each start of the station: numbers of an earlier one mean nothing. */
  readonly epoch: string;
  readonly number: number;
  /** ms since the epoch, the station's. */
  readonly now: number;
  readonly station: StationView;
  /** In the configuration's order. */
  readonly bays: readonly BayView[];
  readonly servers: readonly ServerView[];
  readonly outbox: OutboxCount;
}

/** What is there takes the place of what the page had; a bay is replaced as a whole, by its name. */
export interface PageChange {
  readonly number: number;
  readonly now: number;
  readonly bay?: BayView;
  readonly servers?: readonly ServerView[];
  readonly outbox?: OutboxCount;
}

export interface PageBeat {
  readonly now: number;
  /** Number of the last change. A page that has another one asks for the whole state. */
  readonly number: number;
}

/** ms from what a page heard last until the station takes no scan of it any more. */
export const SCAN_HOLDS = 4_000;
/** ms after which a page gives a scan up: longer than it holds, so that none that was given up is taken yet. */
export const SCAN_LIMIT = 5_000;

export interface StationView {
  readonly id: string;
  readonly mode: "simulator" | "plant";
  readonly language: "ko" | "en" | "both";
  readonly programVersion: string;
}

export const SERVER_NAMES = ["vPKI", "KMS"] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export interface ServerView {
  readonly name: ServerName;
  readonly state: "up" | "down" | "unknown";
  /** What it said last; left out where all is well. */
  readonly trouble?: LocalText;
}

export interface OutboxCount {
  readonly waiting: number;
  readonly quarantined: number;
  /** True where so much waits that no unit may begin. */
  readonly full: boolean;
}

export interface BayView {
  readonly name: string;
  /** Link's URL; undefined where a simulator is started for each run. */
  readonly link: string | undefined;
  /** What the next unit is provisioned with; undefined where the scan decides. */
  readonly profile: ProfileView | undefined;
  readonly phase: "idle" | "queued" | "running" | "aborting";
  /** Bay that has the adapter which this one waits for. */
  readonly waitsFor: string | undefined;
  /** What was read for the next unit, by the names of the profile's inputs, and what is still missing. */
  readonly scan: ScanView;
  readonly run: RunView | undefined;
  readonly prompt: PromptView | undefined;
  /** Stays until the next unit is begun. */
  readonly verdict: VerdictView | undefined;
}

export interface ProfileView {
  readonly name: string;
  readonly version: number;
  readonly title: LocalText;
  /** False: runs in simulator mode only. */
  readonly approved: boolean;
}

export interface ScanView {
  readonly read: readonly { readonly name: string; readonly label: LocalText; readonly value: string }[];
  readonly missing: readonly { readonly name: string; readonly label: LocalText }[];
  /** Why the last thing that was scanned was not taken; never what it was, which may be a badge. */
  readonly refused: { readonly why: LocalText } | undefined;
}

export interface RunView {
  /** Undefined until the journal knows the run. */
  readonly runId: string | undefined;
  readonly profile: ProfileView;
  readonly inputs: Readonly<Record<string, string>>;
  /** ms since the epoch. */
  readonly startedAt: number;
  /** ms. */
  readonly takt: number | undefined;
  readonly resumed: boolean;
  readonly groups: readonly GroupView[];
}

/** Steps of one kind, folded: identify, prepare, certificates, keys, sync, lock, verify. */
export interface GroupView {
  readonly group: StepGroup;
  readonly steps: readonly StepView[];
}

export const STEP_GROUPS = ["identify", "prepare", "certificates", "keys", "sync", "lock", "verify"] as const;
export type StepGroup = (typeof STEP_GROUPS)[number];

export interface StepView {
  /** As the journal has it: `open`, `cert:prov-2`, `key:secoc-4` … */
  readonly step: string;
  readonly state: "waiting" | "running" | "done" | "failed" | "skipped";
  readonly startedAt: number | undefined;
  readonly ms: number | undefined;
  /** What the ECU or a server said, for people; names as in the unit record. */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
}

export interface PromptView {
  readonly id: string;
  readonly text: LocalText;
  /** Address of a picture, of this server. */
  readonly image?: string;
  /** Left out: any text. */
  readonly choices?: readonly { readonly value: string; readonly text: LocalText }[];
}

export interface VerdictView {
  readonly outcome: Outcome;
  /** Undefined where nothing was begun. */
  readonly runId: string | undefined;
  readonly vin: string | undefined;
  readonly ecuId: string | undefined;
  /** ms since the epoch. */
  readonly at: number;
  readonly ms: number;
  /** Results that had not reached their server at the end of the run: they are kept, and delivered later. */
  readonly owed: number;
  readonly failure?: FailureView;
}

export interface FailureView {
  readonly code: string;
  readonly step: string;
  readonly retryable: boolean;
  /** What happened, what was kept, what to do next. */
  readonly text: LocalText;
}
