import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemClock } from "../../shared/clock.js";
import { describe } from "../../shared/errors.js";
import { packageRoot } from "../../shared/paths.js";
import { readSecret, type StationConfig } from "../config.js";
import { openSecretFiles } from "../open-secrets.js";
import { assertProfileAllowed, findAnyProfile, findProfile, profileNames } from "../profiles.js";
import { checkSerial, checkSocketcan, SERIAL_SCHEMES } from "./adapters.js";
import { checkDatabase } from "./database.js";
import { installed } from "./installed.js";
import { checkServers } from "./servers.js";
import { checkTokens } from "./tokens.js";

export interface Finding {
  readonly name: string;
  /** A WARNING works, and is not as it should be. */
  readonly state: "OK" | "WARNING" | "MISSING" | "FAILED";
  /** The configuration cannot work without it. */
  readonly needed: boolean;
  readonly what: string;
  /** What a person does about it. */
  readonly todo?: string;
}

export interface Check {
  readonly name: string;
  run(config: StationConfig, signal: AbortSignal): Promise<readonly Finding[]>;
}

export const CHECKS: readonly Check[] = [
  { name: "node", run: checkNode },
  { name: "clock", run: checkClock },
  { name: "data", run: checkData },
  { name: "sqlite", run: checkSqlite },
  { name: "serialport", run: (config) => checkSerial(uses(config, SERIAL_SCHEMES)) },
  { name: "socketcan", run: (config) => checkSocketcan(uses(config, ["socketcan"])) },
  { name: "pkcs11", run: checkPkcs11 },
  { name: "links", run: checkLinks },
  { name: "config", run: checkConfig },
  { name: "secret files", run: checkSecretFiles },
  { name: "profiles", run: checkProfiles },
  { name: "servers", run: checkServers },
  { name: "database", run: checkDatabase },
  { name: "tokens", run: checkTokens },
];

const ok = (name: string, what: string, needed = true): Finding => ({ name, state: "OK", needed, what });

const NODE_FLOOR = [20, 19] as const;

async function checkNode(): Promise<Finding[]> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const what = `Node ${process.versions.node} on ${process.platform} ${process.arch}`;
  if (major > NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor >= NODE_FLOOR[1])) return [ok("node", what)];
  return [{ name: "node", state: "FAILED", needed: true, what, todo: `install Node ${NODE_FLOOR.join(".")} or newer` }];
}

async function checkClock(): Promise<Finding[]> {
  const written = (await stat(join(packageRoot(), "package.json"))).mtimeMs;
  const now = systemClock.now();
  const what = new Date(now).toISOString();
  // An hour of slack: files may come from a machine whose clock is a little ahead.
  if (now > written - 3_600_000) return [ok("clock", what)];
  const todo = "set the machine's clock (certificates and records carry its time)";
  return [{ name: "clock", state: "FAILED", needed: true, what: `${what} lies before the program's own files`, todo }];
}

const MIN_FREE_MB = 200;

async function checkData(config: StationConfig): Promise<Finding[]> {
  const folder = await nearestFolder(config.dataDir);
  const writable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!writable) {
    const what = `${config.dataDir} cannot be written`;
    return [{ name: "data", state: "FAILED", needed: true, what, todo: "change its owner, or give another by --data" }];
  }
  const space = await statfs(folder);
  const free = Math.floor((space.bavail * space.bsize) / 1_000_000);
  const what = `${config.dataDir}, ${free.toLocaleString("en")} MB free`;
  if (free >= MIN_FREE_MB) return [ok("data", what)];
  return [{ name: "data", state: "FAILED", needed: true, what, todo: `free at least ${MIN_FREE_MB} MB` }];
}

/** `path`, or the nearest folder above it that is there. */
async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory() || dirname(folder) === folder) return folder;
    if (found !== undefined) throw new Error(`${folder} is a file, a folder is wanted`);
  }
}

