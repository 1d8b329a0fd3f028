/**
 * What the vPKI does, apart from HTTP. A request is checked in this order: 400 (fields, header), 406 (idempotency key of another
 * request, CSR, name, codes, key, signature), 403 (key used before, already revoked), 404 (nothing issued for the name); then 406 for
 * a certificate that is too large.
 */
import { createHash } from "node:crypto";
import { type IssueRequestBody, type VpkiOperation, vpkiPath } from "../../contract/vpki.js";
import type { Store } from "../../db/store.js";
import type { PublicKey } from "../../pki/keys.js";
import { type DnAttribute, formatDn, nameKey, parseDn } from "../../pki/names.js";
import { encodePem } from "../../pki/pem.js";
import type { CertificateType } from "../../pki/types.js";
import type { Clock } from "../../shared/clock.js";
import { isStationError } from "../../shared/errors.js";
import type { Counter } from "../http/metrics.js";
import type { Caller } from "../http/request-id.js";
import type { Certifier } from "./certify.js";
import { IDEMPOTENCY_DAYS, SUPERSEDE_DAYS, type VpkiConfig } from "./config.js";
import type { SigningQueue } from "./queue.js";
import { checkCsr, Refusal, readIdempotency, readIssueBody, readRevokeBody } from "./request.js";
import type { ScopeKey } from "./store/status.js";
import type { Refused, Replay, VpkiStoreDefinition } from "./store/store.js";

export interface ServiceOptions {
  readonly store: Store<VpkiStoreDefinition>;
  readonly certifier: Certifier;
  readonly clock: Clock;
  readonly config: VpkiConfig;
  readonly queue: SigningQueue;
  /** Certificates of these lists were revoked. */
  readonly revoked: (lists: readonly ScopeKey[]) => void;
  /** Certificates by type and operation; the same answer given again does not count. */
  readonly issued: Counter;
}

const DAY = 86_400_000;

/** A request as it came in. */
export interface Incoming {
  readonly type: CertificateType;
  readonly body: unknown;
  readonly idempotencyKey: string | readonly string[] | undefined;
  /** For the audit row. */
  readonly caller: Caller;
}

type Answer = { readonly cert: string } | Refusal;

/** Names a public key whatever form it came in: digest of curve and uncompressed point. */
function keyIdOf({ curve, point }: PublicKey): string {
  return createHash("sha256").update(curve).update(point).digest("hex");
}

/** @param der in base64 */
function certPem(der: string): string {
  return encodePem(Buffer.from(der, "base64"), "CERTIFICATE", "\r\n").trimEnd();
}

/** What the store answered to issue or reissue. */
function answerOf(result: Replay | Refused): Answer {
  if (result.kind === "refused") return new Refusal(result.failure, undefined, true);
  return { cert: certPem(result.certificate ?? "") };
}

export class VpkiService {
  constructor(private readonly options: ServiceOptions) {}

  async issue(operation: "issue" | "reissue", incoming: Incoming): Promise<Answer> {
    const { store, clock, queue } = this.options;
    const { type } = incoming;
    const body = readIssueBody(incoming.body);
    if (body instanceof Refusal) return body;
    const idempotency = this.#idempotency(operation, incoming, Object.values(body));
    if (idempotency instanceof Refusal) return idempotency;
    const { actor, requestId } = incoming.caller;
    const asked = { at: clock.now(), actor, action: operation };
    if (idempotency !== undefined) {
      const early = { ...asked, subject: "", details: { type, requestId } };
      const earlier = await store.call("findAnswer", { idempotency, asked: early });
      if (earlier !== undefined) return answerOf(earlier);
    }
    const certified = await queue.run(() => this.#certify(type, body, asked.at));
    if (certified instanceof Refusal) return certified;
    const { csr, made } = certified;
    const names = { keyId: keyIdOf(csr.key), type, nameKey: nameKey(csr.name) };
    const { csr: _, ...codes } = body;
    const common = {
      mustExist: operation === "reissue",
      asked: { ...asked, subject: csr.dn, details: { type, ...codes, attributes: csr.attributes, requestId } },
      ...(idempotency && { idempotency }),
    };
    if (made instanceof Refusal) {
      const state = await store.call("check", { ...names, ...common });
      return state.kind === "free" ? made : answerOf(state);
    }
    const row = { ...names, ...made };
    const supersedeAt = this.#supersedeAt(operation, asked.at);
    const result = await store.call("issue", { row, ...common, ...(supersedeAt !== undefined && { supersedeAt }) });
    if (result.kind !== "issued") return answerOf(result);
    this.options.issued.inc({ type, operation });
    this.options.revoked(result.revoked);
    return { cert: certPem(row.certificate) };
  }

  /**
   * Checks a CSR and signs its certificate, in one turn of the queue. The store is asked behind it: what it refuses, a key that was used
   * or a name without certificates, has cost a signature, and what it takes needs one transaction only.
   */
  async #certify(type: CertificateType, body: IssueRequestBody, at: number) {
    const csr = await checkCsr(type, body, this.options.config);
    if (csr instanceof Refusal) return csr;
    return { csr, made: await this.options.certifier.certify(type, csr, at) };
  }

  async revoke(incoming: Incoming): Promise<Record<string, never> | Refusal> {
    const { store, clock } = this.options;
    const dn = readRevokeBody(incoming.body);
    if (dn instanceof Refusal) return dn;
    const idempotency = this.#idempotency("revoke", incoming, [dn]);
    if (idempotency instanceof Refusal) return idempotency;
    const name = readDn(dn);
    if (name === undefined) return new Refusal("noCertificate", dn);
    const { type, caller } = incoming;
    const { actor, requestId } = caller;
    const asked = { at: clock.now(), actor, action: "revoke", subject: formatDn(name), details: { type, requestId } };
    const args = { type, nameKey: nameKey(name), asked, ...(idempotency && { idempotency }) };
    const result = await store.call("revoke", args);
    if (result.kind === "refused") return new Refusal(result.failure, dn, true);
    if (result.kind === "revoked") this.options.revoked(result.revoked);
    return {};
  }

  #idempotency(operation: VpkiOperation, { type, idempotencyKey }: Incoming, fields: readonly string[]) {
    const read = readIdempotency(idempotencyKey, vpkiPath(type, operation), fields);
    if (read === undefined || read instanceof Refusal) return read;
    const { clock, config } = this.options;
    return { ...read, since: clock.now() - (config.idempotencyDays ?? IDEMPOTENCY_DAYS) * DAY };
  }

  /** When a reissue at that time ends the former certificates; undefined where they are kept. */
  #supersedeAt(operation: "issue" | "reissue", at: number): number | undefined {
    const { supersedeDays = SUPERSEDE_DAYS } = this.options.config;
    return operation === "issue" || supersedeDays === "keep" ? undefined : at + supersedeDays * DAY;
  }
}

function readDn(text: string): readonly DnAttribute[] | undefined {
  try {
    return parseDn(text);
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE")) return undefined;
    throw error;
  }
}
