/** The OCSP responder of one CA: live answers from the store, signed by a delegated signer that this process alone has. */
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { Store } from "../../db/store.js";
import { publicKeyOf, randomSerial, signer } from "../../pki/keys.js";
import { decodeName, encodeName, formatDn } from "../../pki/names.js";
import {
  buildOcspAnswer,
  buildOcspSignerCertificate,
  type CertStatus,
  type IssuerMatch,
  issuerMatcher,
  type OcspRequest,
  type OcspSigner,
  ocspError,
  parseOcspRequest,
} from "../../pki/ocsp.js";
import { toHex } from "../../shared/bytes.js";
import type { Clock } from "../../shared/clock.js";
import { describe } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import type { Authority } from "./authorities.js";
import { OCSP_MINUTES, OCSP_SIGNER_DAYS, type VpkiConfig } from "./config.js";
import { isBusy, type SigningQueue } from "./queue.js";
import type { CertificateState } from "./store/status.js";
import type { VpkiStoreDefinition } from "./store/store.js";

export interface OcspOptions {
  readonly store: Store<VpkiStoreDefinition>;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: VpkiConfig;
  readonly queue: SigningQueue;
}

/** Begins a little earlier than now, for peers whose clock is behind. */
const BACKDATE = 3_600_000;
const DAY = 86_400_000;
const newKeyPair = promisify(generateKeyPair);

interface MadeSigner extends OcspSigner {
  readonly renewAt: number;
  readonly notAfter: number;
}

export class OcspResponder {
  readonly #matches: IssuerMatch;
  #signer: MadeSigner | undefined;
  #making: Promise<MadeSigner> | undefined;

  constructor(private readonly options: OcspOptions) {
    this.#matches = issuerMatcher(options.authority.certificate);
  }

  /** OCSPResponse, DER, to anything that came as a request. */
  async answer(der: Uint8Array): Promise<Uint8Array> {
    const request = parseOcspRequest(der);
    if (request === undefined) return ocspError("malformedRequest");
    if (!request.certificates.some(this.#matches)) return ocspError("unauthorized");
    const { queue, logger, authority } = this.options;
    try {
      return await queue.run(() => this.#answer(request));
    } catch (error) {
      if (isBusy(error)) return ocspError("tryLater");
      logger.error("OCSP answer failed", { ca: authority.name, what: describe(error) });
      return ocspError("internalError");
    }
  }

  async #answer({ certificates, nonce }: OcspRequest): Promise<Uint8Array> {
    const { store, authority, clock, config } = this.options;
    const serials = [...new Set(certificates.filter(this.#matches).map(({ serial }) => serial))];
    const made = await this.#ready();
    const rows = await store.call("certificateStates", { ca: authority.name, serials });
    const now = clock.now();
    const states = new Map(rows.map((row) => [row.serial, row]));
    const answers = certificates.map((id) => {
      const row = this.#matches(id) ? states.get(id.serial) : undefined;
      return { id, status: statusOf(row, now) };
    });
    // No answer outlives a revocation that is already decided.
    const ends = rows.flatMap((row) => (row.revokedAt !== null && !isEnded(row, now) ? [row.revokedAt] : []));
    const nextUpdate = Math.min(now + (config.ocspMinutes ?? OCSP_MINUTES) * 60_000, ...ends);
    return buildOcspAnswer({ answers, nonce, thisUpdate: now, nextUpdate, signer: made });
  }

  /** The signer, made anew when half of its life has passed; the former one while that fails and it holds. */
  async #ready(): Promise<MadeSigner> {
    const { clock, logger, authority } = this.options;
    const former = this.#signer;
    if (former !== undefined && clock.now() < former.renewAt) return former;
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    try {
      this.#signer = await this.#making;
      return this.#signer;
    } catch (error) {
      if (former === undefined || former.notAfter <= clock.now()) throw error;
      logger.error("OCSP signer could not be made", { ca: authority.name, what: describe(error) });
      return former;
    }
  }

  async #make(): Promise<MadeSigner> {
    const { authority, clock, config, logger, store } = this.options;
    const { certificate, hash, issuer } = authority;
    const subject = signerName(certificate.subject, authority.name);
    const { privateKey } = await newKeyPair("ec", { namedCurve: authority.curve });
    const publicKey = publicKeyOf(privateKey);
    const serial = randomSerial();
    const now = clock.now();
    const life = (config.ocspSignerDays ?? OCSP_SIGNER_DAYS) * DAY;
    const notAfter = Math.min(now + life, certificate.notAfter);
    const der = await buildOcspSignerCertificate({
      issuer,
      subject,
      publicKey,
      serial,
      notBefore: now - BACKDATE,
      notAfter,
      hash,
      sign: authority.sign,
    });
    // Before its first answer: no certificate of a CA is without its audit row.
    await store.call("note", {
      ...{ at: now, actor: "vpki", action: "ocsp-signer", subject: formatDn(decodeName(subject)), outcome: "issued" },
      details: { serial: toHex(serial), issuer: authority.name, notAfter },
    });
    logger.info("OCSP signer made", { ca: authority.name, serial: toHex(serial) });
    return { publicKey, certificate: der, hash, sign: signer(privateKey, hash), renewAt: now + life / 2, notAfter };
  }
}

/** The CA's name with a common name of its own. */
function signerName(ca: Uint8Array, name: string): Uint8Array {
  const attributes = decodeName(ca).filter(({ type }) => type !== "CN");
  return encodeName([...attributes, { type: "CN", value: `${name} OCSP` }]);
}

function statusOf(row: CertificateState | undefined, now: number): CertStatus {
  if (row === undefined) return { kind: "unknown" };
  const { revokedAt, reason } = row;
  return revokedAt !== null && isEnded(row, now) ? { kind: "revoked", revokedAt, reason } : { kind: "good" };
}

/** A clock that was set back brings no revoked certificate back. */
function isEnded({ revokedAt, planned }: CertificateState, now: number): boolean {
  return revokedAt !== null && (planned === 0 || revokedAt <= now);
}
