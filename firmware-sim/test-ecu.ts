/** A plain UDS ECU for outside testers: everything that it has stands in its profile's `server` section. */

import { ROUTINE } from "../src/ecu/uds/tables/services.js";
import type { AccessRuleProfile, ServerProfile, ServiceId, TestEcuProfile } from "../src/profiles/server-schema.js";
import { SUB_FUNCTIONS } from "../src/profiles/server-schema.js";
import { ascii, fromHex } from "../src/shared/bytes.js";
import type { Clock } from "../src/shared/clock.js";
import { StationError } from "../src/shared/errors.js";
import type { Equipment, EquipmentDeps } from "./equipment.js";
import { fromBase64, NEW_TEST_ECU, type StateStore, toBase64 } from "./state.js";
import type { Access, AccessRule } from "./uds/access.js";
import { type DtcEntry, DtcMemory } from "./uds/dtc.js";
import { type MemoryArea, type MemoryUse, memoryRange } from "./uds/memory.js";
import { Negative, NRC } from "./uds/nrc.js";
import { DEFAULT_SESSION, type Service } from "./uds/server.js";
import { type DataIdentifier, readDataByIdentifier, writeDataByIdentifier } from "./uds/services/data.js";
import { clearDiagnosticInformation, controlDtcSetting, readDtcInformation } from "./uds/services/dtc.js";
import { readMemoryByAddress, writeMemoryByAddress } from "./uds/services/memory.js";
import { type Routine, type RoutineAction, routineControl } from "./uds/services/routine.js";
import { type SecuredOptions, securedDataTransmission } from "./uds/services/secured.js";
import { type SecurityLevel, securityAccess } from "./uds/services/security.js";
import { communicationControl, diagnosticSessionControl, ecuReset, testerPresent } from "./uds/services/session.js";
import {
  requestDownload,
  requestTransferExit,
  requestUpload,
  Transfer,
  transferData,
} from "./uds/services/transfer.js";

/** Any form of address and size that numbers of 32 bits fit. */
const FORMATS = { addressBytes: [1, 2, 3, 4], sizeBytes: [1, 2, 3, 4] } as const;
const ERASED = 0xff;

/** What the services of the table are made of. */
interface Parts {
  readonly profile: TestEcuProfile;
  readonly access: Access;
  readonly store: StateStore;
  readonly dids: ReadonlyMap<number, DataIdentifier>;
  readonly routines: ReadonlyMap<number, Routine>;
  readonly areas: readonly MemoryArea[];
  readonly transfer: Transfer;
  readonly dtcs: DtcMemory;
  readonly reset: () => Promise<void>;
  /** Sub-functions that the profile gives to a service. */
  readonly subFunctions: (sid: ServiceId) => readonly number[];
}

const SERVICES: Readonly<Record<ServiceId, (parts: Parts) => Service>> = {
  16: ({ access, profile }) =>
    diagnosticSessionControl({
      access,
      sessions: profile.server.sessions,
      P2: profile.uds.P2,
      P2star: profile.uds.P2star,
    }),
  17: ({ subFunctions, reset }) => ecuReset(subFunctions(0x11), reset),
  20: ({ dtcs }) => clearDiagnosticInformation(dtcs),
  25: ({ dtcs, subFunctions }) => readDtcInformation(dtcs, subFunctions(0x19)),
  34: ({ dids, access }) => readDataByIdentifier(dids, access),
  35: (parts) => readMemoryByAddress({ formats: FORMATS, open: range(parts, "read") }),
  39: ({ access, profile }) => securityAccess(access, securityLevels(profile.server)),
  40: ({ profile, subFunctions }) => communicationControl(subFunctions(0x28), profile.server.communicationTypes),
  46: ({ dids, access }) => writeDataByIdentifier(dids, access),
  49: ({ routines, access }) => routineControl(routines, access),
  52: (parts) => {
    const open = range(parts, "download");
    return requestDownload({
      ...transferOptions(parts),
      open(address, size) {
        const memory = open(address, size);
        return { direction: "download", length: size, commit: (data) => memory.write(data) };
      },
    });
  },
  53: (parts) => {
    const open = range(parts, "upload");
    return requestUpload({
      ...transferOptions(parts),
      open: (address, size) => ({ direction: "upload", data: open(address, size).read() }),
    });
  },
  54: ({ transfer }) => transferData(transfer),
  55: ({ transfer }) => requestTransferExit(transfer),
  61: (parts) => writeMemoryByAddress({ formats: FORMATS, open: range(parts, "write") }),
  62: () => testerPresent(),
  132: ({ profile, store }) => securedDataTransmission(securedOptions(profile.server, store)),
  133: ({ dtcs, subFunctions }) => controlDtcSetting(dtcs, subFunctions(0x85)),
};

