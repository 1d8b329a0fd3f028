/** The station's session with one ECU: identification, security access, and the ECU's provisioning routines. */
import { randomBytes } from "node:crypto";
import { ascii, concat, uintBE } from "../../shared/bytes.js";
import type { Clock } from "../../shared/clock.js";
import { isStationError, StationError } from "../../shared/errors.js";
import type { DiagTransport } from "../transport/transport.js";
import { authenticate, deAuthenticate } from "./authentication.js";
import { call } from "./call.js";
import { exchangeCertificates } from "./certificates.js";
import type { UdsClient } from "./client.js";
import { download } from "./download.js";
import { type EcuIdentity, identify, readDid } from "./identify.js";
import type { EcuMap } from "./map.js";
import { nrcOf, unexpectedResponse } from "./messages.js";
import {
  type CertificateAnswer,
  type DeviceId,
  keyPairData,
  type LoadReceipt,
  parseDeviceId,
  parseDone,
  parseLoad,
  parseMac,
  parseSignature,
  type SheAnswer,
} from "./routines.js";
import { type EcuAccess, securityAccess } from "./security.js";
import { UDS } from "./tables/messages.js";
import { NRC, nrcName } from "./tables/nrc.js";
import { RESET, ROUTINE, SESSION, SID, TESTER_PRESENT } from "./tables/services.js";
import { type CurveName, INSTALL_TYPE, type InstallType } from "./tables/status.js";

export interface EcuSessionParts {
  readonly access: EcuAccess;
  /** Closed at the end of the session. */
  readonly link: { close(): Promise<void> };
  readonly transport: DiagTransport;
  readonly client: UdsClient;
  readonly map: EcuMap;
  readonly clock: Clock;
  /**
   * ms between two questions whether an ECU in its reset is back; 1–1,000. Left out, each question has its own P2 first, as a line needs
   * that carries one message at a time.
   */
  readonly resetPoll?: number;
  /** Source of challenges. Default: the system's. */
  readonly random?: (length: number) => Uint8Array;
}

/** Ms of a reset before the first question whether the ECU is back, and P2 of a question that stands alone. */
const POLL_MS = 50;

/** NRCs that say no to security access or authentication itself. */
const ACCESS_NRCS: ReadonlySet<number> = new Set([
  NRC.invalidKey,
  NRC.exceededNumberOfAttempts,
  NRC.requiredTimeDelayNotExpired,
  NRC.requestSequenceError,
  NRC.certificateVerificationFailedInvalidTimePeriod,
  NRC.certificateVerificationFailedInvalidSignature,
  NRC.certificateVerificationFailedInvalidChainOfTrust,
  NRC.certificateVerificationFailedInvalidType,
  NRC.certificateVerificationFailedInvalidFormat,
  NRC.certificateVerificationFailedInvalidContent,
  NRC.certificateVerificationFailedInvalidScope,
  NRC.certificateVerificationFailedInvalidCertificate,
  NRC.ownershipVerificationFailed,
  NRC.challengeCalculationFailed,
  NRC.settingAccessRightsFailed,
  NRC.sessionKeyCreationOrDerivationFailed,
  NRC.configurationDataUsageFailed,
]);

/** NRCs by which an ECU says that it has left the session, or closed the lock, and has done nothing. */
const LEFT_NRCS: ReadonlySet<number> = new Set([
  NRC.serviceNotSupportedInActiveSession,
  NRC.subFunctionNotSupportedInActiveSession,
  NRC.securityAccessDenied,
  NRC.authenticationRequired,
]);

/** Ms before a request is repeated: an ECU whose response lost its first frame waits so long for flow control (N_Bs), and sends nothing else. */
const REPEAT_PAUSE_MS = 1_000;

/** Whether a request may reach the ECU twice: where not, a lost answer is the caller's to settle. */
type Repeat = "harmless" | "never";

const systemRandom = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

export class UdsEcuSession {
  readonly #parts: EcuSessionParts;
  #closing: Promise<void> | undefined;
  /** The session was opened and not ended by us: where the ECU has left it, S3 ran out. */
  #opened = false;

  constructor(parts: EcuSessionParts) {
    this.#parts = parts;
  }

  /** Repeated as a whole where an answer is lost: nothing was asked before that could tell an ECU which is not there from one that still waits. */
  identify(signal: AbortSignal): Promise<EcuIdentity> {
    const { client, map } = this.#parts;
    return this.#inSession("harmless", signal, () => identify(client, map.dids, signal));
  }

  /** @throws StationError UDS_ACCESS_DENIED when seed, key or proof is refused, or the ECU does not prove itself */
  async unlock(signal: AbortSignal): Promise<void> {
    const { client, map } = this.#parts;
    await enterSession(client, map.uds.session, signal);
    client.startKeepAlive();
    try {
      await this.#letIn(signal);
      this.#opened = true;
    } catch (error) {
      const nrc = nrcOf(error);
      if (nrc === undefined || !ACCESS_NRCS.has(nrc)) throw error;
      throw new StationError("UDS_ACCESS_DENIED", { details: { what: nrcName(nrc), nrc }, cause: error });
    }
  }

