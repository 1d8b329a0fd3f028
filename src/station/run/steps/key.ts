/** One key: M1–M3 from the KMS into its slot, M4 and M5 compared, and the result owed to the KMS in the step's own transaction. */
import type { ProfileKey } from "../../../profiles/schema.js";
import { abortable } from "../../../shared/abort.js";
import { concat, equalBytes, equalConstantTime, fromHex, toHex } from "../../../shared/bytes.js";
import { describe, isStationError, StationError } from "../../../shared/errors.js";
import type { KeyReceipt, KeyRequest, KeySet, OutboxRow, UnsettledLoad } from "../../ports.js";
import { Ahead } from "../ahead.js";
import { keyOf, parseStep } from "../plan.js";
import type { Run, StepScope } from "../run.js";
import { isStored, load, notedReceipt, receiptHex, sameReceipt } from "./load.js";

/** A master key may need as many tries as the KMS has candidates for the ECU's present one (kms.md). */
const MAX_MASTER_ATTEMPTS = 4;
/** Most sets that are on their way ahead: enough for a KMS that is slower than the bus, and few to be accounted for where a run ends early. */
const KEYS_AHEAD = 3;
/** SHE status names of an authorising key that is not the ECU's. */
const WRONG_AUTHORISER = /KEY_UPDATE_ERROR|KEY_EMPTY/;

/** A load as the journal notes it: what is needed to settle it, and no key material. */
type NotedLoad = Omit<UnsettledLoad, "runId" | "step"> & { readonly keySyncValue?: string };

interface Attempt {
  readonly run: Run;
  readonly scope: StepScope;
  readonly key: ProfileKey;
  readonly ecuId: string;
  readonly requestId: string;
  readonly reportId: string;
}

/** A set as it is asked for. */
type Asked = Pick<Attempt, "run" | "key" | "ecuId" | "reportId">;

/** The slot as operators and texts name it. */
export function slotName(slot: number): string {
  return slot.toString(16).toUpperCase();
}

export function keyReport(
  load: Pick<UnsettledLoad, "reportId" | "type" | "ecuId" | "keyId" | "correlationId">,
  status: "Success" | "OperationFailed",
  message: string,
  kind: "key" | "sync" = "key",
): OutboxRow {
  const { reportId, type, ecuId, keyId, correlationId } = load;
  return { id: reportId, result: { kind, type, ecuId, keyId, status, message, correlationId } };
}

export async function keyStep(run: Run, scope: StepScope, key: ProfileKey): Promise<void> {
  const closed = scope.before.flatMap(({ data }) =>
    typeof data.closedAttempt === "number" ? [data.closedAttempt] : [],
  );
  for (let number = Math.max(0, ...closed) + 1; ; number++) {
    const requestId = `${run.runId}:${scope.step}:${number}`;
    const { ecuId } = run.unit;
    const attempt = { run, scope, key, ecuId, requestId, reportId: `${requestId}:report` };
    scope.fact({ type: key.type, keyId: key.keyId, slot: slotName(key.slot), attempt: number });
    if (key.secOC !== undefined) scope.fact({ counter: key.secOC.counter });
    try {
      await loadOnce(attempt);
      return;
    } catch (error) {
      scope.signal.throwIfAborted();
      if (!(error instanceof LoadFailed)) throw error;
      const { cause, correlationId } = error;
      scope.owe(keyReport({ ...attempt, ...key, correlationId }, "OperationFailed", cause.message));
      if (!mayTryAgain(key, cause, number)) {
        scope.fact({ closedAttempt: number });
        throw cause;
      }
      await scope.note({ closedAttempt: number, code: cause.code, details: cause.details });
      await run.deps.results.delivered(attempt.reportId, scope.signal);
    }
  }
}

/** A set that was received and did not end as a proven key: the KMS is told so. */
class LoadFailed extends Error {
  override readonly cause: StationError;
  readonly correlationId: string | undefined;

  constructor(cause: StationError, correlationId: string | undefined) {
    super(cause.message);
    this.cause = cause;
    this.correlationId = correlationId;
  }
}

function mayTryAgain(key: ProfileKey, error: StationError, number: number): boolean {
  if (key.type !== "EcuMasterKey" || number >= MAX_MASTER_ATTEMPTS) return false;
  return error.code === "TARGET_KEY_REFUSED" && WRONG_AUTHORISER.test(String(error.details.status));
}

