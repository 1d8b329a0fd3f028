/** What the schema of a profile of target `none` cannot say. */
import type { StationError } from "../shared/errors.js";
import type { YamlPath } from "../shared/yaml.js";
import { type AccessRuleProfile, type ServerProfile, type ServiceId, SUB_FUNCTIONS } from "./server-schema.js";

type Fault = (path: YamlPath, what: string) => StationError;

const DEFAULT_SESSION = 0x01;
/** Sections that a service serves from. */
const NEEDS: readonly {
  readonly sids: readonly ServiceId[];
  readonly section: string;
  has(server: ServerProfile): boolean;
}[] = [
  { sids: [0x27], section: "security", has: ({ security }) => security !== undefined },
  { sids: [0x22, 0x2e], section: "identifiers", has: ({ identifiers }) => identifiers.length > 0 },
  { sids: [0x31], section: "routines", has: ({ routines }) => routines.length > 0 },
  { sids: [0x23, 0x3d, 0x34, 0x35], section: "memory", has: ({ memory }) => memory.length > 0 },
  { sids: [0x14, 0x19, 0x85], section: "dtcs", has: ({ dtcs }) => dtcs.length > 0 },
  { sids: [0x84], section: "securedData", has: ({ securedData }) => securedData !== undefined },
  { sids: [0x28], section: "communicationTypes", has: (server) => server.communicationTypes.length > 0 },
];

/** @throws StationError what `fault` makes of the first mistake */
export function checkServer(server: ServerProfile, fault: Fault): void {
  const at = (path: YamlPath, what: string) => fault(["server", ...path], what);
  if (!server.sessions.includes(DEFAULT_SESSION)) throw at(["sessions"], "lacks the default session 0x01");
  checkSecurity(server, at);
  checkServices(server, at);
  checkLists(server, at);
  checkMemory(server, at);
}

function checkSecurity({ security }: ServerProfile, fault: Fault): void {
  const levels = security?.levels ?? [];
  for (const [i, { level, seedLength, xor }] of levels.entries()) {
    if (level % 2 === 0)
      throw fault(["security", "levels", i, "level"], "is even (expected the odd requestSeed sub-function)");
    if (xor.length !== 2 * seedLength)
      throw fault(["security", "levels", i, "xor"], `is not as long as a seed (${seedLength} bytes)`);
  }
  distinct(
    levels.map(({ level }) => level),
    ["security", "levels"],
    fault,
  );
}

function checkServices(server: ServerProfile, fault: Fault): void {
  const { services } = server;
  distinct(
    services.map(({ sid }) => sid),
    ["services"],
    fault,
  );
  for (const [i, service] of services.entries()) {
    const path = ["services", i];
    checkRule(server, service, path, fault);
    const missing = NEEDS.find(({ sids, has }) => sids.some((sid) => sid === service.sid) && !has(server));
    if (missing !== undefined) throw fault([...path, "sid"], `needs a section ${missing.section}`);
    if (service.secured && !services.some(({ sid, secured }) => sid === 0x84 && !secured))
      throw fault([...path, "secured"], "needs service 0x84, itself in the clear");
    const known = SUB_FUNCTIONS[service.sid];
    if (service.subFunctions === undefined) continue;
    if (known === undefined) throw fault([...path, "subFunctions"], "does not belong to this service (expected none)");
    distinct(
      service.subFunctions.map(({ id }) => id),
      [...path, "subFunctions"],
      fault,
    );
    for (const [n, sub] of service.subFunctions.entries()) {
      if (!known.includes(sub.id)) throw fault([...path, "subFunctions", n, "id"], `is not one of ${known.join(", ")}`);
      checkRule(server, sub, [...path, "subFunctions", n], fault);
    }
  }
}

function checkLists(server: ServerProfile, fault: Fault): void {
  const { identifiers, routines, dtcs } = server;
  distinct(
    identifiers.map(({ id }) => id),
    ["identifiers"],
    fault,
  );
  distinct(
    routines.map(({ id }) => id),
    ["routines"],
    fault,
  );
  distinct(
    dtcs.map(({ code }) => code),
    ["dtcs"],
    fault,
  );
  for (const [i, { value, read, write }] of identifiers.entries()) {
    if ("text" in value && !/^[\x20-\x7e]*$/.test(value.text)) throw fault(["identifiers", i, "value"], "is not ASCII");
    checkRule(server, read ?? {}, ["identifiers", i, "read"], fault);
    checkRule(server, write ?? {}, ["identifiers", i, "write"], fault);
  }
  for (const [i, routine] of routines.entries()) checkRule(server, routine, ["routines", i], fault);
  for (const [i, { snapshot }] of dtcs.entries()) {
    const unknown = snapshot?.identifiers.find((id) => !identifiers.some((entry) => entry.id === id));
    if (unknown !== undefined)
      throw fault(["dtcs", i, "snapshot"], `names ${hex(unknown)}, which identifiers does not have`);
  }
}

function checkMemory(server: ServerProfile, fault: Fault): void {
  const areas = server.memory;
  for (const [i, area] of areas.entries()) {
    const { address, length, read = {}, write = {}, download = {}, upload = {} } = area;
    if (address + length > 2 ** 32) throw fault(["memory", i, "length"], "goes beyond the address FFFFFFFF");
    for (const [n, other] of areas.slice(0, i).entries()) {
      if (address < other.address + other.length && other.address < address + length)
        throw fault(["memory", i, "address"], `lies in memory[${n}] too`);
    }
    for (const [name, rule] of Object.entries({ read, write, download, upload }))
      checkRule(server, rule, ["memory", i, name], fault);
  }
}

function checkRule(
  server: ServerProfile,
  { sessions = [], security = [] }: AccessRuleProfile,
  path: YamlPath,
  fault: Fault,
): void {
  const session = sessions.find((id) => !server.sessions.includes(id));
  if (session !== undefined)
    throw fault([...path, "sessions"], `names ${hex(session)}, which server.sessions does not have`);
  const level = security.find((id) => !(server.security?.levels.some((entry) => entry.level === id) ?? false));
  if (level !== undefined)
    throw fault([...path, "security"], `names ${hex(level)}, which server.security does not have`);
}

function distinct(values: readonly number[], path: YamlPath, fault: Fault): void {
  const again = values.findIndex((value, i) => values.indexOf(value) !== i);
  if (again >= 0) throw fault([...path, again], `names ${hex(values[again] ?? 0)} twice`);
}

const hex = (value: number): string => `0x${value.toString(16).toUpperCase().padStart(2, "0")}`;