const range =
  ({ areas, access }: Parts, use: MemoryUse) =>
  (address: number, size: number) =>
    memoryRange(areas, access, use, address, size);

const transferOptions = ({ transfer, profile }: Parts) => ({
  transfer,
  dataFormat: profile.server.transfer.dataFormat,
  formats: FORMATS,
});

export function testEcuEquipment(profile: TestEcuProfile, deps: EquipmentDeps): Equipment {
  const { server } = profile;
  const { store, access, options } = deps;
  const dids = new Map(server.identifiers.map((row) => [row.id, identifier(row, store)]));
  const transfer = new Transfer(server.transfer.maxBlock);
  const dtcs = dtcMemory(server, store, (id) => dids.get(id)?.read());
  const started = new Set<number>();
  const routines = new Map(server.routines.map((row) => [row.id, routine(row, options.clock, started)]));
  const parts: Parts = {
    profile,
    access,
    store,
    dids,
    routines,
    areas: server.memory.map((row) => area(row, store)),
    transfer,
    dtcs,
    reset: deps.reset,
    subFunctions: (sid) =>
      server.services.find((row) => row.sid === sid)?.subFunctions?.map(({ id }) => id) ?? SUB_FUNCTIONS[sid] ?? [],
  };
  return {
    services: server.services.map(({ sid, functional, secured, subFunctions = [], ...rule }) => ({
      ...SERVICES[sid](parts),
      ...ruleOf(rule),
      functional,
      secured,
      subFunctionRules: new Map(subFunctions.map(({ id, ...own }) => [id, ruleOf(own)])),
    })),
    boot() {
      transfer.abort();
      started.clear();
      dtcs.boot();
    },
    relocked() {
      transfer.abort();
      // The default session ends what 85 has set (10.8).
      if (access.session === DEFAULT_SESSION) dtcs.enabled = true;
    },
    async setDtc(code, failed) {
      if (await dtcs.set(code, failed)) return;
      const what = `${profile.name} has no trouble code ${code.toString(16).padStart(6, "0")}`;
      throw new StationError("USAGE", { details: { what } });
    },
  };
}

/** Without the members that are undefined. */
function ruleOf({ sessions, security }: AccessRuleProfile): AccessRule {
  return { ...(sessions && { sessions }), ...(security && { security }) };
}

function securityLevels({ security }: ServerProfile): SecurityLevel[] {
  return (security?.levels ?? []).map(({ level, seedLength, xor }) => {
    const constant = fromHex(xor);
    return {
      level,
      seedLength,
      keyLength: seedLength,
      keyOf: (seed) => seed.map((byte, i) => byte ^ (constant[i] ?? 0)),
    };
  });
}

/** @throws StationError PROFILE_INVALID where 84 has no section; the loader saw to it */
function securedOptions({ securedData }: ServerProfile, store: StateStore): SecuredOptions {
  if (securedData === undefined)
    throw new StationError("PROFILE_INVALID", { details: { what: "server.securedData is missing" } });
  return {
    key: fromHex(securedData.key),
    calculation: securedData.calculation,
    counter: () => store.current.testEcu?.antiReplayCounter ?? 0,
    keep: (antiReplayCounter) => store.changeTestEcu((state) => ({ ...state, antiReplayCounter })),
  };
}

