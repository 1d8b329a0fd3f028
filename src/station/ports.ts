/** All that a run needs from outside. Adapters implement these; app.ts wires them. */
import type { CertificateType, KeyType, Profile } from "../profiles/schema.js";
import type { ErrorCode, ErrorDetails, Layer } from "../shared/errors.js";
import type { Secret } from "../shared/secret.js";

export type { Clock } from "../shared/clock.js";
export type { PowerReading, PowerSupply } from "./power-port.js";

export type Outcome = "PASS" | "FAIL" | "ERROR" | "TIMEOUT" | "ABORTED";

/** Inputs by the profile's names: vin, pcid, evccid, hostName, vehicleCode … */
export type Inputs = Readonly<Record<string, string>>;

/** What is to be done to one unit. */
export interface Order {
  /** Where it was read, for people. */
  readonly source: string;
  /** Values by the profile's names; ones that the profile has not are passed over. */
  readonly inputs: Inputs;
  /** Name of the profile that it is for. */
  readonly profile?: string;
  /** The EcuID that the unit must have, 54 hex digits of any case. */
  readonly ecuId?: string;
}

/** Where orders come from: what neither the scan nor the command line gave. */
export interface OrderSource {
  /**
   * The order of the unit that `given` names; undefined where there is none. `missing`: the inputs that are still wanted.
   * @throws StationError ORDERS_UNREACHABLE, ORDER_INVALID
   */
  orderFor(
    profile: Profile,
    given: Inputs,
    missing: readonly string[],
    signal: AbortSignal,
  ): Promise<Order | undefined>;
}

// ------------------------------------------------------------------------------------------------------------- the operator

/** A text for people, in both languages. */
export interface LocalText {
  readonly ko: string;
  readonly en: string;
}

/** What the person at the bay is asked. */
export interface Prompt {
  readonly text: LocalText;
  /** Name of a picture of the plant's folder. */
  readonly image?: string;
  /** What may be answered; left out, any text. */
  readonly choices?: readonly { readonly value: string; readonly text: LocalText }[];
}

/** The person at the bay. */
export interface Operator {
  /** The value of the choice, or the text. @throws the signal's reason where that ends first */
  ask(prompt: Prompt, signal: AbortSignal): Promise<string>;
}

// ---------------------------------------------------------------------------------------------------------------- the ECU

export interface EcuIdentity {
  readonly partNumber: string;
  readonly hwVersion: string;
  readonly swVersion: string;
  readonly systemName: string;
  readonly serialNumber: string;
  /** 17 characters; undefined while the ECU's VIN is blank (17 × FF). */
  readonly vin: string | undefined;
  /** 54 hex digits, lower case. */
  readonly ecuId: string;
  readonly state: ProvisioningState;
}

export interface ProvisioningState {
  readonly lifeCycle: "production" | "locked";
  /** Bit n = SHE slot n is filled. */
  readonly keySlots: number;
  /** Bit n = certificate slot n holds a leaf. */
  readonly certificateSlots: number;
}

/** The session with one ECU over its diagnostic interface. One call at a time. */
export interface EcuSession {
  identify(signal: AbortSignal): Promise<EcuIdentity>;
  /** Provisioning session and security access; keeps the session alive until `close` or `reset`. */
  unlock(signal: AbortSignal): Promise<void>;
  writeVin(vin: string, signal: AbortSignal): Promise<void>;
  /** @param epochMs wall time, ms since the epoch */
  setClock(epochMs: number, signal: AbortSignal): Promise<void>;
  lock(signal: AbortSignal): Promise<void>;
  /**
   * Resets the ECU and waits until it answers again.
   * @param restart what restarts it in place of ECUReset: its power taken away and given back
   */
  reset(signal: AbortSignal, restart?: () => Promise<void>): Promise<void>;
  /** Back to the default session, best effort; then the link is closed. Never rejects. */
  close(signal: AbortSignal): Promise<void>;
  /** Measured timers so far (largest value of each, ms), for the record. */
  timers(): Readonly<Record<string, number>>;
}

