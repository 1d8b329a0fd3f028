/** One simulated ECU: SHE, certificate slots and flash behind the diagnostic interface that its profile describes. */
import { randomBytes } from "node:crypto";
import type { CanLink } from "../src/ecu/link/link.js";
import { createIsoTp } from "../src/ecu/transport/isotp/isotp.js";
import { type Admission, isoTpOptionsOf } from "../src/ecu/transport/isotp/options.js";
import type { DiagTransport } from "../src/ecu/transport/transport.js";
import type { Profile } from "../src/profiles/schema.js";
import { fromHex, toHex } from "../src/shared/bytes.js";
import type { Clock } from "../src/shared/clock.js";
import { StationError } from "../src/shared/errors.js";
import type { KeyFunction } from "../src/shared/key-function.js";
import { Secret } from "../src/shared/secret.js";
import { cmac } from "../src/she/codec/index.js";
import { CLOCK_START, clockOffset, EcuClock } from "./clock.js";
import { dataIdentifiers } from "./dids.js";
import type { Fault } from "./faults/faults.js";
import { type Flash, PowerCut } from "./flash/flash.js";
import { CertificateSlots, newSlots } from "./hsm/certificates.js";
import { labelsOf, makeUnit, UID_LENGTH, type UnitIdentity, type UnitOptions } from "./identity.js";
import { routines } from "./routines.js";
import { services } from "./services.js";
import { createSheDevice, type SheDevice, type SheStorage } from "./she/index.js";
import { CERTIFICATE_SLOTS, type EcuState, StateStore } from "./state.js";
import { Access } from "./uds/access.js";
import { authenticationService } from "./uds/authentication.js";
import { Download } from "./uds/download.js";
import { NRC } from "./uds/nrc.js";
import { seedKeyService } from "./uds/seed-key.js";
import { type Service, UdsServer } from "./uds/server.js";

/** Longest request and response, bytes: several certificates fit one answer. */
const MAX_MESSAGE = 65_535;
/** Bytes of a key of security access. */
const KEY_LENGTH = 16;

export interface EcuTimings {
  /** ms after which an unfinished request is answered with 0x78. Default 30; below the profile's P2. */
  readonly pendingAfter?: number;
  /** ms between two 0x78. Default half of the profile's P2*. */
  readonly pendingEvery?: number;
  /** ms of silence of a reset, 1–499. Default 100. */
  readonly resetTime?: number;
  /** Delay of security access after too many wrong keys, ms. Default 10,000. */
  readonly securityDelay?: number;
}

export interface EcuOptions {
  readonly profile: Profile;
  /** The bus; the ECU neither opens nor closes it. */
  readonly link: CanLink;
  readonly clock: Clock;
  readonly flash: Flash;
  /** Only for a new flash: what is in it counts otherwise. */
  readonly unit?: UnitOptions;
  readonly faults?: readonly Fault[];
  /** Source of seeds and secrets. Default: the system's. Key pairs always come from the system's. */
  readonly random?: (length: number) => Uint8Array;
  /** Source of a new unit's EcuID. Default: `random`. */
  readonly unitRandom?: (length: number) => Uint8Array;
  /** Secret of security access, 16 bytes; needed where the profile names a file. The caller keeps it alive. */
  readonly securityKey?: Secret;
  /** Algorithm of security access; needed where the profile names a module. */
  readonly keyFunction?: KeyFunction;
  /** Value of an empty SHE slot that authorises itself, 16 bytes. Default 16 × 00. */
  readonly blankKey?: Uint8Array;
  readonly timings?: EcuTimings;
  /** The ECU stopped by itself: its flash failed. It answers nothing from then on. */
  readonly onFatal?: (error: unknown) => void;
}

