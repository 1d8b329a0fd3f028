/** What the KMS does with a checked request. Each request is one transaction of the store; keys are open only while one answer is made. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { KeyRecords, KmsResource, SyncRecords } from "../../contract/kms.js";
import type { Store } from "../../db/store.js";
import { fromHex, toHex } from "../../shared/bytes.js";
import type { Clock } from "../../shared/clock.js";
import type { Logger } from "../../shared/logger.js";
import { cmac } from "../../she/codec/index.js";
import type { Counter } from "../http/metrics.js";
import type { Caller } from "../http/request-id.js";
import type { RegisteredEcu } from "./registry.js";
import { Failure, type KmsRequest } from "./request.js";
import type { Asked } from "./store/decisions.js";
import type { IssueArgs } from "./store/issue.js";
import { authContext, clusterContext, type SlotAddress, setContext } from "./store/rows.js";
import type { store as definition } from "./store/store.js";
import type { Vault } from "./vault.js";

const KEY_BYTES = 16;
const DAY = 86_400_000;
const MASTER_KEY_ID = 1;

/** A success: the records of a POST (a PUT has none) and the id that its result may name. */
export interface Success<R> {
  readonly records: R;
  /** Undefined for a report that no POST belongs to. */
  readonly correlationId: string | undefined;
}

export interface ServiceOptions {
  readonly store: Store<typeof definition>;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Life of a lease after its station's last request, ms. */
  readonly lease: number;
  /** Days that the answer of an Idempotency-Key is kept. */
  readonly idempotencyDays: number;
  /** The registry's entry of an ECU. */
  readonly ecu: (uid: string, phase: KmsRequest["phase"]) => RegisteredEcu | undefined;
  /** Sets M1–M5 by type; the same set given again does not count. */
  readonly issued: Counter;
  /** Results of PUTs by kind and status. */
  readonly results: Counter;
}