async function loadOnce(attempt: Attempt): Promise<void> {
  const { run, scope, key, reportId } = attempt;
  const { signal } = scope;
  const noted = notedLoad(scope, reportId);
  if (noted !== undefined) {
    const receipt = notedReceipt(noted);
    if (await isStored(run, key.slot, receipt, signal)) {
      const value = noted.keySyncValue === undefined ? undefined : fromHex(noted.keySyncValue);
      await finish(attempt, receipt, noted.correlationId, value, true);
      return;
    }
  }
  const ahead = await fetchedAhead(run, scope.step, signal);
  if (ahead === undefined) await authorised(run, signal);
  const asked = ahead ?? run.deps.kms.requestKey(keyRequest(attempt), attempt.requestId, signal);
  askKeysAhead(run, scope);
  const set = await asked;
  try {
    await inject(attempt, set, ahead === undefined ? noted : noteOf(attempt, set));
  } catch (error) {
    if (isStationError(error) && REPORTED.has(error.code)) throw new LoadFailed(error, set.correlationId);
    throw error;
  } finally {
    wipe(set);
  }
}

/** The set that was asked for ahead of its step; it stays the run's where the signal ends before it is there. */
async function fetchedAhead(run: Run, step: string, signal: AbortSignal): Promise<KeySet | undefined> {
  const { keys } = run.ahead;
  const asked = keys.get(step);
  if (asked === undefined) return undefined;
  const set = await abortable(asked.answer, signal);
  keys.delete(step);
  return set;
}

/**
 * Asks for the sets of the next steps' keys while this step works. Not behind a master key, by which the KMS may authorise them only once
 * it knows that the ECU has it; and no master key's own: one that was never loaded would leave the KMS with a choice.
 */
export function askKeysAhead(run: Run, { step: behind }: StepScope): void {
  const { profile } = run.deps;
  if (run.authorisation !== undefined || keyOf(profile, behind)?.type === "EcuMasterKey") return;
  for (const step of run.fresh(behind).slice(0, KEYS_AHEAD)) {
    const next = parseStep(step).kind === "key" ? keyOf(profile, step) : undefined;
    if (next === undefined || next.type === "EcuMasterKey") return;
    if (!run.ahead.keys.has(step)) run.ahead.keys.set(step, askAhead(run, step, next));
  }
}

function askAhead(run: Run, step: string, key: ProfileKey): Ahead<KeySet> {
  const { ecuId } = run.unit;
  const requestId = `${run.runId}:${step}:1`;
  const asked = { run, key, ecuId, reportId: `${requestId}:report` };
  // The KMS would else reckon with the set, and keep the ECU for this station. A further life of the run asks for another one.
  const giveUp = async (set: KeySet, why: string) => {
    wipe(set);
    const load = { ...asked, ...key, correlationId: set.correlationId };
    await run.append(step, "noted", { closedAttempt: 1 }, [keyReport(load, "OperationFailed", why)]);
  };
  return new Ahead({
    step,
    async fetch(signal) {
      const set = await run.deps.kms.requestKey(keyRequest(asked), requestId, signal);
      try {
        checkSet(asked, set);
      } catch (error) {
        await giveUp(set, describe(error));
        throw error;
      }
      await run.append(step, "noted", { load: noteOf(asked, set) });
      return set;
    },
    unused: (set) => giveUp(set, "The set was not sent to the ECU."),
  });
}

function wipe({ m1, m2, m3 }: KeySet): void {
  for (const part of [m1, m2, m3]) part.fill(0);
}

/** Errors after which the KMS must not take its set for stored; after others nobody knows, and the next run settles it. */
const REPORTED: ReadonlySet<string> = new Set([
  "TARGET_KEY_REFUSED",
  "TARGET_KEY_MISMATCH",
  "TARGET_SYNC_MISMATCH",
  "KMS_FAULT",
]);

async function inject(attempt: Attempt, set: KeySet, noted: NotedLoad | undefined): Promise<void> {
  const { run, scope, key } = attempt;
  const { signal } = scope;
  checkSet(attempt, set);
  if (noted === undefined || !sameReceipt(notedReceipt(noted), set) || noted.correlationId !== set.correlationId) {
    await scope.note({ load: noteOf(attempt, set) });
  }
  // An earlier life of this step may have sent this very set, which the KMS repeats under its key.
  const known = scope.before.length > 0 && (await isStored(run, key.slot, set, signal));
  const loaded = known ? { receipt: set, settled: true } : await load(run, key.slot, set, signal);
  if (!sameReceipt(loaded.receipt, set)) {
    throw new StationError("TARGET_KEY_MISMATCH", { details: { slot: slotName(key.slot) } });
  }
  await finish(attempt, set, set.correlationId, set.keySyncValue, loaded.settled);
}

