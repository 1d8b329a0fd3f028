/** The data identifiers of the reference ECU (services 22 and 2E), as a table. */
import type { Profile } from "../src/profiles/schema.js";
import { ascii, fromAscii, fromHex } from "../src/shared/bytes.js";
import type { EcuClock } from "./clock.js";
import type { CertificateSlots } from "./hsm/certificates.js";
import type { SheDevice } from "./she/index.js";
import { CERTIFICATE_SLOTS, type StateStore } from "./state.js";
import type { AccessRule } from "./uds/access.js";
import type { DataIdentifier } from "./uds/services/data.js";

/** Texts of the ECU kind, ASCII. */
export interface EcuLabels {
  readonly partNumber: string;
  readonly hwVersion: string;
  readonly swVersion: string;
  readonly systemName: string;
}

export interface DidDeps {
  readonly ids: Profile["dids"];
  /** They may change while it runs. */
  readonly labels: () => EcuLabels;
  readonly store: StateStore;
  readonly she: SheDevice;
  readonly certificates: CertificateSlots;
  readonly clock: EcuClock;
  /** What writing is behind. */
  readonly unlocked: AccessRule;
}

const VIN_LENGTH = 17;
const BLANK_VIN = new Uint8Array(VIN_LENGTH).fill(0xff);
const CLOCK_LENGTH = 8;
/** Life cycle byte. */
const LIFE_CYCLE = { production: 0x00, locked: 0x01 } as const;

export function dataIdentifiers(deps: DidDeps): DataIdentifier[] {
  const { ids, labels, store, she, certificates, clock, unlocked } = deps;
  const text = (id: number, label: keyof EcuLabels): DataIdentifier => ({ id, read: () => ascii(labels()[label]) });
  const slots = Array.from({ length: CERTIFICATE_SLOTS }, (_, n) => n);
  return [
    text(ids.partNumber, "partNumber"),
    text(ids.hwVersion, "hwVersion"),
    text(ids.swVersion, "swVersion"),
    text(ids.systemName, "systemName"),
    { id: ids.serialNumber, read: () => ascii(store.current.serialNumber) },
    {
      id: ids.vin,
      read: () => (store.current.vin === null ? BLANK_VIN : ascii(store.current.vin)),
      write: {
        rule: unlocked,
        length: VIN_LENGTH,
        accepts: isVin,
        store: (data) => store.change((state) => ({ ...state, vin: fromAscii(data) })),
      },
    },
    { id: ids.ecuId, read: () => fromHex(store.current.ecuId) },
    {
      id: ids.provisioningState,
      read: () => {
        const keys = she.filledSlots;
        const cycle = store.current.locked ? LIFE_CYCLE.locked : LIFE_CYCLE.production;
        return Uint8Array.of(cycle, keys >> 8, keys & 0xff, certificates.filled());
      },
    },
    ...slots.map((n): DataIdentifier => ({ id: ids.certificate + n, read: () => certificates.leaf(n) })),
    ...slots.map((n): DataIdentifier => ({ id: ids.csr + n, read: () => certificates.csr(n) })),
    {
      id: ids.clock,
      read: () => clock.read(),
      write: { rule: unlocked, length: CLOCK_LENGTH, accepts: () => true, store: (data) => clock.write(data) },
    },
  ];
}

/** 17 characters 0–9 A–Z. */
export function isVin(data: Uint8Array): boolean {
  return data.length === VIN_LENGTH && /^[0-9A-Z]*$/.test(fromAscii(data));
}