export class KmsService {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** M1–M5 of a new set with the slot's next counter, or of the set that the same request was answered with. */
  async provide(request: KmsRequest, caller: Caller): Promise<Success<KeyRecords> | Failure> {
    const issued = await this.#options.store.call("issue", this.#issueArgs(request, caller));
    if (issued === "otherRequest") return Failure.ofStore("idempotency");
    if (issued === "counterUsedUp") return Failure.ofStore("counterUsedUp");
    if ("leasedFor" in issued) return Failure.ofStore("leased", String(Math.ceil(issued.leasedFor / 1000)));
    if (!issued.repeated) this.#options.issued.inc({ type: request.type });
    this.#options.logger.info("key issued", {
      ...about(request, caller),
      slot: issued.slot,
      counter: issued.counter,
      correlationId: issued.id,
      repeated: issued.repeated,
    });
    const records: KeyRecords = {
      KeyID: request.keyIdText,
      M1: issued.m1,
      M2: issued.m2,
      M3: issued.m3,
      M4: issued.m4,
      M5: issued.m5,
      ...(issued.mac === null ? {} : { KeySyncValue: issued.mac }),
    };
    return { records, correlationId: issued.id };
  }

  /** CMAC by the key of the slot: the SecOC requester's challenge, else a fresh one. */
  async sync(request: KmsRequest, caller: Caller): Promise<Success<SyncRecords> | Failure> {
    const { store, clock, logger, vault } = this.#options;
    const id = randomUUID();
    const found = await store.call("check", {
      ...slotAddress(request),
      id,
      asked: askedBy(caller, request),
      station: request.station,
      lease: this.#options.lease,
      at: clock.now(),
    });
    if (found === "noKey") return Failure.ofStore("noKey");
    const issuedFor = found.challenge === null ? undefined : fromHex(found.challenge);
    const challenge = request.challenge ?? issuedFor ?? randomBytes(KEY_BYTES);
    const mac = vault.open(found.key.sealed, found.key.context).spend((key) => cmac(key, challenge));
    logger.info("sync value given", { ...about(request, caller), correlationId: id });
    return {
      records: { KeyID: request.keyIdText, KeySyncValue: toHex(mac), Challenge: toHex(challenge) },
      correlationId: id,
    };
  }

  /**
   * Takes the result of an injection (`key`) or of a check (`sync`). The contract knows no refusal of one that no POST belongs to: it is
   * kept, and nothing is believed because of it.
   */
  async report(kind: KmsResource, request: KmsRequest, caller: Caller): Promise<Success<undefined> | Failure> {
    const { store, clock, logger } = this.#options;
    const taken = await store.call("report", {
      ...slotAddress(request),
      id: randomUUID(),
      asked: askedBy(caller, request),
      station: request.station,
      lease: this.#options.lease,
      kind,
      status: request.status,
      message: request.message,
      correlation: request.correlationId ?? null,
      idempotency: request.idempotencyKey ?? null,
      keysSince: this.#keysSince(),
      request: fingerprint(kind, request),
      at: clock.now(),
    });
    if (taken === "otherRequest") return Failure.ofStore("idempotency");
    if (taken === "otherKey") return Failure.ofStore("correlation");
    this.#options.results.inc({ kind, status: request.status });
    const entry = { ...about(request, caller), kind, status: request.status };
    if (taken.set === null) logger.warn("result without a request", entry);
    else logger.info("result taken", { ...entry, set: taken.set });
    return { records: undefined, correlationId: taken.set ?? undefined };
  }

  #keysSince(): number {
    const { clock, idempotencyDays } = this.#options;
    return clock.now() - idempotencyDays * DAY;
  }

  #issueArgs(request: KmsRequest, caller: Caller): IssueArgs {
    const { vault, clock } = this.#options;
    const at = slotAddress(request);
    const rule = request.ecuType.slot(request.keyId);
    const ecu = this.#options.ecu(request.uidHex, request.phase);
    const id = randomUUID();
    const firstKey = ecu?.masterKey ?? request.ecuType.factoryMasterKey;
    return {
      ...at,
      id,
      masterKey: vault.lend(),
      asked: askedBy(caller, request),
      station: request.station,
      lease: this.#options.lease,
      bank: rule.bank,
      flags: rule.flags,
      verifyOnly: rule.verifyOnly,
      masterSlot: request.ecuType.slot(MASTER_KEY_ID).slot,
      floor: request.counter,
      held: ecu?.counters.get(request.keyId) ?? 0,
      key: this.#newKey(id, at, request, ecu),
      firstKey: firstKey.use((key) => vault.seal(key, authContext(id, at))),
      challenge: request.challenge === undefined ? null : toHex(request.challenge),
      idempotency: request.idempotencyKey ?? null,
      keysSince: this.#keysSince(),
      request: fingerprint("key", request),
      at: clock.now(),
    };
  }

  /** The key that the registry names, the cluster's, or a fresh one. */
  #newKey(id: string, at: SlotAddress, request: KmsRequest, ecu: RegisteredEcu | undefined): IssueArgs["key"] {
    const { vault } = this.#options;
    const secret = request.supplierSecret;
    const given = ecu?.keys.get(request.keyId) ?? secret?.keys.get(request.keyId);
    if (given !== undefined) return { sealed: given.use((key) => vault.seal(key, setContext(id, at))) };
    const fresh = randomBytes(KEY_BYTES);
    try {
      if (secret === undefined) return { sealed: vault.seal(fresh, setContext(id, at)) };
      const cluster = `${request.phase}|${request.keyId}|${vault.nameOf(secret.digest)}`;
      return { cluster, sealed: vault.seal(fresh, clusterContext(cluster)) };
    } finally {
      fresh.fill(0);
    }
  }
}

function slotAddress(request: KmsRequest): SlotAddress {
  return { phase: request.phase, uid: request.uidHex, slot: request.ecuType.slot(request.keyId).slot };
}

function askedBy({ actor, requestId }: Caller, { ecuId, type, keyId }: KmsRequest): Asked {
  return { actor, ecuId, type, keyId, requestId };
}

/** What makes two requests the same one; the supplier's secret by its name in the registry. */
function fingerprint(kind: KmsResource, request: KmsRequest): string {
  const parts = [
    kind,
    request.phase,
    request.type,
    request.ecuId,
    request.keyId,
    request.keyIdText,
    request.supplierSecret?.name ?? null,
    request.counter,
    request.challenge === undefined ? null : toHex(request.challenge),
    request.status,
    request.message,
    request.correlationId ?? null,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function about(request: KmsRequest, { requestId }: Caller): Record<string, unknown> {
  return { requestId, type: request.type, uid: request.uidHex, keyId: request.keyId, phase: request.phase };
}
