/**
 * A unit whose HSM is a PKCS#11 token: key pairs, certificates and SHE keys go into the token; the ECU around it is identified, opened
 * and locked over its diagnostic interface like any other.
 */
import { createHash } from "node:crypto";
import { type Certificate, certificateKey, parseCertificate } from "../../pki/certificate.js";
import { buildCsr } from "../../pki/csr.js";
import { integer } from "../../pki/der.js";
import { derSignature, keyIdentifier, readPublicKey } from "../../pki/keys.js";
import { fromHex, toHex } from "../../shared/bytes.js";
import type { Clock } from "../../shared/clock.js";
import { StationError } from "../../shared/errors.js";
import type { Logger } from "../../shared/logger.js";
import type {
  CertificateChain,
  CsrRequest,
  Curve,
  EcuIdentity,
  EcuSession,
  InjectionTarget,
  KeyReceipt,
  KeyUpdate,
} from "../../station/ports.js";
import { forkHost } from "../../token/process.js";
import { openToken, type Token, type TokenAddress, type TokenLimits, type TokenUse } from "../../token/token.js";
import {
  type CaObject,
  type LeafObject,
  MAKING,
  type Mechanisms,
  ONCE,
  type SheResult,
  type UnitCallName,
  type UnitCalls,
  type UnitSettings,
} from "./calls.js";
import { certificateLabel } from "./certificate-slots.js";

export type { Mechanisms } from "./calls.js";

export interface UnitTokenOptions {
  readonly address: TokenAddress;
  readonly limits?: Partial<TokenLimits>;
  readonly clock: Clock;
  readonly logger?: Logger;
}

/** Opens a token that units' keys go into; several runs may share it, their calls are served in turn. */
export function openUnitToken(options: UnitTokenOptions): Token {
  return openToken({ ...options, start: forkHost(new URL("./host.js", import.meta.url)) });
}

/** What a token must be able to do for these mechanisms. */
export function usesOf({ cmac, cipher }: Mechanisms): readonly TokenUse[] {
  const ciphers = new Set([cmac, cipher].filter((name) => name !== "CKM_AES_CMAC"));
  return [
    "signing",
    ...(cmac === "CKM_AES_CMAC" ? (["cmac"] as const) : []),
    ...(ciphers.has("CKM_AES_CBC") ? (["cbc"] as const) : []),
    ...(ciphers.has("CKM_AES_ECB") ? (["ecb"] as const) : []),
  ];
}

/** @throws StationError TOKEN_*; TOKEN_MECHANISM_MISSING where the token cannot do what the profile chose */
export async function assertTokenFits(token: Token, mechanisms: Mechanisms, signal: AbortSignal): Promise<void> {
  const description = await token.describe(usesOf(mechanisms), signal);
  const faults = description.mechanisms.filter(({ fault }) => fault !== undefined);
  if (faults.length === 0) return;
  const what = faults.map(({ name, fault }) => `${name} ${fault}`).join("; ");
  throw new StationError("TOKEN_MECHANISM_MISSING", { details: { token: token.name, what } });
}

/** Hash of the signatures of each curve (ecu-interface: 01 P-256 with SHA-256, 02 P-521 with SHA-512). */
const HASHES: Readonly<Record<Curve, "sha256" | "sha512">> = { "P-256": "sha256", "P-521": "sha512" };
/** The SHE UID is the end of the EcuID. */
const UID_DIGITS = 30;

/**
 * The unit around `session`, with its keys in `token`.
 * @param settings the UID is that of the identity which the session reads
 */
export function createTokenUnit(
  session: EcuSession,
  token: Token,
  settings: Omit<UnitSettings, "uid">,
): { session: EcuSession; target: InjectionTarget } {
  const target = new TokenTarget(token, settings);
  return { session: new TokenUnitSession(session, target), target };
}

class TokenTarget implements InjectionTarget {
  #uid: string | undefined;

  constructor(
    private readonly token: Token,
    private readonly settings: Omit<UnitSettings, "uid">,
  ) {}

  /** Which unit the token is asked about from here on. */
  identified({ ecuId }: EcuIdentity): void {
    this.#uid = ecuId.slice(-UID_DIGITS);
  }

  state(signal: AbortSignal): Promise<UnitCalls["state"]["result"]> {
    return this.#ask("state", {}, signal);
  }

  async makeCsr({ slot, curve, subject, attributes }: CsrRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { id, spki } = await this.#ask("makePair", { slot, curve }, signal);
    const sign = (data: Uint8Array) => this.#sign(slot, id, curve, data, signal);
    return buildCsr({ subject, publicKey: spki, attributes, hash: HASHES[curve], sign });
  }