/** A master key loaded in this run must be known to the KMS before it is asked for a set that this key authorises. */
export async function authorised(run: Run, signal: AbortSignal): Promise<void> {
  if (run.authorisation === undefined) return;
  await run.written();
  await run.deps.results.delivered(run.authorisation, signal);
  run.authorisation = undefined;
}

function notedLoad(scope: StepScope, reportId: string): NotedLoad | undefined {
  const loads = scope.before.flatMap(({ data }) => (data.load === undefined ? [] : [data.load as NotedLoad]));
  return loads.findLast((load) => load.reportId === reportId);
}

function noteOf(attempt: Asked, set: KeySet): NotedLoad {
  const { key, ecuId, reportId } = attempt;
  const load = { reportId, ecuId, slot: key.slot, type: key.type, keyId: key.keyId, ...receiptHex(set) };
  const value = set.keySyncValue === undefined ? {} : { keySyncValue: toHex(set.keySyncValue) };
  return { ...load, correlationId: set.correlationId, ...value };
}

function keyRequest({ run, key, ecuId }: Asked): KeyRequest {
  const { type, keyId, secOC } = key;
  if (secOC === undefined) return { type, ecuId, keyId };
  const supplierSecret = run.deps.secrets(secOC.supplierSecret);
  return { type, ecuId, keyId, secOC: { supplierSecret, counter: secOC.counter, challenge: fromHex(secOC.challenge) } };
}

/** M1 = UID | ID | AuthID (spec/she.md): a set for another ECU or slot is not sent. */
function checkSet({ key, ecuId }: Asked, set: KeySet): void {
  const fault = (what: string) => new StationError("KMS_FAULT", { details: { what } });
  const sizes = concat(Uint8Array.of(set.m1.length, set.m2.length, set.m3.length, set.m4.length, set.m5.length));
  if (toHex(sizes) !== "1020102010") throw fault(`M1–M5 for slot ${slotName(key.slot)} have the wrong lengths`);
  const uid = set.m1.subarray(0, 15);
  const wildcard = uid.every((byte) => byte === 0);
  if (!wildcard && !equalBytes(uid, fromHex(ecuId).subarray(12)))
    throw fault(`M1 for slot ${slotName(key.slot)} is for another ECU`);
  const slot = (set.m1[15] ?? 0) >> 4;
  if (slot !== key.slot) throw fault(`M1 is for slot ${slotName(slot)} instead of ${slotName(key.slot)}`);
}

async function finish(
  attempt: Attempt,
  receipt: KeyReceipt,
  correlationId: string | undefined,
  keySyncValue: Uint8Array | undefined,
  settled: boolean,
): Promise<void> {
  const { run, scope, key, reportId } = attempt;
  const proof = await compareSync(attempt, keySyncValue).catch((error: unknown) => {
    if (isStationError(error, "TARGET_SYNC_MISMATCH")) throw new LoadFailed(error, correlationId);
    throw error;
  });
  scope.owe(keyReport({ ...attempt, ...key, correlationId }, "Success", ""));
  scope.fact({ ...receiptHex(receipt), reportId, ...(correlationId === undefined ? {} : { correlationId }) });
  if (settled) scope.fact({ settled: "last load" });
  if (proof) scope.fact({ proof: "CMAC" });
  if (key.type === "EcuMasterKey") run.authorisation = reportId;
}

/** Compares the KMS's CMAC of the constant challenge with one by the slot; false where there is nothing to compare. */
async function compareSync({ run, scope, key }: Attempt, value: Uint8Array | undefined): Promise<boolean> {
  if (value === undefined || key.secOC === undefined) return false;
  const mac = await run.target.generateMac(key.slot, fromHex(key.secOC.challenge), scope.signal);
  if (mac === undefined) return false;
  if (!equalConstantTime(mac, value))
    throw new StationError("TARGET_SYNC_MISMATCH", { details: { slot: slotName(key.slot) } });
  return true;
}