  /**
   * Does `work` in the open session. The wait for an answer that was lost may outlast S3 (P2* and margin do), and no 3E goes out amid
   * it: an ECU that has left the session refuses what comes next, having done nothing, so the session is opened again and the work
   * repeated, whatever it is. What was lost itself is repeated where that is harmless. Each of the two happens once.
   */
  async #inSession<T>(repeat: Repeat, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let losses = repeat === "harmless" ? 1 : 0;
    let openings = this.#opened ? 1 : 0;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (LEFT_NRCS.has(nrcOf(error) ?? 0) && openings-- > 0) await this.unlock(signal);
        else if (silent(error) && losses-- > 0) await this.#parts.clock.sleep(REPEAT_PAUSE_MS, signal);
        else throw error;
      }
    }
  }

  async #letIn(signal: AbortSignal): Promise<void> {
    const { client, map, clock, access, random = systemRandom } = this.#parts;
    const { securityAccess: how } = map;
    if (how.kind === "certificate") {
      if (!("credentials" in access)) throw lacks("a certificate");
      await exchangeCertificates(client, how, access.credentials, random, signal);
      return;
    }
    if (!("key" in access)) throw lacks("a secret");
    if (how.kind === "challenge-response") await authenticate(client, how, access.key, random, signal);
    else await securityAccess(client, how, access, clock, signal);
  }

  async writeVin(vin: string, signal: AbortSignal): Promise<void> {
    await this.#write(this.#parts.map.dids.vin, () => ascii(vin), signal);
  }

  /** @param epochMs of now: a repeat, which comes later, says so */
  async setClock(epochMs: number, signal: AbortSignal): Promise<void> {
    const { clock, map } = this.#parts;
    const origin = epochMs - clock.monotonic();
    const record = () => {
      const seconds = Math.floor((origin + clock.monotonic()) / 1_000);
      return concat(new Uint8Array(2), uintBE(seconds, 6));
    };
    await this.#write(map.dids.clock, record, signal);
  }

  /** @param record made anew for each try */
  async #write(did: number, record: () => Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#inSession("harmless", signal, () => {
      const request = { dataIdentifier: did, dataRecord: record() };
      return call(this.#parts.client, UDS.writeDataByIdentifier, request, { signal });
    });
  }

  /** The record of `did`; undefined where the ECU has none (NRC 31). */
  async #readIfThere(did: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#inSession("harmless", signal, () => ifInRange(readDid(this.#parts.client, did, signal)));
  }

  #start(routine: number, data: Uint8Array, repeat: Repeat, signal: AbortSignal): Promise<Uint8Array> {
    return this.#inSession(repeat, signal, () => this.#routine(ROUTINE.start, routine, data, signal));
  }

  /** What stands behind the routine's identifier in the answer. */
  async #routine(control: number, routine: number, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const request = { routineControlType: control, routineIdentifier: routine, routineControlOptionRecord: data };
    const { routineStatusRecord } = await call(this.#parts.client, UDS.routineControl, request, { signal });
    return routineStatusRecord;
  }

  /** @param attributes the Attribute SEQUENCEs one after the other; may be empty */
  async makeKeyPair(
    slot: number,
    curve: CurveName,
    subject: Uint8Array,
    attributes: Uint8Array,
    signal: AbortSignal,
  ): Promise<CertificateAnswer<true>> {
    const data = keyPairData(slot, curve, subject, attributes);
    // A start that comes late would replace the pair whose CSR was read.
    return parseDone(await this.#start(this.#parts.map.routines.makeKeyPair, data, "never", signal));
  }

  /** DER of the CSR last made for a slot; undefined while there is none. */
  readCsr(slot: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#readIfThere(this.#parts.map.dids.csr + slot, signal);
  }

  /** DER of a slot's leaf; undefined while it is empty. */
  readCertificate(slot: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#readIfThere(this.#parts.map.dids.certificate + slot, signal);
  }

  /** Downloads certificates (DER, one after the other) and installs them in a slot. */
  async install(
    slot: number,
    type: InstallType,
    certificates: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<CertificateAnswer<true>> {
    const { client, map } = this.#parts;
    const data = Uint8Array.of(slot, INSTALL_TYPE[type]);
    // What the slot holds says whether a repeat is due: the caller reads it.
    const installed = await this.#inSession("never", signal, async () => {
      await download(client, map.download, concat(...certificates), signal);
      return this.#routine(ROUTINE.start, map.routines.installCertificate, data, signal);
    });
    return parseDone(installed);
  }

  /** @param challenge 32 bytes; the value is an ECDSA signature in DER */
  async prove(slot: number, challenge: Uint8Array, signal: AbortSignal): Promise<CertificateAnswer<Uint8Array>> {
    const data = concat(Uint8Array.of(slot), challenge);
    return parseSignature(await this.#start(this.#parts.map.routines.provePossession, data, "harmless", signal));
  }

  /** @param set M1, M2 and M3: 16, 32 and 16 bytes */
  async loadKey(
    set: { readonly m1: Uint8Array; readonly m2: Uint8Array; readonly m3: Uint8Array },
    signal: AbortSignal,
  ): Promise<SheAnswer<LoadReceipt>> {
    // A set that was stored is refused the second time, which would look like a failure.
    const data = concat(set.m1, set.m2, set.m3);
    return parseLoad(await this.#start(this.#parts.map.routines.loadKey, data, "never", signal));
  }

  /** The receipt of the last load of a slot that was stored; undefined if there was none (NRC 31). */
  async lastLoad(slot: number, signal: AbortSignal): Promise<SheAnswer<LoadReceipt> | undefined> {
    const { loadKey } = this.#parts.map.routines;
    const data = await this.#inSession("harmless", signal, () =>
      ifInRange(this.#routine(ROUTINE.results, loadKey, Uint8Array.of(slot), signal)),
    );
    return data === undefined ? undefined : parseLoad(data);
  }

  async generateMac(slot: number, data: Uint8Array, signal: AbortSignal): Promise<SheAnswer<Uint8Array>> {
    const request = concat(Uint8Array.of(slot), data);
    return parseMac(await this.#start(this.#parts.map.routines.generateMac, request, "harmless", signal));
  }

  /** @param challenge 16 bytes */
  async getId(challenge: Uint8Array, signal: AbortSignal): Promise<SheAnswer<DeviceId>> {
    return parseDeviceId(await this.#start(this.#parts.map.routines.getId, challenge, "harmless", signal));
  }

  async lock(signal: AbortSignal): Promise<void> {
    const { lock } = this.#parts.map.routines;
    const { status } = parseDone(await this.#start(lock, new Uint8Array(0), "harmless", signal));
    if (status !== "DONE") throw unexpectedResponse(SID.RoutineControl, `the lock ended with status ${status}`);
  }

  /** @param restart what restarts the ECU in place of 11 01 */
  async reset(signal: AbortSignal, restart?: () => Promise<void>): Promise<void> {
    const { client, map, clock, resetPoll } = this.#parts;
    client.stopKeepAlive();
    this.#opened = false;
    if (restart === undefined) await call(client, UDS.ecuReset, { resetType: RESET.hard }, { signal });
    else await restart();
    client.announce(undefined);
    const end = clock.monotonic() + map.uds.resetTime;
    for (;;) {
      // The pause comes first: an ECU may still answer for a moment before it goes down.
      await clock.sleep(POLL_MS, signal);
      try {
        const requestLimit = map.uds.resetTime;
        const asked = resetPoll === undefined ? { P2: POLL_MS } : { P2: requestLimit, again: resetPoll };
        const poll = { signal, requestLimit, ...asked };
        await call(client, UDS.testerPresent, { zeroSubFunction: TESTER_PRESENT }, poll);
        return;
      } catch (error) {
        if (!silent(error) || clock.monotonic() >= end) throw error;
      }
    }
  }

  close(signal: AbortSignal): Promise<void> {
    this.#closing ??= this.#end(signal);
    return this.#closing;
  }

  async #end(signal: AbortSignal): Promise<void> {
    const { client, transport, link, map } = this.#parts;
    client.stopKeepAlive();
    const { kind } = map.securityAccess;
    if (kind === "challenge-response" || kind === "certificate")
      await deAuthenticate(client, signal).catch(() => undefined);
    await enterSession(client, SESSION.default, signal).catch(() => undefined);
    client.close();
    transport.close();
    await link.close();
  }

  timers(): Readonly<Record<string, number>> {
    return this.#parts.client.timers();
  }
}

/** A session over an open link; nothing is sent until the first call. */
export function createEcuSession(parts: EcuSessionParts): UdsEcuSession {
  return new UdsEcuSession(parts);
}

const lacks = (what: string): StationError =>
  new StationError("CONFIG_INVALID", { details: { what: `securityAccess: the session was opened without ${what}` } });

/** Steps of P2star_server_max in the answer to 10, ms. */
const P2STAR_STEP = 10;

async function enterSession(client: UdsClient, session: number, signal: AbortSignal): Promise<void> {
  const request = { diagnosticSessionType: session };
  const timing = await call(client, UDS.diagnosticSessionControl, request, { signal });
  client.announce({ P2: timing.P2server_max, P2star: P2STAR_STEP * timing.P2star_server_max });
}

/** Nobody answered, which is what an ECU in its reset does. */
function silent(error: unknown): boolean {
  return isStationError(error) && (error.layer === "transport" || error.code === "UDS_TIMEOUT");
}

async function ifInRange<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (nrcOf(error) === NRC.requestOutOfRange) return undefined;
    throw error;
  }
}
