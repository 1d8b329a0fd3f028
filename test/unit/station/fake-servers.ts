/** A vPKI and a KMS behind their ports, with the idempotency, bookkeeping and refusals that a run depends on. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { buildCaCertificate, buildCertificate, validity } from "../../../src/pki/certificate.js";
import { decodeCsrPem, parseCsr } from "../../../src/pki/csr.js";
import { keyIdentifier, readPublicKey, signer } from "../../../src/pki/keys.js";
import { decodeName, encodeName, formatDn } from "../../../src/pki/names.js";
import { CERTIFICATE_TYPES, type CertificateType } from "../../../src/pki/types.js";
import { equalBytes, fromHex, toHex } from "../../../src/shared/bytes.js";
import { StationError } from "../../../src/shared/errors.js";
import type {
  CertificateRequest,
  IssueAnswer,
  KeyRequest,
  KeySet,
  KmsClient,
  KmsResult,
  VpkiClient,
} from "../../../src/station/ports.js";
import { BLANK_KEY, fakeMac, keyOfCsr, sealSet } from "./fake-ecu.js";

const URLS = { crl: "http://x/crl", ocsp: "http://x/ocsp", caIssuers: "http://x/ca", cps: "http://x/cps", notice: "n" };

interface Ca {
  name: Uint8Array;
  keyIdentifier: Uint8Array;
  certificate: Uint8Array;
  sign: (data: Uint8Array) => Promise<Uint8Array>;
}

const authorities = new Map<string, Promise<Ca>>();

function authority(type: CertificateType, now: number): Promise<Ca> {
  const { curve, hash } = CERTIFICATE_TYPES[type];
  const found = authorities.get(curve);
  if (found !== undefined) return found;
  const made = (async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
    const key = readPublicKey(new Uint8Array(publicKey.export({ format: "der", type: "spki" })));
    const name = encodeName([{ type: "CN", value: `test ${curve}` }]);
    const sign = signer(privateKey, hash);
    const times = { notBefore: now - 1_000, notAfter: now + 40 * 365 * 86_400_000 };
    const certificate = await buildCaCertificate({
      subject: name,
      publicKey: key,
      serial: Uint8Array.of(1),
      ...times,
      hash,
      sign,
    });
    return { name, keyIdentifier: keyIdentifier(key), certificate, sign };
  })();
  authorities.set(curve, made);
  return made;
}

export class FakeVpki implements VpkiClient {
  readonly issued: { dn: string; certificate: Uint8Array; operation: "issue" | "reissue" }[] = [];
  readonly #answers = new Map<string, IssueAnswer>();
  readonly #usedKeys = new Set<string>();
  readonly requests: string[] = [];
  /** Changes an issued certificate, or throws, before it is given back. */
  tamper: ((certificate: Uint8Array) => Uint8Array) | undefined;
  down = false;
  /** As the OEM's own server: no idempotency key is known. */
  forgetful = false;

  constructor(readonly now: () => number) {}

  async ping(): Promise<void> {
    if (this.down) throw new StationError("VPKI_UNREACHABLE", { details: { what: "refused" } });
  }

  issue(request: CertificateRequest, id: string): Promise<IssueAnswer> {
    return this.#answer(request, id, "issue");
  }

  reissue(request: CertificateRequest, id: string): Promise<IssueAnswer> {
    return this.#answer(request, id, "reissue");
  }

  async revoke(): Promise<"unknown-dn"> {
    return "unknown-dn";
  }

  async chain() {
    return { issuers: [], anchors: (await Promise.all(authorities.values())).map(({ certificate }) => certificate) };
  }

  async #answer(request: CertificateRequest, id: string, operation: "issue" | "reissue"): Promise<IssueAnswer> {
    await this.ping();
    this.requests.push(`${operation} ${id}`);
    const known = this.forgetful ? undefined : this.#answers.get(id);
    const answer = known ?? (await this.#issue(request, operation));
    this.#answers.set(id, answer);
    if (answer.kind !== "issued" || this.tamper === undefined) return answer;
    return { kind: "issued", certificate: this.tamper(answer.certificate) };
  }

  async #issue(request: CertificateRequest, operation: "issue" | "reissue"): Promise<IssueAnswer> {
    const csr = parseCsr(decodeCsrPem(request.csrPem));
    const dn = `${request.type} ${formatDn(decodeName(csr.subject))}`;
    if (operation === "reissue" && !this.issued.some((one) => one.dn === dn)) return { kind: "unknown-dn" };
    const key = keyOfCsr(decodeCsrPem(request.csrPem));
    if (this.#usedKeys.has(key)) return { kind: "key-used" };
    this.#usedKeys.add(key);
    const ca = await authority(request.type, this.now());
    const certificate = await buildCertificate({
      type: request.type,
      subject: csr.subject,
      publicKey: readPublicKey(csr.publicKey),
      issuer: ca,
      serial: Uint8Array.from([1, ...randomBytes(8)]),
      ...validity(request.type, this.now()),
      urls: URLS,
      asSeen: false,
      sign: ca.sign,
    });
    this.issued.push({ dn, certificate, operation });
    return { kind: "issued", certificate };
  }
}

