/** The station's session with one ECU: identification, security access, and the ECU's provisioning routines. */
import { ascii, concat, uintBE } from "../../shared/bytes.js";
import type { Clock } from "../../shared/clock.js";
import { isStationError, StationError } from "../../shared/errors.js";
import type { Secret } from "../../shared/secret.js";
import type { DiagTransport } from "../transport/transport.js";
import type { UdsClient } from "./client.js";
import { download } from "./download.js";
import { type EcuIdentity, identify } from "./identify.js";
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
import { readDataByIdentifier, writeDataByIdentifier } from "./services/data.js";
import { routineControl } from "./services/routine.js";
import { isOpenSeed, KEY_ALGORITHMS, requestSeed, sendKey } from "./services/security.js";
import { call } from "./services/service.js";
import { diagnosticSessionControl, ecuReset, testerPresent } from "./services/session.js";
import { NRC, nrcName } from "./tables/nrc.js";
import { RESET, ROUTINE, SESSION, SID } from "./tables/services.js";
import { type CurveName, INSTALL_TYPE, type InstallType } from "./tables/status.js";

export interface EcuSessionParts {
  /** Closed at the end of the session. */
  readonly link: { close(): Promise<void> };
  readonly transport: DiagTransport;
  readonly client: UdsClient;
  readonly map: EcuMap;
  /** Secret of the ECU type for security access; stays the caller's. */
  readonly key: Secret;
  readonly clock: Clock;
}

/** Ms between two questions whether the ECU is back, and P2 of such a question. */
const POLL_MS = 50;

/** NRCs that say no to security access itself. */
const ACCESS_NRCS: ReadonlySet<number> = new Set([
  NRC.invalidKey,
  NRC.exceededNumberOfAttempts,
  NRC.requiredTimeDelayNotExpired,
  NRC.requestSequenceError,
]);

export class UdsEcuSession {
  readonly #parts: EcuSessionParts;
  #closing: Promise<void> | undefined;

  constructor(parts: EcuSessionParts) {
    this.#parts = parts;
  }

  identify(signal: AbortSignal): Promise<EcuIdentity> {
    return identify(this.#parts.client, this.#parts.map.dids, signal);
  }

  /** @throws StationError UDS_ACCESS_DENIED when seed or key is refused */
  async unlock(signal: AbortSignal): Promise<void> {
    const { client, map } = this.#parts;
    await call(client, diagnosticSessionControl, map.uds.session, { signal });
    client.startKeepAlive();
    try {
      await this.#securityAccess(signal);
    } catch (error) {
      const nrc = nrcOf(error);
      if (nrc === undefined || !ACCESS_NRCS.has(nrc)) throw error;
      throw new StationError("UDS_ACCESS_DENIED", { details: { what: nrcName(nrc), nrc }, cause: error });
    }
  }

  async #securityAccess(signal: AbortSignal): Promise<void> {
    const { client, map, key: secret } = this.#parts;
    const { level, algorithm, seedLength } = map.securityAccess;
    const seed = await call(client, requestSeed, level, { signal });
    if (seed.length !== seedLength)
      throw unexpectedResponse(SID.SecurityAccess, `a seed of ${seed.length} bytes, ${seedLength} wanted`);
    if (isOpenSeed(seed)) return;
    const key = KEY_ALGORITHMS[algorithm](secret, seed);
    try {
      await call(client, sendKey, { level, key }, { signal });
    } finally {
      key.fill(0);
    }
  }

  async writeVin(vin: string, signal: AbortSignal): Promise<void> {
    await this.#write(this.#parts.map.dids.vin, ascii(vin), signal);
  }

  async setClock(epochMs: number, signal: AbortSignal): Promise<void> {
    const seconds = Math.floor(epochMs / 1_000);
    await this.#write(this.#parts.map.dids.clock, concat(new Uint8Array(2), uintBE(seconds, 6)), signal);
  }

  #write(did: number, record: Uint8Array, signal: AbortSignal): Promise<void> {
    return call(this.#parts.client, writeDataByIdentifier, { did, record }, { signal });
  }

  /** The record of `did`; undefined where the ECU has none (NRC 31). */
  async #readIfThere(did: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return ifInRange(call(this.#parts.client, readDataByIdentifier, did, { signal }));
  }

  #start(routine: number, data: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return call(this.#parts.client, routineControl, { control: ROUTINE.start, routine, data }, { signal });
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
    return parseDone(await this.#start(this.#parts.map.routines.makeKeyPair, data, signal));
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
    await download(client, map.download, concat(...certificates), signal);
    return parseDone(
      await this.#start(map.routines.installCertificate, Uint8Array.of(slot, INSTALL_TYPE[type]), signal),
    );
  }

  /** @param challenge 32 bytes; the value is an ECDSA signature in DER */
  async prove(slot: number, challenge: Uint8Array, signal: AbortSignal): Promise<CertificateAnswer<Uint8Array>> {
    const data = concat(Uint8Array.of(slot), challenge);
    return parseSignature(await this.#start(this.#parts.map.routines.provePossession, data, signal));
  }

  /** @param set M1, M2 and M3: 16, 32 and 16 bytes */
  async loadKey(
    set: { readonly m1: Uint8Array; readonly m2: Uint8Array; readonly m3: Uint8Array },
    signal: AbortSignal,
  ): Promise<SheAnswer<LoadReceipt>> {
    return parseLoad(await this.#start(this.#parts.map.routines.loadKey, concat(set.m1, set.m2, set.m3), signal));
  }

  /** The receipt of the last load of a slot that was stored; undefined if there was none (NRC 31). */
  async lastLoad(slot: number, signal: AbortSignal): Promise<SheAnswer<LoadReceipt> | undefined> {
    const { client, map } = this.#parts;
    const request = { control: ROUTINE.results, routine: map.routines.loadKey, data: Uint8Array.of(slot) };
    const data = await ifInRange(call(client, routineControl, request, { signal }));
    return data === undefined ? undefined : parseLoad(data);
  }

  async generateMac(slot: number, data: Uint8Array, signal: AbortSignal): Promise<SheAnswer<Uint8Array>> {
    const request = concat(Uint8Array.of(slot), data);
    return parseMac(await this.#start(this.#parts.map.routines.generateMac, request, signal));
  }

  /** @param challenge 16 bytes */
  async getId(challenge: Uint8Array, signal: AbortSignal): Promise<SheAnswer<DeviceId>> {
    return parseDeviceId(await this.#start(this.#parts.map.routines.getId, challenge, signal));
  }

  async lock(signal: AbortSignal): Promise<void> {
    const { status } = parseDone(await this.#start(this.#parts.map.routines.lock, new Uint8Array(0), signal));
    if (status !== "DONE") throw unexpectedResponse(SID.RoutineControl, `the lock ended with status ${status}`);
  }

  async reset(signal: AbortSignal): Promise<void> {
    const { client, map, clock } = this.#parts;
    client.stopKeepAlive();
    await call(client, ecuReset, RESET.hard, { signal });
    const end = clock.monotonic() + map.uds.resetTime;
    for (;;) {
      // The pause comes first: an ECU may still answer for a moment before it goes down.
      await clock.sleep(POLL_MS, signal);
      try {
        await call(client, testerPresent, undefined, { signal, P2: POLL_MS, requestLimit: map.uds.resetTime });
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
    const { client, transport, link } = this.#parts;
    client.stopKeepAlive();
    await call(client, diagnosticSessionControl, SESSION.default, { signal }).catch(() => undefined);
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