export interface Ecu {
  readonly identity: UnitIdentity;
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
  const transport = createIsoTp(
    options.link,
    { ...isoTpOptionsOf(can, "ecu"), maxMessage: MAX_MESSAGE, admit: admission(options.faults ?? []) },
    options.clock,
  );
  try {
    return await createEcuOn(transport, options);
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** The first fault that does not take a request decides. */
function admission(faults: readonly Fault[]): (length: number) => Admission {
  const admits = faults.flatMap((fault) => fault.admit?.() ?? []);
  return (length) => {
    for (const admit of admits) {
      const answer = admit(length);
      if (answer !== "accept") return answer;
    }
    return "accept";
  };
}

/** The same on any transport, which it closes with itself. */
export async function createEcuOn(transport: DiagTransport, options: Omit<EcuOptions, "link">): Promise<Ecu> {
  const { profile, clock, flash, unit = {}, timings = {} } = options;
  const random = options.random ?? ((length: number) => new Uint8Array(randomBytes(length)));
  const securityKey = options.securityKey ?? profileKey(profile);
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
  const ecuId = fromHex(current.ecuId);
  const uid = ecuId.slice(-UID_LENGTH);
  const she = new SheOnFlash(store, uid, random, options.blankKey);
  const ecuClock = new EcuClock(clock, store);
  const certificates = new CertificateSlots(store, () => ecuClock.now());
  const download = new Download(profile.download);
  const access = new Access({
    store,
    clock,
    random,
    lockedNrc:
      profile.securityAccess.kind === "challenge-response" ? NRC.authenticationRequired : NRC.securityAccessDenied,
    ...(timings.securityDelay === undefined ? {} : { delay: timings.securityDelay }),
    onRelock: () => download.abort(),
    onFatal: fatal,
  });
  const boot = () => {
    download.clear();
    she.device.reset();
    access.boot();
  };
  const labels = (options.faults ?? []).reduce(
    (texts, fault) => fault.label?.(texts) ?? texts,
    labelsOf(profile.expect, unit),
  );
  const server = new UdsServer({
    transport,
    clock,
    access,
    services: services({
      access,
      download,
      dids: dataIdentifiers({ ids: profile.dids, labels, store, she: she.device, certificates, clock: ecuClock }),
      routines: routines({
        ids: profile.routines,
        she: she.device,
        certificates,
        store,
        downloaded: () => download.data,
        settled: () => she.throwIfCut(),
      }),
      session: profile.uds.session,
      unlocking: unlocking(profile, access, securityKey, options.keyFunction),
      P2: profile.uds.P2,
      P2star: profile.uds.P2star,
      async reset() {
        await clock.sleep(timings.resetTime ?? 100);
        if (!closed) boot();
      },
    }),
    S3: profile.uds.S3,
    ...(timings.pendingAfter === undefined ? {} : { pendingAfter: timings.pendingAfter }),
    pendingEvery: timings.pendingEvery ?? profile.uds.P2star / 2,
    interference: (options.faults ?? []).flatMap((fault) => fault.interfere?.(profile) ?? []),
    onFatal: fatal,
  });
  boot();
  return {
    identity: { ecuId, uid, serialNumber: current.serialNumber },
    async close() {
      closed = true;
      server.close();
      access.close();
      transport.close();
      await flash.close();
    },
  };
}

/** The service that opens the lock, as the profile has it. */
function unlocking(
  { uds: { session }, securityAccess: how }: Profile,
  access: Access,
  secret: Secret,
  keyFunction: KeyFunction | undefined,
): Service {
  const mac = (bytes: Uint8Array) => secret.use((key) => cmac(key, bytes));
  if (how.kind !== "challenge-response") {
    const { level, seedLength } = how;
    const common = { access, session, level, seedLength };
    return keyFunction === undefined
      ? seedKeyService({ ...common, keyLength: KEY_LENGTH, keyOf: mac })
      : seedKeyService({
          ...common,
          keyOf: (seed) => secret.use((bytes) => keyFunction({ seed, secret: bytes, level })),
        });
  }
  const { communicationConfiguration = 0, mutual = true, challengeLength = 16 } = how;
  const algorithmIndicator = fromHex(how.algorithmIndicator);
  const options = { algorithmIndicator, communicationConfiguration, mutual, challengeLength, proofOf: mac };
  return authenticationService({ access, session, ...options });
}

/** The SHE whose memory is a part of the ECU's flash. */
class SheOnFlash {
  readonly device: SheDevice;
  #cut: PowerCut | undefined;

  constructor(
    store: StateStore,
    uid: Uint8Array,
    random: (length: number) => Uint8Array,
    blankKey: Uint8Array | undefined,
  ) {
    const storage: SheStorage = {
      load: () => store.current.she ?? undefined,
      save: async (she) => {
        try {
          await store.change((state) => ({ ...state, she }));
        } catch (error) {
          if (error instanceof PowerCut) this.#cut = error;
          throw error;
        }
      },
    };
    this.device = createSheDevice({
      uid,
      secretKey: fromHex(store.current.secretKey),
      storage,
      random,
      ...(blankKey === undefined ? {} : { blankKey }),
    });
  }

  /** The device answers MEMORY_FAILURE to any failed save; one for want of power has no answer. */
  throwIfCut(): void {
    if (this.#cut !== undefined) throw this.#cut;
  }
}

function newState(options: Omit<EcuOptions, "link">, random: (length: number) => Uint8Array): EcuState {
  const { profile, clock, unit = {} } = options;
  const made = makeUnit(unit, options.unitRandom ?? random);
  return {
    profile: profile.name,
    ecuId: toHex(made.ecuId),
    serialNumber: made.serialNumber,
    vin: unit.vin ?? null,
    clockOffset: clockOffset(clock, CLOCK_START),
    locked: false,
    attempts: 0,
    slots: newSlots(CERTIFICATE_SLOTS),
    secretKey: toHex(random(KEY_LENGTH)),
    she: null,
  };
}

function profileKey({ name, securityAccess: { key } }: Profile): Secret {
  if ("hex" in key) return Secret.fromHex(key.hex);
  throw new StationError("PROFILE_INVALID", { details: { what: `${name}: securityAccess.key.file was not read` } });
}