const keyOf = (value: number): string => value.toString(16);

function identifier(
  { id, value, read, write }: ServerProfile["identifiers"][number],
  store: StateStore,
): DataIdentifier {
  const first = "text" in value ? ascii(value.text) : fromHex(value.hex);
  const current = () => {
    const kept = store.current.testEcu?.identifiers[keyOf(id)];
    return kept === undefined ? first : fromBase64(kept);
  };
  const writing = write && {
    rule: ruleOf(write),
    length: first.length,
    accepts: () => true,
    store: (data: Uint8Array) =>
      store.changeTestEcu((state) => ({
        ...state,
        identifiers: { ...state.identifiers, [keyOf(id)]: toBase64(data) },
      })),
  };
  return { id, read: current, rule: ruleOf(read ?? {}), ...(writing && { write: writing }) };
}

function routine(
  { id, start, stop, results, ...rule }: ServerProfile["routines"][number],
  clock: Clock,
  started: Set<number>,
): Routine {
  const action = (row: typeof start, needsStart: boolean): RoutineAction => ({
    fits: ({ length }) => length >= row.optionLength.minimum && length <= row.optionLength.maximum,
    async run(_, exchange) {
      if (needsStart && !started.has(id)) throw new Negative(NRC.requestSequenceError);
      const { count = 0, interval = 0 } = row.responsePending ?? {};
      for (let i = 0; i < count; i++) {
        exchange.pending();
        await clock.sleep(interval);
      }
      started.add(id);
      return fromHex(row.status ?? "");
    },
  });
  return {
    id,
    rule: ruleOf(rule),
    actions: {
      [ROUTINE.start]: action(start, false),
      ...(stop && { [ROUTINE.stop]: action(stop, true) }),
      ...(results && { [ROUTINE.results]: action(results, true) }),
    },
  };
}

function area({ address, length, ...uses }: ServerProfile["memory"][number], store: StateStore): MemoryArea {
  const rules: Partial<Record<MemoryUse, AccessRule>> = {};
  for (const use of ["read", "write", "download", "upload"] as const) {
    const rule = uses[use];
    if (rule !== undefined) rules[use] = ruleOf(rule);
  }
  return {
    address,
    length,
    rules,
    content() {
      const kept = store.current.testEcu?.memory[keyOf(address)];
      return kept === undefined ? new Uint8Array(length).fill(ERASED) : fromBase64(kept);
    },
    store: (content) =>
      store.changeTestEcu((state) => ({ ...state, memory: { ...state.memory, [keyOf(address)]: toBase64(content) } })),
  };
}

function dtcMemory(
  { dtcs }: ServerProfile,
  store: StateStore,
  read: (id: number) => Uint8Array | undefined,
): DtcMemory {
  const definitions = dtcs.map(({ code, snapshot, occurrences }) => ({
    code,
    ...(snapshot && { snapshot }),
    ...(occurrences && { occurrences }),
  }));
  return new DtcMemory({
    definitions,
    read,
    load(code) {
      const kept = (store.current.testEcu ?? NEW_TEST_ECU).dtcs[keyOf(code)];
      if (kept === undefined) return undefined;
      const { snapshot, ...rest } = kept;
      return { ...rest, ...(snapshot !== undefined && { snapshot: fromBase64(snapshot) }) };
    },
    save: (changes) =>
      store.changeTestEcu((state) => {
        const kept = Object.entries(state.dtcs).filter(([code]) => !changes.has(Number.parseInt(code, 16)));
        return { ...state, dtcs: { ...Object.fromEntries(kept), ...keptEntries(changes) } };
      }),
  });
}

function keptEntries(changes: ReadonlyMap<number, DtcEntry | undefined>) {
  return Object.fromEntries(
    [...changes].flatMap(([code, entry]) => {
      if (entry === undefined) return [];
      const { snapshot, ...rest } = entry;
      return [[keyOf(code), { ...rest, ...(snapshot !== undefined && { snapshot: toBase64(snapshot) }) }]];
    }),
  );
}