// ----------------------------------------------------------------------------------------------------------- the target

export type Curve = "P-256" | "P-521";

/** Where keys and certificates go. */
export interface InjectionTarget {
  /** Makes a key pair in the target and a CSR signed by it; the answer is the CSR in DER. */
  makeCsr(request: CsrRequest, signal: AbortSignal): Promise<Uint8Array>;
  /** The leaf in a certificate slot, DER; undefined while it is empty. */
  readCertificate(slot: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Installs issuing CAs, anchors and then the leaf (all DER). Repeating it with the same leaf is harmless. */
  installCertificate(slot: number, leaf: Uint8Array, chain: CertificateChain, signal: AbortSignal): Promise<void>;
  /** ECDSA signature (DER) by the slot's key over the 32-byte challenge with the slot's hash. */
  prove(slot: number, challenge: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /** Loads M1–M3 and gives M4 and M5. @throws StationError TARGET_KEY_REFUSED with the SHE status */
  loadKey(slot: number, set: KeyUpdate, signal: AbortSignal): Promise<KeyReceipt>;
  /** M4 and M5 of the last load of that slot which was stored; undefined if there was none. */
  lastLoad(slot: number, signal: AbortSignal): Promise<KeyReceipt | undefined>;
  /** CMAC by a slot's key; undefined where the slot cannot make one. */
  generateMac(slot: number, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array | undefined>;
}

export interface CsrRequest {
  readonly name: string;
  readonly slot: number;
  readonly curve: Curve;
  /** Subject Name, DER. */
  readonly subject: Uint8Array;
  /** The Attribute SEQUENCEs one after the other, without the A0 header; may be empty. */
  readonly attributes: Uint8Array;
}

export interface CertificateChain {
  /** The leaf's issuer first. */
  readonly issuers: readonly Uint8Array[];
  readonly anchors: readonly Uint8Array[];
}

export interface KeyUpdate {
  /** 16, 32 and 16 bytes. */
  readonly m1: Uint8Array;
  readonly m2: Uint8Array;
  readonly m3: Uint8Array;
}

export interface KeyReceipt {
  /** 32 and 16 bytes. */
  readonly m4: Uint8Array;
  readonly m5: Uint8Array;
}

// ---------------------------------------------------------------------------------------------------------- the servers

export interface CertificateRequest {
  readonly type: CertificateType;
  readonly csrPem: string;
  readonly unitCode: string;
  readonly tierCode: string;
  readonly vehicleCode: string;
  readonly localCode: string;
  readonly brandCode: string;
}

export type IssueAnswer =
  | { readonly kind: "issued"; readonly certificate: Uint8Array }
  /** 403: this public key was used before. */
  | { readonly kind: "key-used" }
  /** 404 on reissue: nothing was issued for this DN yet. */
  | { readonly kind: "unknown-dn" };

export interface VpkiClient {
  /** Answers when the server can be reached. @throws StationError VPKI_UNREACHABLE */
  ping(signal: AbortSignal): Promise<void>;
  /** @param idempotencyKey the same for every try of this request */
  issue(request: CertificateRequest, idempotencyKey: string, signal: AbortSignal): Promise<IssueAnswer>;
  reissue(request: CertificateRequest, idempotencyKey: string, signal: AbortSignal): Promise<IssueAnswer>;
  /** @param dn leaf first, e.g. `cn=…,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM` */
  revoke(type: CertificateType, dn: string, signal: AbortSignal): Promise<"revoked" | "already-revoked" | "unknown-dn">;
  /** The way from an issued leaf (DER) to its root, from configuration; every CA known where none leads to it. */
  chain(leaf: Uint8Array, signal: AbortSignal): Promise<CertificateChain>;
}

export interface KeyRequest {
  readonly type: KeyType;
  readonly ecuId: string;
  readonly keyId: string;
  readonly secOC?: { readonly supplierSecret: Secret; readonly counter: number; readonly challenge: Uint8Array };
}

export interface KeySet extends KeyUpdate, KeyReceipt {
  /** CMAC of the request's challenge by the new key; SecOC keys only. */
  readonly keySyncValue?: Uint8Array;
  /** Binds the result to this set; undefined where the server gives none. */
  readonly correlationId: string | undefined;
}

export interface SyncValue {
  readonly keySyncValue: Uint8Array;
  readonly challenge: Uint8Array;
  readonly correlationId: string | undefined;
}

/** A result for the KMS: the body of one of the two PUTs. No key material. */
export interface KmsResult {
  readonly kind: "key" | "sync";
  readonly type: KeyType;
  readonly ecuId: string;
  readonly keyId: string;
  readonly status: "Success" | "OperationFailed";
  readonly message: string;
  readonly correlationId: string | undefined;
}

export interface KmsClient {
  /** Answers when the server can be reached. @throws StationError KMS_UNREACHABLE */
  ping(signal: AbortSignal): Promise<void>;
  requestKey(request: KeyRequest, idempotencyKey: string, signal: AbortSignal): Promise<KeySet>;
  requestSync(type: KeyType, ecuId: string, keyId: string, signal: AbortSignal): Promise<SyncValue>;
  /** @throws StationError KMS_UNREACHABLE, KMS_FAULT (try again), KMS_REJECTED (quarantine) */
  report(result: KmsResult, idempotencyKey: string, signal: AbortSignal): Promise<void>;
}

// ------------------------------------------------------------------------------------------------------------- the records

/** What a run is, once and for all. */
export interface RunHeader {
  readonly runId: string;
  /** The station's id; left out in records from before it was kept. */
  readonly station?: string;
  /** Station's name of the place: one bay runs one unit at a time. */
  readonly bay: string;
  /** Who began the run, where that is known. */
  readonly operator?: string;
  readonly link: string;
  readonly profile: {
    readonly name: string;
    readonly version: number;
    readonly hash: string;
    /** Where it was read from, absolute. */
    readonly file?: string;
  };
  readonly inputs: Inputs;
  readonly expectedEcuId: string | undefined;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly programVersion: string;
  /** Form of the run's journal (station/run/journal-version); left out, 1. */
  readonly journal?: number;
  readonly plan: readonly string[];
}

/** One line of the journal. `data` is JSON without key material: receipts (M4, M5), counters, serials, correlation ids. */
export interface JournalEntry {
  readonly step: string;
  readonly event: "started" | "noted" | "finished" | "failed";
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Verdict {
  readonly outcome: Outcome;
  /** Undefined with PASS. */
  readonly failure?: {
    readonly code: ErrorCode;
    readonly layer: Layer;
    readonly step: string;
    readonly retryable: boolean;
    readonly text: { readonly ko: string; readonly en: string };
    readonly details: ErrorDetails;
    /** One line a cause, outermost first. */
    readonly causes: readonly string[];
  };
}

export interface StepRecord {
  readonly step: string;
  readonly state: "done" | "failed" | "skipped";
  readonly startedAt: number;
  readonly ms: number;
  /** What the step found or made, for people and machines. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** The unit record: one a run. The published schema is docs/record.schema.json. */
export interface RunRecord extends Verdict {
  readonly schema: 1 | 2;
  readonly runId: string;
  readonly header: RunHeader;
  readonly identity: EcuIdentity | undefined;
  readonly steps: readonly StepRecord[];
  readonly timers: Readonly<Record<string, number>>;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** How often this run was taken up again after an interruption. */
  readonly resumed: number;
  /** Results that have not reached their server when the record was written. */
  readonly owed: number;
}

export interface InterruptedRun {
  readonly header: RunHeader;
  readonly entries: readonly JournalEntry[];
  readonly resumed: number;
}

/** An outbox row to write in the same transaction as the journal entry that made it. */
export interface OutboxRow {
  /** Idempotency key, unique. */
  readonly id: string;
  readonly result: KmsResult;
}

/** The journal: what is done is written here before it is said. */
export interface RunStore {
  begin(header: RunHeader): Promise<void>;
  /** One transaction: the entry and what it owes to a server. */
  append(runId: string, entry: JournalEntry, outbox?: readonly OutboxRow[]): Promise<void>;
  /** One transaction: the record, and the run is over. */
  finish(record: RunRecord): Promise<void>;
  /** Runs of this bay that began and never finished, oldest first. */
  interrupted(bay: string): Promise<readonly InterruptedRun[]>;
  /** Counts that the run was taken up again. */
  resume(runId: string): Promise<void>;
}

/** Where results go: rows that `append` wrote, delivered in order. */
export interface ResultSink {
  /** Waits until the row is delivered. @throws StationError KMS_UNREACHABLE …, OUTBOX_QUARANTINED */
  delivered(id: string, signal: AbortSignal): Promise<void>;
  /** Tries to deliver all that waits for the KMS, or for every receiver, due or not, within the signal's time; the number of the KMS's that still wait. */
  flush(signal: AbortSignal, of?: "kms" | "all"): Promise<number>;
  /** Number of rows that wait for the KMS (quarantined ones do not), of one ECU or one run where asked for. */
  waiting(of: { readonly ecuId?: string; readonly runId?: string }): Promise<number>;
  /** What is too much of all that no receiver has taken yet; undefined while a run may begin. */
  full(): Promise<string | undefined>;
}

/** A set that went to an ECU (or was about to) and whose result was never reported: nobody knows yet whether it was stored. */
export interface UnsettledLoad {
  readonly runId: string;
  readonly step: string;
  /** Id of the outbox row that its result will have. */
  readonly reportId: string;
  readonly ecuId: string;
  readonly slot: number;
  readonly type: KeyType;
  readonly keyId: string;
  /** Lower-case hex. */
  readonly m4: string;
  readonly m5: string;
  readonly correlationId: string | undefined;
}

/** What the records know of a unit beside the run that goes on. */
export interface UnitPast {
  /** The run before; undefined where none is kept. */
  readonly previous: string | undefined;
  /** How many runs there were before. */
  readonly attempts: number;
  /** The last one that passed. */
  readonly passed: string | undefined;
  /** Why the unit was scrapped; undefined where it was not. */
  readonly scrapped: string | undefined;
  /** Serials of its certificates that were revoked. */
  readonly revoked: readonly string[];
}

/** What the journals of all runs know together. */
export interface RunLedger {
  /**
   * Takes the place for one run; what a dead process left is taken over. The answer gives it back.
   * @throws StationError RUN_BUSY while another run holds it, in this process or another
   */
  claim(bay: string): Promise<() => Promise<void>>;
  /** Loads on that ECU whose result nobody reported, oldest first, whatever became of their runs. */
  unsettled(ecuId: string): Promise<readonly UnsettledLoad[]>;
  /** True where a run before `runId` asked for a certificate of that name for that ECU, whatever became of it. @param dn as in the order */
  askedBefore(of: { readonly ecuId: string; readonly dn: string; readonly runId: string }): Promise<boolean>;
  /** What is known of the unit beside the run `runId`; undefined where that is nothing. */
  past(ecuId: string, runId: string): Promise<UnitPast | undefined>;
}

/** What the run tells while it goes on; never key material. */
export type RunEvent =
  | { readonly kind: "begun"; readonly header: RunHeader; readonly resumed: boolean }
  | { readonly kind: "step-started"; readonly step: string; readonly at: number }
  | { readonly kind: "step-finished"; readonly record: StepRecord }
  | { readonly kind: "ended"; readonly record: RunRecord };