  async readCertificate(slot: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return (await this.#ask("certificate", { slot }, signal))?.value;
  }

  async installCertificate(
    slot: number,
    leaf: Uint8Array,
    { issuers, anchors }: CertificateChain,
    signal: AbortSignal,
  ): Promise<void> {
    const args = { slot, leaf: leafObject(leaf), issuers: issuers.map(caObject), anchors: anchors.map(caObject) };
    const status = await this.#ask("install", args, signal);
    if (status !== "DONE")
      throw new StationError("TARGET_CERT_REFUSED", { details: { name: `slot ${slot}, leaf`, status } });
  }

  async prove(slot: number, challenge: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const held = await this.#ask("certificate", { slot }, signal);
    if (held === null) {
      const what = "the slot holds no certificate";
      throw new StationError("TARGET_PROOF_FAILED", { details: { name: `slot ${slot}`, what } });
    }
    return this.#sign(slot, held.id, readPublicKey(held.spki).curve, challenge, signal);
  }

  async loadKey(slot: number, { m1, m2, m3 }: KeyUpdate, signal: AbortSignal): Promise<KeyReceipt> {
    return accepted(slot, await this.#ask("loadKey", { m1, m2, m3 }, signal));
  }

  async lastLoad(slot: number, signal: AbortSignal): Promise<KeyReceipt | undefined> {
    return (await this.#ask("lastLoad", { slot }, signal)) ?? undefined;
  }

  async generateMac(slot: number, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const answer = await this.#ask("generateMac", { slot, data }, signal);
    return answer.erc === "ERC_KEY_INVALID" ? undefined : accepted(slot, answer);
  }

  async #sign(slot: number, id: string, curve: Curve, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const digest = new Uint8Array(createHash(HASHES[curve]).update(data).digest());
    return derSignature(await this.token.sign({ label: certificateLabel(this.#unit(), slot), id }, digest, signal));
  }

  async #ask<K extends UnitCallName>(
    call: K,
    args: UnitCalls[K]["args"],
    signal: AbortSignal,
  ): Promise<UnitCalls[K]["result"]> {
    const unit: UnitSettings = { ...this.settings, uid: this.#unit() };
    // What the process answers to a call is the call's own (calls.ts).
    const how = { once: ONCE.has(call), making: MAKING.has(call) };
    return (await this.token.work({ call, unit, args }, how, signal)) as UnitCalls[K]["result"];
  }

  #unit(): string {
    if (this.#uid !== undefined) return this.#uid;
    throw new StationError("INTERNAL", { details: { what: "the token is asked before the unit is identified" } });
  }
}

/** The ECU's own session; what its slots hold is read from the token. */
class TokenUnitSession implements EcuSession {
  constructor(
    private readonly session: EcuSession,
    private readonly target: TokenTarget,
  ) {}

  async identify(signal: AbortSignal): Promise<EcuIdentity> {
    const identity = await this.session.identify(signal);
    this.target.identified(identity);
    const { keySlots, certificateSlots } = await this.target.state(signal);
    return { ...identity, state: { ...identity.state, keySlots, certificateSlots } };
  }

  unlock(signal: AbortSignal): Promise<void> {
    return this.session.unlock(signal);
  }

  writeVin(vin: string, signal: AbortSignal): Promise<void> {
    return this.session.writeVin(vin, signal);
  }

  setClock(epochMs: number, signal: AbortSignal): Promise<void> {
    return this.session.setClock(epochMs, signal);
  }

  lock(signal: AbortSignal): Promise<void> {
    return this.session.lock(signal);
  }

  reset(signal: AbortSignal, restart?: () => Promise<void>): Promise<void> {
    return this.session.reset(signal, restart);
  }

  close(signal: AbortSignal): Promise<void> {
    return this.session.close(signal);
  }

  timers(): Readonly<Record<string, number>> {
    return this.session.timers();
  }
}

function leafObject(der: Uint8Array): LeafObject {
  const certificate = parseCertificate(der);
  return { ...objectOf(certificate), spki: certificateKey(certificate).spki };
}

function caObject(der: Uint8Array): CaObject {
  const certificate = parseCertificate(der);
  const id = certificate.subjectKeyIdentifier ?? keyIdentifier(certificateKey(certificate));
  return { ...objectOf(certificate), id: toHex(id) };
}

function objectOf({ raw, subject, issuer, serial }: Certificate): Omit<LeafObject, "spki"> {
  return { value: raw, subject, issuer, serial: integer(fromHex(serial)) };
}

function accepted<T>(slot: number, answer: SheResult<T>): T {
  if (answer.erc === "ERC_NO_ERROR") return answer.value;
  const status = answer.erc.replace("ERC_", "");
  throw new StationError("TARGET_KEY_REFUSED", { details: { slot: slot.toString(16).toUpperCase(), status } });
}
