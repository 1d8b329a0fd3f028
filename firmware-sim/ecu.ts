/** One simulated ECU: SHE, certificate slots and flash behind the diagnostic interface that its profile describes. */
import { randomBytes } from "node:crypto";
import type { CanLink } from "../src/ecu/link/link.js";
import { createIsoTp } from "../src/ecu/transport/isotp/isotp.js";
import { isoTpOptionsOf } from "../src/ecu/transport/isotp/options.js";
import type { DiagTransport } from "../src/ecu/transport/transport.js";
import type { EcuProfile } from "../src/profiles/loader.js";
import { fromHex, toHex } from "../src/shared/bytes.js";
import type { Clock } from "../src/shared/clock.js";
import { StationError } from "../src/shared/errors.js";
import type { KeyFunction } from "../src/shared/key-function.js";
import type { Secret } from "../src/shared/secret.js";
import { CLOCK_START, clockOffset } from "./clock.js";
import { type Counters, newCounters } from "./counters.js";
import { type EcuFacts, factsOf } from "./facts.js";
import { faultyLink } from "./faults/link.js";
import { FaultSet } from "./faults/set.js";
import type { Flash } from "./flash/flash.js";
import { newSlots } from "./hsm/certificates.js";
import { makeUnit, UID_LENGTH, type UnitIdentity, type UnitOptions } from "./identity.js";
import { referenceEquipment } from "./reference.js";
import { CERTIFICATE_SLOTS, type EcuState, StateStore } from "./state.js";
import { testEcuEquipment } from "./test-ecu.js";
import { Access, type AccessOptions } from "./uds/access.js";
import { NRC } from "./uds/nrc.js";
import { UdsServer } from "./uds/server.js";
import type { AuthenticationSettings } from "./unlocking.js";

/** Longest request and response, bytes: several certificates fit one answer. */
const MAX_MESSAGE = 65_535;
/** Bytes of the SHE's SECRET_KEY. */
const KEY_LENGTH = 16;

export interface EcuTimings {
  /** ms after which an unfinished request is answered with 0x78. Default 30; below the profile's P2. */
  readonly pendingAfter?: number;
  /** ms between two 0x78. Default half of the profile's P2*. */
  readonly pendingEvery?: number;
  /** ms of silence of a reset, 0–499. Default 100, or what the profile of a test ECU says. */
  readonly resetTime?: number;
  /** Delay of security access after too many wrong keys, ms. Default 10,000. */
  readonly securityDelay?: number;
}

export interface EcuOptions {
  readonly profile: EcuProfile;
  /** The bus; the ECU neither opens nor closes it. */
  readonly link: CanLink;
  readonly clock: Clock;
  readonly flash: Flash;
  /** Only for a new flash: what is in it counts otherwise. */
  readonly unit?: UnitOptions;
  /** They may be set and cleared at any time. Default: none. */
  readonly faults?: FaultSet;
  /** What it counts in. Default: nobody reads them. */
  readonly counters?: Counters;
  /** Source of seeds and secrets. Default: the system's. Key pairs always come from the system's. */
  readonly random?: (length: number) => Uint8Array;
  /** Source of a new unit's EcuID. Default: `random`. */
  readonly unitRandom?: (length: number) => Uint8Array;
  /** Secret of security access, 16 bytes; needed where the profile names a file. The caller keeps it alive. */
  readonly securityKey?: Secret;
  /** Algorithm of security access; needed where the profile names a module. */
  readonly keyFunction?: KeyFunction;
  /** Certificates of authentication; needed where the profile authenticates by them. */
  readonly authentication?: AuthenticationSettings;
  /** Value of an empty SHE slot that authorises itself, 16 bytes. Default 16 × 00. */
  readonly blankKey?: Uint8Array;
  readonly timings?: EcuTimings;
  /** The ECU stopped by itself: its flash failed. It answers nothing from then on. */
  readonly onFatal?: (error: unknown) => void;
}