interface SlotState {
  counter: number;
  confirmed: Uint8Array | undefined;
  /** Sets without a result, newest last. */
  pending: { correlationId: string; key: Uint8Array }[];
}

export class FakeKms implements KmsClient {
  readonly #ecus = new Map<string, Map<string, SlotState>>();
  readonly #sets = new Map<string, KeySet & { slot: number }>();
  readonly #refused = new Set<string>();
  readonly #authorisers = new Map<string, Uint8Array>();
  /** Effective results by idempotency key. */
  readonly results = new Map<string, KmsResult>();
  readonly requests: string[] = [];
  /** Every PUT, effective or repeated. */
  readonly puts: string[] = [];
  down = false;
  /** As the OEM's own server: no idempotency key is known. */
  forgetful = false;
  /** Refuses results for good. */
  rejects = false;
  /** Changes what a POST gives. */
  tamper: ((set: KeySet) => KeySet) | undefined;
  secretSeen: string | undefined;

  async ping(): Promise<void> {
    if (this.down) throw new StationError("KMS_UNREACHABLE", { details: { what: "refused" } });
  }

  /** The key that the KMS believes the ECU to hold. */
  confirmed(ecuId: string, keyId: string): Uint8Array | undefined {
    return this.#slot(ecuId, keyId).confirmed;
  }

  pending(ecuId: string, keyId: string): number {
    return this.#slot(ecuId, keyId).pending.length;
  }

  #slot(ecuId: string, keyId: string): SlotState {
    const ecu = this.#ecus.get(ecuId) ?? new Map<string, SlotState>();
    this.#ecus.set(ecuId, ecu);
    const slot = ecu.get(keyId) ?? { counter: 0, confirmed: undefined, pending: [] };
    ecu.set(keyId, slot);
    return slot;
  }

  /** After an unresolved master load the candidates are tried in turn: those that an ECU refused are out. */
  #authoriser(ecuId: string, keyId: string): Uint8Array {
    const master = this.#slot(ecuId, "1");
    const confirmed = master.confirmed ?? BLANK_KEY;
    if (keyId !== "1") return confirmed;
    const candidates = [confirmed, ...master.pending.map(({ key }) => key)];
    return candidates.find((key) => !this.#refused.has(toHex(key))) ?? confirmed;
  }

  async requestKey(request: KeyRequest, id: string): Promise<KeySet> {
    await this.ping();
    this.requests.push(id);
    this.secretSeen ??= request.secOC?.supplierSecret.use((bytes) => Buffer.from(bytes).toString("latin1"));
    let set = this.forgetful ? undefined : this.#sets.get(id);
    if (set === undefined) {
      const slot = this.#slot(request.ecuId, request.keyId);
      const authoriser = this.#authoriser(request.ecuId, request.keyId);
      slot.counter = Math.max(slot.counter + 1, request.secOC?.counter ?? 0);
      const key = new Uint8Array(randomBytes(16));
      const number = Number.parseInt(request.keyId, 16);
      const uid = fromHex(request.ecuId).subarray(12);
      const sealed = sealSet({ slot: number, counter: slot.counter, key, authoriser, uid });
      const correlationId = `c${this.requests.length}`;
      const value = request.secOC && { keySyncValue: fakeMac(key, request.secOC.challenge) };
      set = { ...sealed, correlationId, slot: number, ...value };
      this.#sets.set(id, set);
      this.#authorisers.set(correlationId, authoriser);
      slot.pending.push({ correlationId, key });
    }
    const copy: KeySet = { ...set, m1: set.m1.slice(), m2: set.m2.slice(), m3: set.m3.slice() };
    return this.tamper?.(copy) ?? copy;
  }

  async requestSync(_type: KeyRequest["type"], ecuId: string, keyId: string) {
    await this.ping();
    this.requests.push(`sync ${keyId}`);
    const slot = this.#slot(ecuId, keyId);
    const key = slot.pending.at(-1)?.key ?? slot.confirmed ?? BLANK_KEY;
    const challenge = new Uint8Array(randomBytes(16));
    return { keySyncValue: fakeMac(key, challenge), challenge, correlationId: `s${this.requests.length}` };
  }

  async report(result: KmsResult, id: string): Promise<void> {
    await this.ping();
    if (this.rejects) throw new StationError("KMS_REJECTED", { details: { what: "The KeyID is required." } });
    this.puts.push(id);
    if (this.results.has(id)) return;
    this.results.set(id, result);
    if (result.kind !== "key") return;
    const authoriser = this.#authorisers.get(result.correlationId ?? "");
    if (result.status !== "Success") {
      if (authoriser && result.message.includes("refused")) this.#refused.add(toHex(authoriser));
      return;
    }
    const slot = this.#slot(result.ecuId, result.keyId);
    const set = slot.pending.find(({ correlationId }) => correlationId === result.correlationId);
    if (set === undefined)
      throw new StationError("KMS_REJECTED", { details: { what: `no set ${result.correlationId}` } });
    slot.confirmed = set.key;
    slot.pending = [];
  }

  /** True where the KMS believes what the ECU holds. */
  agrees(ecuId: string, keyId: string, held: Uint8Array | undefined): boolean {
    const confirmed = this.confirmed(ecuId, keyId);
    return held !== undefined && confirmed !== undefined && equalBytes(held, confirmed);
  }
}
