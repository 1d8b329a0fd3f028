/** Profiles on disk: found by name or path, and what a station may do with them. */
import { readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type EcuProfile, type LoadedProfile, loadAnyProfile, provisionable } from "../profiles/loader.js";
import type { Profile } from "../profiles/schema.js";
import type { ProfileVersion } from "../records/types.js";
import { equalConstantTime, fromHex, isHex } from "../shared/bytes.js";
import { StationError } from "../shared/errors.js";
import { readSettings } from "../shared/files.js";
import { type KeyFunction, loadKeyFunction } from "../shared/key-function.js";
import { packageRoot } from "../shared/paths.js";
import { Secret } from "../shared/secret.js";
import type { YamlPath } from "../shared/yaml.js";
import { isPath, type Mode, type StationConfig } from "./config.js";
import { readHexFile, reason } from "./files.js";

/** The security key that every simulator and every example has; anybody may know it. */
const SIMULATOR_KEY = "00112233445566778899aabbccddeeff";

export interface FoundProfile<P extends EcuProfile = Profile> extends LoadedProfile<P> {
  /** The file it was read from, absolute. */
  readonly file: string;
}

/** Folders where profiles are looked for by name when no configuration says otherwise. */
export const DEFAULT_PROFILE_DIRS: readonly string[] = [join(packageRoot(), "hw-profiles")];

/**
 * Reads a profile that the station provisions, by its name (`evcc`) or its file (`./my.yaml`).
 * @throws StationError PROFILE_NOT_FOUND, PROFILE_INVALID, PROFILE_FORBIDDEN for one of target `none`
 */
export async function findProfile(nameOrPath: string, folders = DEFAULT_PROFILE_DIRS): Promise<FoundProfile> {
  const { file, ...loaded } = await findAnyProfile(nameOrPath, folders);
  return { ...provisionable(loaded), file };
}

/** Reads a profile of any target. @throws StationError PROFILE_NOT_FOUND, PROFILE_INVALID */
export async function findAnyProfile(
  nameOrPath: string,
  folders = DEFAULT_PROFILE_DIRS,
): Promise<FoundProfile<EcuProfile>> {
  const candidates = isPath(nameOrPath) ? [resolve(nameOrPath)] : folders.map((dir) => join(dir, `${nameOrPath}.yaml`));
  let cause: unknown;
  for (const file of candidates) {
    let text: string;
    try {
      text = await readSettings(file, "utf8");
    } catch (error) {
      cause = error;
      continue;
    }
    // Messages name the file as the user would: the path given, or the one found by name.
    return { ...loadAnyProfile(text, isPath(nameOrPath) ? nameOrPath : file), file };
  }
  const names = await profileNames(folders);
  const what = isPath(nameOrPath)
    ? `${nameOrPath}: ${reason(cause)}`
    : `${nameOrPath} (there are ${names.join(", ") || "none"})`;
  throw new StationError("PROFILE_NOT_FOUND", { details: { what }, cause });
}

/** Names of the profiles in the folders. */
export async function profileNames(folders = DEFAULT_PROFILE_DIRS): Promise<string[]> {
  const names = new Set<string>();
  for (const folder of folders) {
    for (const entry of await readdir(folder).catch(() => [])) {
      if (entry.endsWith(".yaml")) names.add(entry.slice(0, -".yaml".length));
    }
  }
  return [...names].sort();
}

/** What the station's records keep of a profile. */
export function versionOf({ profile, hash, text }: FoundProfile<EcuProfile>): ProfileVersion {
  return { hash, name: profile.name, version: profile.version, text };
}

/** Refuses a profile that carries a security key in clear outside simulator mode. @throws StationError PROFILE_FORBIDDEN */
export function assertProfileAllowed(profile: Profile, mode: Mode): void {
  const { securityAccess: how } = profile;
  if (mode === "simulator" || how.kind === "certificate" || !("hex" in how.key)) return;
  const { key } = how;
  const what =
    key.hex.toLowerCase() === SIMULATOR_KEY
      ? `${profile.name} has the simulator's security key`
      : `${profile.name} has its security key in clear (a plant's profile names a file)`;
  throw new StationError("PROFILE_FORBIDDEN", { details: { what } });
}

/** The profiles that the configuration names: for a bay, or for what is scanned. */
export function* namedProfiles({
  station,
  page,
}: Pick<StationConfig, "station" | "page">): Generator<{ readonly path: YamlPath; readonly profile: string }> {
  for (const [i, { profile }] of station.bays.entries())
    if (profile !== undefined) yield { path: ["station", "bays", i, "profile"], profile };
  for (const [i, { profile }] of page.rules.entries()) yield { path: ["page", "rules", i, "profile"], profile };
}

/** Finds what would keep a run from beginning with it. @throws StationError PROFILE_*, CONFIG_INVALID */
export async function assertProfileUsable(nameOrPath: string, { mode, profileDirs }: StationConfig): Promise<void> {
  const found = await findProfile(nameOrPath, profileDirs);
  assertProfileAllowed(found.profile, mode);
  if (securityKeyFile(found) !== undefined) (await readSecurityKey(found, mode)).wipe();
}

/** The file of the profile's security access key; undefined where it has none. */
export function securityKeyFile({ profile, file }: FoundProfile<EcuProfile>): string | undefined {
  if (profile.target === "none" || profile.securityAccess.kind === "certificate") return undefined;
  const { key } = profile.securityAccess;
  return "file" in key ? resolve(dirname(file), key.file) : undefined;
}

/**
 * The profile's security access key; the caller wipes it. A key file counts from the profile's folder.
 * @throws StationError PROFILE_FORBIDDEN, CONFIG_INVALID
 */
export async function readSecurityKey(found: FoundProfile, mode: Mode): Promise<Secret> {
  assertProfileAllowed(found.profile, mode);
  const { securityAccess: how } = found.profile;
  const key = how.kind === "certificate" ? undefined : how.key;
  if (key !== undefined && "hex" in key && isHex(key.hex, 16)) return Secret.fromHex(key.hex);
  if (key === undefined || !("file" in key))
    throw new StationError("PROFILE_INVALID", { details: { what: `${found.file}: security key` } });
  const file = resolve(dirname(found.file), key.file);
  const secret = await readHexFile(file);
  const fault = (code: "CONFIG_INVALID" | "PROFILE_FORBIDDEN", what: string) => {
    secret.wipe();
    return new StationError(code, { details: { what } });
  };
  if (secret.length !== 16) throw fault("CONFIG_INVALID", `${file}: is not a security key (expected 16 bytes of hex)`);
  if (mode !== "simulator" && secret.use((bytes) => equalConstantTime(bytes, fromHex(SIMULATOR_KEY))))
    throw fault("PROFILE_FORBIDDEN", `${found.profile.name} has the simulator's security key`);
  return secret;
}

/** The plant's own algorithm of security access; undefined where the profile names none. @throws StationError CONFIG_INVALID */
export async function readKeyFunction({ profile, file }: FoundProfile): Promise<KeyFunction | undefined> {
  const { kind, algorithm } = profile.securityAccess;
  return kind === "certificate" || algorithm === "aes-cmac" ? undefined : loadKeyFunction(algorithm, file);
}
