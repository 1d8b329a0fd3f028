/** Keys into a SHE device and certificates into an ECU's store, by the ECU's diagnostic routines. */
import type { CertificateAnswer, LoadReceipt, SheAnswer } from "../../ecu/uds/routines.js";
import type { UdsEcuSession } from "../../ecu/uds/session.js";
import { StationError } from "../../shared/errors.js";
import type { CertificateChain, CsrRequest, InjectionTarget, KeyReceipt, KeyUpdate } from "../../station/ports.js";

/** What the target needs of the session. */
export type SheUdsSession = Pick<
  UdsEcuSession,
  "makeKeyPair" | "readCsr" | "readCertificate" | "install" | "prove" | "loadKey" | "lastLoad" | "generateMac"
>;

export function createSheUdsTarget(session: SheUdsSession): InjectionTarget {
  return new SheUdsTarget(session);
}

class SheUdsTarget implements InjectionTarget {
  readonly #session: SheUdsSession;

  constructor(session: SheUdsSession) {
    this.#session = session;
  }

  async makeCsr({ name, slot, curve, subject, attributes }: CsrRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { status } = await this.#session.makeKeyPair(slot, curve, subject, attributes, signal);
    if (status !== "DONE") throw csrInvalid(name, `no key pair: ${status}`);
    const csr = await this.#session.readCsr(slot, signal);
    if (csr === undefined) throw csrInvalid(name, "the slot holds none after it was made");
    return csr;
  }

  readCertificate(slot: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#session.readCertificate(slot, signal);
  }

  async installCertificate(
    slot: number,
    leaf: Uint8Array,
    { issuers, anchors }: CertificateChain,
    signal: AbortSignal,
  ): Promise<void> {
    // The leaf comes last: only then does the ECU check the path.
    // A set that is empty stays as it is: nothing can be downloaded for it.
    if (issuers.length > 0)
      accepted(slot, "issuing CAs", await this.#session.install(slot, "issuers", issuers, signal));
    if (anchors.length > 0)
      accepted(slot, "trust anchors", await this.#session.install(slot, "anchors", anchors, signal));
    accepted(slot, "leaf", await this.#session.install(slot, "leaf", [leaf], signal));
  }

  async prove(slot: number, challenge: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { status, value } = await this.#session.prove(slot, challenge, signal);
    if (value === undefined)
      throw new StationError("TARGET_PROOF_FAILED", { details: { name: `slot ${slot}`, what: status, status } });
    return value;
  }

  async loadKey(slot: number, set: KeyUpdate, signal: AbortSignal): Promise<KeyReceipt> {
    return receipt(slot, await this.#session.loadKey(set, signal));
  }

  async lastLoad(slot: number, signal: AbortSignal): Promise<KeyReceipt | undefined> {
    const answer = await this.#session.lastLoad(slot, signal);
    return answer === undefined ? undefined : receipt(slot, answer);
  }

  async generateMac(slot: number, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { status, value } = await this.#session.generateMac(slot, data, signal);
    if (value !== undefined) return value;
    // KEY_INVALID: the slot is not one for MACs, as against one that fails.
    if (status === "KEY_INVALID") return undefined;
    throw refused(slot, status);
  }
}

function refused(slot: number, status: string): StationError {
  return new StationError("TARGET_KEY_REFUSED", { details: { slot: slot.toString(16).toUpperCase(), status } });
}

function receipt(slot: number, { status, value }: SheAnswer<LoadReceipt>): KeyReceipt {
  if (value === undefined) throw refused(slot, status);
  return value;
}

function csrInvalid(name: string, what: string): StationError {
  return new StationError("TARGET_CSR_INVALID", { details: { name, what } });
}

function accepted(slot: number, what: string, { status }: CertificateAnswer<true>): void {
  if (status !== "DONE")
    throw new StationError("TARGET_CERT_REFUSED", { details: { name: `slot ${slot}, ${what}`, status } });
}
