/** The services of the reference ECU: which, in which session, behind which lock. */
import type { Profile } from "../src/profiles/schema.js";
import type { Access, AccessRule } from "./uds/access.js";
import { Negative, NRC } from "./uds/nrc.js";
import { DEFAULT_SESSION, type Service } from "./uds/server.js";
import type { DataIdentifier } from "./uds/services/data.js";
import { readDataByIdentifier, writeDataByIdentifier } from "./uds/services/data.js";
import { type Routine, routineControl } from "./uds/services/routine.js";
import { diagnosticSessionControl, ecuReset, testerPresent } from "./uds/services/session.js";
import { requestDownload, requestTransferExit, type Transfer, transferData } from "./uds/services/transfer.js";

export interface ServiceDeps {
  readonly access: Access;
  /** What is behind the lock. */
  readonly unlocked: AccessRule;
  readonly transfer: Transfer;
  readonly downloaded: Downloaded;
  readonly dids: readonly DataIdentifier[];
  readonly routines: readonly Routine[];
  readonly uds: Profile["uds"];
  readonly download: Profile["download"];
  /** What opens the lock. */
  readonly unlocking: Service;
  /** ECUReset, after its answer. */
  readonly reset: () => Promise<void>;
}

/** What was downloaded last, whole; undefined when nothing was since the start or the last request for a download. */
export interface Downloaded {
  data: Uint8Array | undefined;
}

const HARD_RESET = 0x01;

export function services(deps: ServiceDeps): Service[] {
  const { access, transfer, downloaded, unlocked } = deps;
  const { session, P2, P2star } = deps.uds;
  const functional = { functional: true };
  const extended = { sessions: [session] };
  const protectedBy = { ...extended, ...unlocked };
  const dids = new Map(deps.dids.map((did) => [did.id, did]));
  const routines = new Map(deps.routines.map((routine) => [routine.id, routine]));
  const { address: base, maxLength, addressBytes = 4, sizeBytes = 4, dataFormat = 0 } = deps.download;
  const download = requestDownload({
    transfer,
    dataFormat,
    formats: { addressBytes: [addressBytes], sizeBytes: [sizeBytes] },
    open(address, length) {
      if (address !== base || length === 0 || length > maxLength) throw new Negative(NRC.requestOutOfRange);
      downloaded.data = undefined;
      return {
        direction: "download",
        length,
        commit(data) {
          downloaded.data = data;
        },
      };
    },
  });
  return [
    { ...diagnosticSessionControl({ access, sessions: [DEFAULT_SESSION, session], P2, P2star }), ...functional },
    ecuReset([HARD_RESET], deps.reset),
    { ...readDataByIdentifier(dids, access), ...functional },
    deps.unlocking,
    { ...writeDataByIdentifier(dids, access), ...extended },
    { ...routineControl(routines, access), ...extended },
    { ...download, ...protectedBy },
    { ...transferData(transfer), ...protectedBy },
    { ...requestTransferExit(transfer), ...protectedBy },
    { ...testerPresent(), ...functional },
  ];
}