async function checkSqlite(): Promise<Finding[]> {
  try {
    const { openDatabase } = await import("../../db/database.js");
    const database = openDatabase(":memory:");
    const row = await database.get<{ version: string }>("SELECT sqlite_version() AS version");
    database.close();
    return [ok("sqlite", `SQLite ${row?.version ?? ""}`)];
  } catch (error) {
    return [{ name: "sqlite", state: "FAILED", needed: true, what: describe(error), todo: "run npm ci again" }];
  }
}

/** Whether a bay's link has one of `schemes`. */
function uses(config: StationConfig, schemes: readonly string[]): boolean {
  return config.station.bays.some((bay) =>
    schemes.includes((bay.link ?? "sim:").split(":", 1)[0]?.toLowerCase() ?? ""),
  );
}

/** Where Debian and others put SoftHSM's module. */
const PKCS11_MODULES = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];

async function checkPkcs11(): Promise<Finding[]> {
  const name = "pkcs11";
  if (!installed("pkcs11js")) {
    const todo = "install a C++ compiler and Python 3 (apt-get install g++ make python3), then run npm ci again";
    return [{ name, state: "MISSING", needed: false, what: "the pkcs11js package is not installed", todo }];
  }
  for (const module of PKCS11_MODULES) {
    if (
      await access(module).then(
        () => true,
        () => false,
      )
    )
      return [ok(name, `pkcs11js, ${module}`, false)];
  }
  return [ok(name, "pkcs11js; no SoftHSM module found", false)];
}

async function checkLinks(config: StationConfig): Promise<Finding[]> {
  const { parseLinkUrl } = await import("../../ecu/link/url.js");
  const findings: Finding[] = [];
  for (const bay of config.station.bays) {
    const name = `bay ${bay.name}`;
    const url = bay.link ?? "sim:";
    const link = parseLinkUrl(url);
    if (SERIAL_SCHEMES.includes(link.scheme) && link.rest.startsWith("/")) {
      const there = await access(link.rest, constants.R_OK | constants.W_OK).then(
        () => true,
        () => false,
      );
      if (!there) {
        const todo = "plug the adapter in, and add the user to the group that owns the device (dialout on Debian)";
        findings.push({ name, state: "MISSING", needed: true, what: `${link.rest} cannot be opened`, todo });
        continue;
      }
    }
    findings.push(ok(name, url));
  }
  return findings;
}

async function checkConfig(config: StationConfig): Promise<Finding[]> {
  const findings = [ok("config", `${config.file ?? "built in"}, mode ${config.mode}`)];
  for (const [name, source] of config.secrets) {
    if (!("file" in source)) continue;
    try {
      (await readSecret(config, name)).wipe();
    } catch (error) {
      const todo = "write the secret there as hex, readable by the station alone";
      findings.push({ name: `secret ${name}`, state: "FAILED", needed: true, what: describe(error), todo });
    }
  }
  return findings;
}

async function checkSecretFiles(config: StationConfig): Promise<Finding[]> {
  return (await openSecretFiles(config)).map((file) => ({
    name: "secret file",
    state: "WARNING",
    needed: false,
    what: `${file} may be used by everybody on this machine`,
    todo: `chmod o= ${file}`,
  }));
}

async function checkProfiles(config: StationConfig): Promise<Finding[]> {
  const used = config.station.bays.flatMap((bay) => (bay.profile === undefined ? [] : [bay.profile]));
  const findings: Finding[] = [];
  for (const name of new Set([...used, ...(await profileNames(config.profileDirs))])) {
    const needed = used.includes(name);
    try {
      const find = needed ? findProfile : findAnyProfile;
      const { profile, hash } = await find(name, config.profileDirs);
      if (needed && profile.target !== "none") assertProfileAllowed(profile, config.mode);
      findings.push(ok(`profile ${name}`, `version ${profile.version}, ${hash.slice(0, 16)}…`, needed));
    } catch (error) {
      findings.push({ name: `profile ${name}`, state: "FAILED", needed, what: describe(error) });
    }
  }
  return findings;
}