export interface Ecu {
  readonly identity: UnitIdentity;
  /** How far it is, without any key material. */
  facts(): EcuFacts;
  /**
   * A trouble code's test fails, or passes.
   * @param code 3 bytes
   * @throws StationError USAGE where the ECU has no memory of trouble codes
   */
  setDtc(code: number, failed: boolean): Promise<void>;
  /** Falls silent and releases timers and listeners; waits until what it writes is durable. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts an ECU on `link` with the state in `flash`; a new flash gets a new unit.
 * @throws StationError STORE_FAILED, PROFILE_INVALID (no CAN section, no security key), USAGE (the flash belongs to another profile)
 */
export async function createEcu(options: EcuOptions): Promise<Ecu> {
  const { can, name } = options.profile;
  if (can === undefined)
    throw new StationError("PROFILE_INVALID", {
      details: { what: `${name} has no can section, which the link needs` },
    });
  const { profile, clock } = options;
  const { faults = new FaultSet({ profile, clock }), counters = newCounters() } = options;
  const isoTp = isoTpOptionsOf(can, "ecu");
  const link = faultyLink(options.link, isoTp.addressing, faults, counters, clock);
  const admit = (length: number) => faults.admit(length);
  const transport = createIsoTp(link, { ...isoTp, maxMessage: MAX_MESSAGE, admit }, clock);
  transport.onClosed(() => void link.close());
  try {
    const ecu = await createEcuOn(transport, { ...options, faults, counters });
    return {
      ...ecu,
      async close() {
        await ecu.close();
        await link.close();
      },
    };
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** The same on any transport, which it closes with itself. */
export async function createEcuOn(transport: DiagTransport, options: Omit<EcuOptions, "link">): Promise<Ecu> {
  const { profile, clock, flash, timings = {} } = options;
  const { faults = new FaultSet({ profile, clock }), counters = newCounters() } = options;
  const random = options.random ?? ((length: number) => new Uint8Array(randomBytes(length)));
  const store = await StateStore.open(flash, () => newState(options, random));
  const { current } = store;
  if (current.profile !== profile.name)
    throw new StationError("USAGE", {
      details: { what: `the state belongs to an ECU of profile ${current.profile}, not ${profile.name}` },
    });

  let closed = false;
  const fatal = (error: unknown) => {
    server.close();
    access.close();
    options.onFatal?.(error);
  };
  const access = new Access({
    store,
    clock,
    random,
    ...accessOptions(profile),
    ...(timings.securityDelay === undefined ? {} : { delay: timings.securityDelay }),
    onRelock: () => equipment.relocked(),
    onFatal: fatal,
  });
  const boot = () => {
    equipment.boot();
    access.boot();
  };
  const resetTime = timings.resetTime ?? (profile.target === "none" ? profile.uds.resetTime : 100);
  const reset = async () => {
    counters.resets++;
    const began = clock.monotonic();
    if (resetTime > 0) await clock.sleep(resetTime);
    counters.resettingMs += clock.monotonic() - began;
    if (!closed) boot();
  };
  const deps = { options, faults, store, access, random, reset };
  const equipment = profile.target === "none" ? testEcuEquipment(profile, deps) : referenceEquipment(profile, deps);
  const server = new UdsServer({
    transport,
    clock,
    access,
    services: equipment.services,
    S3: profile.uds.S3,
    ...(timings.pendingAfter === undefined ? {} : { pendingAfter: timings.pendingAfter }),
    pendingEvery: timings.pendingEvery ?? profile.uds.P2star / 2,
    interference: faults,
    reset,
    counters,
    onFatal: fatal,
  });
  boot();
  const ecuId = fromHex(current.ecuId);
  return {
    identity: { ecuId, uid: ecuId.slice(-UID_LENGTH), serialNumber: current.serialNumber },
    facts: () => factsOf(store.current, access),
    async setDtc(code, failed) {
      if (equipment.setDtc === undefined)
        throw new StationError("USAGE", { details: { what: `an ECU of ${profile.name} keeps no trouble codes` } });
      await equipment.setDtc(code, failed);
    },
    async close() {
      closed = true;
      server.close();
      access.close();
      transport.close();
      await flash.close();
    },
  };
}

function accessOptions(profile: EcuProfile): Pick<AccessOptions, "lockedNrc" | "maxAttempts" | "delay"> {
  if (profile.target === "none") {
    const { attempts: maxAttempts, delay } = profile.server.security ?? {};
    return {
      lockedNrc: NRC.securityAccessDenied,
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
      ...(delay === undefined ? {} : { delay }),
    };
  }
  const { securityAccess: how } = profile;
  if (!("level" in how)) return { lockedNrc: NRC.authenticationRequired };
  return { lockedNrc: NRC.securityAccessDenied, ...(how.delay === undefined ? {} : { delay: how.delay }) };
}

function newState(options: Omit<EcuOptions, "link">, random: (length: number) => Uint8Array): EcuState {
  const { profile, clock, unit = {} } = options;
  const made = makeUnit(unit, options.unitRandom ?? random);
  return {
    profile: profile.name,
    ecuId: toHex(made.ecuId),
    serialNumber: made.serialNumber,
    vin: unit.vin ?? null,
    clockOffset: clockOffset(clock, unit.clock ?? CLOCK_START),
    locked: false,
    attempts: 0,
    slots: newSlots(CERTIFICATE_SLOTS),
    secretKey: toHex(random(KEY_LENGTH)),
    she: null,
  };
}
