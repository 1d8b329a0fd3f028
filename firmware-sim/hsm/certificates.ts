/** Certificate slots: key pairs with their requests, leaves, issuing CAs and anchors (routines 0220–0222). */

import { type Certificate, certificateKey, parseCertificate } from "../../src/pki/certificate.js";
import { type ChainFault, splitCertificates, verifyChain } from "../../src/pki/chain.js";
import { buildCsr } from "../../src/pki/csr.js";
import { expectTag, readAll, readOid, readWhole, TAG, unreadable } from "../../src/pki/der.js";
import { equalBytes } from "../../src/shared/bytes.js";
import { isStationError } from "../../src/shared/errors.js";
import { emptySlot, fromBase64, type KeyPairState, type SlotState, type StateStore, toBase64 } from "../state.js";
import { CURVES, makeKeyPair, publicKeyOf, signWith } from "./keys.js";

/** Status byte of the certificate routines. */
export const CERTIFICATE_STATUS = {
  done: 0x00,
  unreadable: 0x01,
  keyMismatch: 0x02,
  chainInvalid: 0x03,
  notValidNow: 0x04,
  noSuchSlot: 0x05,
  wrongType: 0x06,
} as const;
export type CertificateStatus = (typeof CERTIFICATE_STATUS)[keyof typeof CERTIFICATE_STATUS];

/** What is installed, as the install routine numbers it. */
const INSTALL_TYPE = { leaf: 0x01, issuers: 0x02, anchors: 0x03 } as const;

/** The leaf itself is read before its chain is looked at: what cannot be read there is one of the CAs. */
const CHAIN_STATUS: Readonly<Record<ChainFault, CertificateStatus>> = {
  unreadable: CERTIFICATE_STATUS.chainInvalid,
  "wrong-type": CERTIFICATE_STATUS.wrongType,
  "chain-invalid": CERTIFICATE_STATUS.chainInvalid,
  "not-valid-now": CERTIFICATE_STATUS.notValidNow,
};

export class CertificateSlots {
  readonly #store: StateStore;
  readonly #now: () => number;

  /** @param now the ECU's own time, ms since the epoch, within the range of Date */
  constructor(store: StateStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** DER of the leaf of slot `slot`. */
  leaf(slot: number): Uint8Array | undefined {
    const leaf = this.#slot(slot)?.leaf;
    return leaf === undefined ? undefined : fromBase64(leaf);
  }

  /** DER of the request made last for slot `slot`. */
  csr(slot: number): Uint8Array | undefined {
    const csr = this.#slot(slot)?.csr;
    return csr === undefined ? undefined : fromBase64(csr);
  }

  /** Bit n is set where slot n holds a leaf. */
  filled(): number {
    return this.#store.current.slots.reduce((map, slot, n) => (slot.leaf === undefined ? map : map | (1 << n)), 0);
  }

  /**
   * Makes a key pair and its request; both are durable when this resolves. They replace a pair that waits and the former request; the
   * pair in use stays.
   *
   * @param subject Name, DER
   * @param attributes Attribute SEQUENCEs one after the other
   */
  async makeKeyPair(
    slot: number,
    curveId: number,
    subject: Uint8Array,
    attributes: Uint8Array,
  ): Promise<CertificateStatus> {
    if (this.#slot(slot) === undefined) return CERTIFICATE_STATUS.noSuchSlot;
    const curve = CURVES[curveId];
    if (curve === undefined) return CERTIFICATE_STATUS.wrongType;
    if (!isReadable(() => checkName(subject)) || !isReadable(() => checkAttributes(attributes)))
      return CERTIFICATE_STATUS.unreadable;
    const waiting = await makeKeyPair(curve.curve);
    const csr = await buildCsr({
      subject,
      publicKey: publicKeyOf(waiting),
      attributes,
      hash: curve.hash,
      sign: signWith(waiting),
    });
    await this.#store.changeSlot(slot, (former) => ({ ...former, waiting, csr: toBase64(csr) }));
    return CERTIFICATE_STATUS.done;
  }

  /** @param data what was downloaded: DER certificates one after the other; undefined where nothing was */
  async install(slot: number, type: number, data: Uint8Array | undefined): Promise<CertificateStatus> {
    const former = this.#slot(slot);
    if (former === undefined) return CERTIFICATE_STATUS.noSuchSlot;
    if (!Object.values<number>(INSTALL_TYPE).includes(type)) return CERTIFICATE_STATUS.wrongType;
    const certificates = readCertificates(data);
    const first = certificates?.[0];
    if (certificates === undefined || first === undefined) return CERTIFICATE_STATUS.unreadable;
    if (type === INSTALL_TYPE.leaf)
      return certificates.length === 1 ? this.#installLeaf(slot, former, first) : CERTIFICATE_STATUS.unreadable;
    if (certificates.some(({ isCa }) => !isCa)) return CERTIFICATE_STATUS.wrongType;
    const set = certificates.map(({ raw }) => toBase64(raw));
    await this.#store.changeSlot(slot, (entry) => ({
      ...entry,
      [type === INSTALL_TYPE.issuers ? "issuers" : "anchors"]: set,
    }));
    return CERTIFICATE_STATUS.done;
  }

  /** Signature over `challenge` by the key in use, DER. */
  async prove(slot: number, challenge: Uint8Array): Promise<CertificateStatus | Uint8Array> {
    const entry = this.#slot(slot);
    if (entry?.leaf === undefined || entry.inUse === undefined) return CERTIFICATE_STATUS.noSuchSlot;
    return signWith(entry.inUse)(challenge);
  }

  async #installLeaf(slot: number, former: SlotState, leaf: Certificate): Promise<CertificateStatus> {
    if (leaf.isCa) return CERTIFICATE_STATUS.wrongType;
    const pair = [former.waiting, former.inUse].find((candidate) => candidate !== undefined && fits(candidate, leaf));
    if (pair === undefined) return CERTIFICATE_STATUS.keyMismatch;
    const chain = await verifyChain({
      leaf: leaf.raw,
      issuers: former.issuers.map(fromBase64).filter(hasKnownKey),
      anchors: former.anchors.map(fromBase64).filter(hasKnownKey),
      at: this.#now(),
    });
    if (!chain.ok) return CHAIN_STATUS[chain.reason];
    await this.#store.changeSlot(slot, ({ waiting, ...entry }) => ({
      ...entry,
      ...(waiting === undefined || waiting === pair ? {} : { waiting }),
      inUse: pair,
      leaf: toBase64(leaf.raw),
    }));
    return CERTIFICATE_STATUS.done;
  }

  #slot(slot: number): SlotState | undefined {
    return this.#store.current.slots[slot];
  }
}

