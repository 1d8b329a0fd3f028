/** What sits behind the diagnostic server of one kind of ECU. */
import type { EcuOptions } from "./ecu.js";
import type { FaultSet } from "./faults/set.js";
import type { StateStore } from "./state.js";
import type { Access } from "./uds/access.js";
import type { Service } from "./uds/server.js";

export interface EquipmentDeps {
  readonly options: Omit<EcuOptions, "link" | "profile">;
  readonly faults: FaultSet;
  readonly store: StateStore;
  readonly access: Access;
  readonly random: (length: number) => Uint8Array;
  /** ECUReset, after its answer. */
  readonly reset: () => Promise<void>;
}

export interface Equipment {
  readonly services: readonly Service[];
  /** Power-up or reset: what no flash keeps is gone. */
  boot(): void;
  /** Session or lock changed. */
  relocked(): void;
  /** As Ecu.setDtc; left out where the ECU has no memory of trouble codes. */
  setDtc?(code: number, failed: boolean): Promise<void>;
}
