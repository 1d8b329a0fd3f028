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
  ResultSink,
  RunEvent,
  RunHeader,
  RunLedger,
  RunStore,
  VpkiClient,
} from "../ports.js";
import type { Decision } from "./decide.js";

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
  readonly bay: string;
  readonly link: string;
  readonly timers?: Partial<RunTimers>;
}

export interface RunRequest {
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
  readonly onEvent?: (event: RunEvent) => void;
  /** Who stands at the bay; left out, nobody can be asked. */
  readonly operator?: Operator;
}
