/**
 * What the vPKI does, apart from HTTP. A request is checked in this order: 400 (fields, header), 406 (idempotency key of another
 * request, CSR, name, key, signature), 403 (key used before, already revoked), 404 (nothing issued for the name).
 */
import { createHash } from "node:crypto";
import { type IssueRequestBody, type VpkiOperation, vpkiPath } from "../../contract/vpki.js";
import type { Store } from "../../db/store.js";
import { buildCertificate, parseCertificate, validity } from "../../pki/certificate.js";
import { type PublicKey, randomSerial } from "../../pki/keys.js";
import { type DnAttribute, encodeName, formatDn, nameKey, parseDn } from "../../pki/names.js";
import { encodePem } from "../../pki/pem.js";
import type { CertificateType } from "../../pki/types.js";
import type { Clock } from "../../shared/clock.js";
import { isStationError } from "../../shared/errors.js";
import type { Authorities } from "./authorities.js";
import { urlsOf, type VpkiConfig } from "./config.js";
import { type CheckedCsr, checkCsr, Refusal, readIdempotency, readIssueBody, readRevokeBody } from "./request.js";
import type { CertificateRow, Idempotency, VpkiStoreDefinition } from "./store/sqlite.js";

export interface ServiceOptions {
  readonly store: Store<VpkiStoreDefinition>;
  readonly authorities: Authorities;
  readonly clock: Clock;
  readonly config: VpkiConfig;
}

/** A request as it came in. */
export interface Incoming {
  readonly type: CertificateType;
  readonly body: unknown;
  readonly idempotencyKey: string | readonly string[] | undefined;
  /** Who asks, for the audit row. */
  readonly peer: string;
}

type Answer = { readonly cert: string } | Refusal;

/** Names a public key whatever form it came in: digest of curve and uncompressed point. */
function keyIdOf({ curve, point }: PublicKey): string {
  return createHash("sha256").update(curve).update(point).digest("hex");
}

function certPem(der: Uint8Array): string {
  return encodePem(der, "CERTIFICATE", "\r\n").trimEnd();
}

export class VpkiService {
  constructor(private readonly options: ServiceOptions) {}

  async issue(operation: "issue" | "reissue", incoming: Incoming): Promise<Answer> {
    const { store, clock } = this.options;
    const { type } = incoming;
    const body = readIssueBody(incoming.body);
    if (body instanceof Refusal) return body;
    const idempotency = this.#idempotency(operation, incoming, Object.values(body));
    if (idempotency instanceof Refusal) return idempotency;
    const earlier = await this.#earlier(idempotency);
    if (earlier !== undefined) return earlier instanceof Refusal ? earlier : { cert: earlier.cert };
    const csr = await checkCsr(type, body);
    if (csr instanceof Refusal) return csr;
    const mustExist = operation === "reissue";
    const names = { keyId: keyIdOf(csr.key), type, nameKey: nameKey(csr.name) };
    const state = await store.call("check", { ...names, mustExist });
    // Of the same request sent twice at once the later one may come here: its own answer is found under its key below.
    if (state === "unknown-dn") return new Refusal("unknownDn");
    if (state === "key-used") return this.#usedKey(idempotency);
    const at = clock.now();
    const row = { ...names, ...(await this.#certify(type, csr, at)) };
    const audit = { at, operation, peer: incoming.peer, details: details(body, csr) };
    const result = await store.call("issue", { row, audit, mustExist, ...(idempotency && { idempotency }) });
    switch (result.kind) {
      case "issued":
        return { cert: certPem(Buffer.from(row.certificate, "base64")) };
      case "replay":
        return { cert: certPem(Buffer.from(result.certificate ?? "", "base64")) };
      case "other-request":
        return new Refusal("idempotency");
      case "key-used":
        return new Refusal("keyUsed");
      case "unknown-dn":
        return new Refusal("unknownDn");
    }
  }

  async revoke(incoming: Incoming): Promise<Record<string, never> | Refusal> {
    const { store, clock } = this.options;
    const dn = readRevokeBody(incoming.body);
    if (dn instanceof Refusal) return dn;
    const idempotency = this.#idempotency("revoke", incoming, [dn]);
    if (idempotency instanceof Refusal) return idempotency;
    const name = readDn(dn);
    if (name === undefined) return new Refusal("noCertificate", dn);
    const { type, peer } = incoming;
    const audit = { at: clock.now(), operation: "revoke", peer, details: "{}" };
    const args = { type, nameKey: nameKey(name), dn: formatDn(name), audit, ...(idempotency && { idempotency }) };
    const result = await store.call("revoke", args);
    switch (result.kind) {
      case "revoked":
      case "replay":
        return {};
      case "other-request":
        return new Refusal("idempotency");
      case "already-revoked":
        return new Refusal("alreadyRevoked");
      case "no-certificate":
        return new Refusal("noCertificate", dn);
    }
  }

  #idempotency(operation: VpkiOperation, { type, idempotencyKey }: Incoming, fields: readonly string[]) {
    return readIdempotency(idempotencyKey, vpkiPath(type, operation), fields);
  }

  /** What this very request was answered before. */
  async #earlier(idempotency: Idempotency | undefined): Promise<{ cert: string } | Refusal | undefined> {
    if (idempotency === undefined) return undefined;
    const found = await this.options.store.call("findAnswer", idempotency);
    if (found === undefined) return undefined;
    if (found.kind === "other-request") return new Refusal("idempotency");
    return { cert: certPem(Buffer.from(found.certificate ?? "", "base64")) };
  }

  async #usedKey(idempotency: Idempotency | undefined): Promise<Answer> {
    return (await this.#earlier(idempotency)) ?? new Refusal("keyUsed");
  }

  async #certify(
    type: CertificateType,
    csr: CheckedCsr,
    at: number,
  ): Promise<Omit<CertificateRow, "keyId" | "type" | "nameKey">> {
    const { authorities, config } = this.options;
    const authority = authorities.issuerOf(type);
    const times = validity(type, at, (config.backdateMinutes ?? 0) * 60_000);
    const der = await buildCertificate({
      type,
      // In the string types of the samples, whatever those of the CSR are.
      subject: encodeName(csr.name),
      publicKey: csr.key,
      issuer: authority.issuer,
      serial: randomSerial(),
      ...times,
      urls: urlsOf(authority, config),
      asSeen: config.asSeen?.[type] ?? false,
      sign: authority.sign,
    });
    const { serial } = parseCertificate(der);
    return { serial, dn: csr.dn, issuer: authority.name, ...times, certificate: Buffer.from(der).toString("base64") };
  }
}

function details(body: IssueRequestBody, csr: CheckedCsr): string {
  const { csr: _, ...codes } = body;
  return JSON.stringify({ ...codes, attributes: csr.attributes });
}

function readDn(text: string): readonly DnAttribute[] | undefined {
  try {
    return parseDn(text);
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE")) return undefined;
    throw error;
  }
}