export const newSlots = (count: number): SlotState[] => Array.from({ length: count }, emptySlot);

function readCertificates(data: Uint8Array | undefined): Certificate[] | undefined {
  let certificates: Certificate[] | undefined;
  isReadable(() => {
    certificates = data === undefined ? undefined : splitCertificates(data).map(parseCertificate);
  });
  return certificates;
}

/** A CA whose key is of another algorithm or curve than the ECU's own is on no path, and in nobody's way. */
function hasKnownKey(der: Uint8Array): boolean {
  return isReadable(() => certificateKey(parseCertificate(der)));
}

function fits(pair: KeyPairState, certificate: Certificate): boolean {
  let spki = new Uint8Array();
  // Another kind of key than ours is no match, and nothing else.
  isReadable(() => {
    spki = new Uint8Array(certificateKey(certificate).spki);
  });
  return equalBytes(publicKeyOf(pair), spki);
}

/** Name ::= SEQUENCE OF SET SIZE (1..MAX) OF SEQUENCE { OID, any } (X.501). */
function checkName(der: Uint8Array): void {
  for (const rdn of readAll(readWhole(der, TAG.SEQUENCE, "name").content)) {
    const pairs = readAll(expectTag(rdn, TAG.SET, "relative name").content);
    if (pairs.length === 0) throw unreadable("an empty relative name");
    for (const pair of pairs) {
      const [type, value, ...more] = readAll(expectTag(pair, TAG.SEQUENCE, "name attribute").content);
      readOid(type);
      if (value === undefined || more.length > 0) throw unreadable("a name attribute is a type and a value");
    }
  }
}

/** Attribute ::= SEQUENCE { OID, SET SIZE (1..MAX) OF any } (RFC 2986), none or more of them. */
function checkAttributes(der: Uint8Array): void {
  for (const attribute of readAll(der)) {
    const [type, values, ...more] = readAll(expectTag(attribute, TAG.SEQUENCE, "attribute").content);
    readOid(type);
    if (readAll(expectTag(values, TAG.SET, "attribute values").content).length === 0 || more.length > 0)
      throw unreadable("an attribute is a type and its values");
  }
}

function isReadable(read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE")) return false;
    throw error;
  }
}
