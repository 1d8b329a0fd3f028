/** All that the page's server needs of the station; app.ts and the commands implement it. */
import type { History } from "../../records/history.js";
import type { Users } from "../../records/users.js";
import type { Yields } from "../../records/yield.js";
import type { Clock } from "../../shared/clock.js";
import type { Listeners } from "../../shared/listeners.js";
import type { Logger } from "../../shared/logger.js";
import type { Bays } from "../../station/bays/bays.js";
import type { Inputs, LocalText } from "../../station/ports.js";
import type { OutboxCount, ServerName, StationView } from "../contract/state.js";
import type { CheckRow, FaultRow, OutboxRowView, ProfileChanges, ProfileRow, TraceLine } from "../contract/views.js";

/** An input of a profile, as a scan sees it. */
export interface PageInput {
  readonly name: string;
  readonly title: LocalText;
  /** Nothing else says its value: it has to be scanned. */
  readonly wanted: boolean;
  /** Whether the value as a whole is like what the profile expects. */
  accepts(value: string): boolean;
}

export interface PageProfile {
  readonly name: string;
  readonly version: number;
  /** SHA-256 of its content, hex. */
  readonly hash: string;
  /** Where it was read from, absolute. */
  readonly file: string;
  readonly title: LocalText;
  /** Where keys and certificates go. */
  readonly target: string;
  readonly approved: boolean;
  readonly inputs: readonly PageInput[];
}

export interface PageBay {
  readonly name: string;
  /** Undefined where a simulator is started for each run. */
  readonly link: string | undefined;
  /** Profile by name or file, where the configuration says it. */
  readonly profile: string | undefined;
  /** What feeds its units, as the configuration names it. */
  readonly power?: string | undefined;
  /** ms; undefined where the profile's holds. */
  readonly takt?: number | undefined;
}

/** What a bay is to do. */
export interface PageOrder {
  readonly bay: string;
  readonly profile: PageProfile;
  readonly inputs: Inputs;
  /** SPEC of a fault that its simulator has. */
  readonly fault?: string;
  /** Who asked for it; undefined where nobody has to sign in. */
  readonly operator: string | undefined;
}

export interface PageProfiles {
  /** @param bay where a unit of it is to be scanned. @throws StationError PROFILE_* */
  find(nameOrFile: string, bay: string): Promise<PageProfile>;
  list(): Promise<readonly ProfileRow[]>;
  /** Both versions by their hashes. @throws StationError PROFILE_NOT_FOUND */
  changes(hash: string, since: string): Promise<ProfileChanges>;
  /** @throws StationError PROFILE_NOT_FOUND */
  approve(hash: string, person: string): Promise<void>;
}

export interface PageServer {
  readonly name: ServerName;
  /** @throws StationError where it cannot be reached */
  ping(signal: AbortSignal): Promise<void>;
}

export interface PageOutbox {
  count(): Promise<OutboxCount>;
  rows(): Promise<readonly OutboxRowView[]>;
  /** False where it does not wait in quarantine any more. */
  retry(id: string, person: string): Promise<boolean>;
  waive(id: string, person: string, reason: string): Promise<boolean>;
}

export interface PageTraces {
  /** Formats in which a run's trace is kept. */
  formatsOf(runId: string): Promise<readonly string[]>;
  /** The file of a run's trace; undefined where there is none. */
  fileOf(runId: string, format: string): Promise<string | undefined>;
  /** Messages of a run's trace; none where there is none. */
  messages(runId: string, step: string | undefined, signal: AbortSignal): Promise<readonly TraceLine[]>;
  /** Lines of a bay's bus, those of before first. */
  live(bay: string): { readonly recent: readonly TraceLine[]; readonly added: Listeners<[TraceLine]> };
}

/** Simulator mode alone. */
export interface PageSimulator {
  readonly faults: readonly FaultRow[];
  /** Profile of a bay that has none. */
  readonly profile: string;
  /** Values for the inputs that would have been scanned. */
  scan(profile: PageProfile): Promise<Inputs>;
  broken(): readonly ServerName[];
  breakServer(server: ServerName, broken: boolean): void;
}

export interface PagePorts {
  readonly station: StationView;
  readonly places: readonly PageBay[];
  readonly bays: Bays;
  readonly profiles: PageProfiles;
  /** Begins a unit on its bay; how it ends is seen there. @throws StationError RUN_BUSY, BAY_UNKNOWN */
  begin(order: PageOrder): Promise<void>;
  readonly history: History;
  readonly yields: Yields;
  readonly users: Users;
  readonly servers: readonly PageServer[];
  readonly outbox: PageOutbox;
  readonly traces: PageTraces;
  adapters(signal: AbortSignal): Promise<readonly CheckRow[]>;
  readonly simulator: PageSimulator | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}
