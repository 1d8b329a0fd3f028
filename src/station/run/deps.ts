/** What one run is given. */
import type { Profile } from "../../profiles/schema.js";
import type { Clock } from "../../shared/clock.js";
import type { Logger } from "../../shared/logger.js";
import type { Secret } from "../../shared/secret.js";
import type {
  EcuSession,
  InjectionTarget,
  Inputs,
  KmsClient,
  Operator,
  OrderSource,
  PowerSupply,
  ResultSink,
  RunEvent,
  RunHeader,
  RunLedger,
  RunStore,
  VpkiClient,
} from "../ports.js";
import type { Decision } from "./decide.js";

/** Whether a unit may be run again: always, when the person at the bay says so, or never. */
export type ReworkRule = "allow" | "ask" | "refuse";

export interface ReworkPolicy {
  /** A unit that passed before. */
  readonly passed: ReworkRule;
  /** A unit that was scrapped (`ecustation revoke`). */
  readonly scrapped: ReworkRule;
}

export interface OpenedEcu {
  readonly session: EcuSession;
  readonly target: InjectionTarget;
}

export interface RunTimers {
  /** Most ms that a run waits for results owed by earlier runs, and for its own at its end. Default 10,000, range 0–600,000. */
  readonly flush: number;
  /** ms that a step has to come to rest after its limit or an abort. Default 2,000, range 0–60,000. */
  readonly unwind: number;
}

export const DEFAULT_RUN_TIMERS: RunTimers = { flush: 10_000, unwind: 2_000 };

/** What of a run follows from its profile. */
export interface UnitKind {
  readonly profile: Profile;
  readonly profileHash: string;
  /** The file that the profile was read from, absolute; for whoever takes the run up later. */
  readonly profileFile?: string;
  /** Opens the link; a session that comes after the signal's end is closed by the run. */
  openSession(signal: AbortSignal): Promise<OpenedEcu>;
  /** Lends a secret of the station's configuration; the run neither keeps nor wipes it. @throws StationError CONFIG_INVALID */
  secrets(name: string): Secret;
}

export interface RunDeps extends UnitKind {
  /** By the very profile that a run began with; undefined where nobody kept it, or this program does not take it any more. */
  earlier?(header: RunHeader): Promise<UnitKind | undefined>;
  readonly vpki: VpkiClient;
  readonly kms: KmsClient;
  readonly runs: RunStore;
  readonly ledger: RunLedger;
  readonly results: ResultSink;
  readonly orders: OrderSource;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Random bytes of cryptographic quality. */
  random(bytes: number): Uint8Array;
  /** A new id: 1–80 characters of A–Z, a–z, 0–9, `-`, `_`; ids made later sort later. */
  newRunId(): string;
  readonly programVersion: string;
  /** Id of the station. */
  readonly station?: string;
  /** What becomes of units that were here before; left out, each may be run again. */
  readonly rework?: ReworkPolicy;
  readonly bay: string;
  readonly link: string;
  /** What feeds the unit; left out, whoever puts it there. */
  readonly power?: PowerSupply;
  readonly timers?: Partial<RunTimers>;
}

export interface RunRequest {
  /** Who begins the run, for the record. */
  readonly by?: string;
  /** What the scan or the command line gave. */
  readonly inputs: Inputs;
  /** The EcuID that was ordered, 54 hex digits of any case. */
  readonly ecuId?: string;
  /**
   * Nobody stands at the bay: go on with an interrupted run where its own unit is still there, begin nothing. Ends with RUN_INTERRUPTED
   * where that cannot be.
   */
  readonly resumeOnly?: boolean;
  /** What becomes of an interrupted run that cannot simply go on; left out, the person at the bay is asked. */
  readonly onInterrupted?: Decision;
}

export interface RunOptions {
  /** Its end aborts the run: outcome ABORTED, teardown as always. */
  readonly signal?: AbortSignal;
  /** In their order, and a step's end once the journal has it: behind what the run does meanwhile. */
  readonly onEvent?: (event: RunEvent) => void;
  /** As a step begins, before its first frame. */
  readonly onStep?: (step: string) => void;
  /** Who stands at the bay; left out, nobody can be asked. */
  readonly operator?: Operator;
}
