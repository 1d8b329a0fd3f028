/** The ECU of a profile that provisions: SHE, certificate slots and the diagnostic interface of the reference ECU. */
import type { Profile } from "../src/profiles/schema.js";
import { fromHex } from "../src/shared/bytes.js";
import { EcuClock } from "./clock.js";
import { dataIdentifiers } from "./dids.js";
import type { Equipment, EquipmentDeps } from "./equipment.js";
import { PowerCut } from "./flash/flash.js";
import { CertificateSlots } from "./hsm/certificates.js";
import { labelsOf, UID_LENGTH } from "./identity.js";
import { routines } from "./routines.js";
import { type Downloaded, services } from "./services.js";
import { createSheDevice, type SheDevice, type SheStorage } from "./she/index.js";
import type { StateStore } from "./state.js";
import { AUTHENTICATED } from "./uds/access.js";
import { Transfer } from "./uds/services/transfer.js";
import { unlocking } from "./unlocking.js";

/** maxNumberOfBlockLength, SID and counter included. */
const MAX_BLOCK = 0x0ffe;

/** The equipment that the profile describes. @throws StationError PROFILE_INVALID (no security key) */
export function referenceEquipment(profile: Profile, deps: EquipmentDeps): Equipment {
  const { options, faults, store, access, random } = deps;
  const { clock, unit = {} } = options;
  const she = new SheOnFlash(store, fromHex(store.current.ecuId).slice(-UID_LENGTH), random, options.blankKey);
  const ecuClock = new EcuClock(clock, store, (setAt) => faults.skew(setAt));
  const certificates = new CertificateSlots(store, () => ecuClock.now());
  const transfer = new Transfer(MAX_BLOCK);
  const downloaded: Downloaded = { data: undefined };
  const labels = labelsOf(profile.expect, unit);
  const { securityAccess: how } = profile;
  const unlocked = { security: ["level" in how ? how.level : AUTHENTICATED] };
  return {
    services: services({
      access,
      unlocked,
      transfer,
      downloaded,
      dids: dataIdentifiers({
        ids: profile.dids,
        labels: () => faults.label(labels),
        store,
        she: she.device,
        certificates,
        clock: ecuClock,
        unlocked,
      }),
      routines: routines({
        ids: profile.routines,
        she: she.device,
        certificates,
        store,
        downloaded: () => downloaded.data,
        settled: () => she.throwIfCut(),
        unlocked,
      }),
      uds: profile.uds,
      download: profile.download,
      unlocking: unlocking(profile, { ...options, access, now: () => ecuClock.now() }),
      reset: deps.reset,
    }),
    boot() {
      transfer.abort();
      downloaded.data = undefined;
      she.device.reset();
    },
    relocked: () => transfer.abort(),
  };
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
