/** What the command line names: the profile and its secrets, and what a new unit is to be. */
import { dirname, join, resolve } from "node:path";
import { type EcuProfile, loadAnyProfile } from "../src/profiles/loader.js";
import type { Profile } from "../src/profiles/schema.js";
import { ascii, fromHex, isHex } from "../src/shared/bytes.js";
import type { Clock } from "../src/shared/clock.js";
import { describe, type ErrorCode, isStationError, StationError } from "../src/shared/errors.js";
import { readSettings } from "../src/shared/files.js";
import { loadKeyFunction } from "../src/shared/key-function.js";
import { packageRoot } from "../src/shared/paths.js";
import { Secret } from "../src/shared/secret.js";
import { readAuthentication } from "./authentication-files.js";
import { isVin } from "./dids.js";
import type { EcuOptions } from "./ecu.js";
import { type Fault, parseFaults } from "./faults/faults.js";
import { ECU_ID_LENGTH, UID_LENGTH, type UnitOptions } from "./identity.js";
import type { RunSettings } from "./main.js";

const KEY_LENGTH = 16;

export const usage = (what: string): StationError => new StationError("USAGE", { details: { what } });

const USAGE_CODES: readonly ErrorCode[] = [
  "USAGE",
  "PROFILE_NOT_FOUND",
  "PROFILE_INVALID",
  "LINK_URL_INVALID",
  "LINK_UNSUPPORTED",
  // The module of a key algorithm.
  "CONFIG_INVALID",
  // Before the ECU runs this is the --state file that the caller gave.
  "STORE_FAILED",
];

/** Whether it is the caller's input that is wrong. */
export function isUsage(error: unknown): boolean {
  return isStationError(error) && USAGE_CODES.includes(error.code);
}

/** What all ECUs of the program have in common. */
export type CommonOptions = Pick<
  EcuOptions,
  "profile" | "clock" | "securityKey" | "keyFunction" | "authentication" | "blankKey"
>;

export interface Inputs {
  readonly common: CommonOptions;
  readonly faults: readonly Fault[];
  /** What a new unit is to be. */
  readonly unit: UnitOptions;
}

/** Reads what the settings name; the caller wipes `common.securityKey`. @throws StationError that isUsage */
export async function readInputs(settings: RunSettings, clock: Clock): Promise<Inputs> {
  const faults = parseFaults(settings.fault);
  const unit = unitOptions(settings, clock.now());
  const blankKey = settings.blankKey === undefined ? undefined : hexBytes("--blank-key", settings.blankKey, KEY_LENGTH);
  const { profile, file } = await readProfile(settings.profile);
  const common = {
    profile,
    clock,
    ...(await readUnlocking(profile, file, settings)),
    ...(blankKey === undefined ? {} : { blankKey }),
  };
  return { common, faults, unit };
}

/** What the lock of the ECU is made of; that of an ECU of target `none` stands in its profile. */
async function readUnlocking(
  profile: EcuProfile,
  file: string,
  settings: RunSettings,
): Promise<Pick<CommonOptions, "securityKey" | "keyFunction" | "authentication">> {
  const files = { anchors: settings.authAnchors, identity: settings.authIdentity };
  const authentication = await readAuthentication(profile, files);
  if (profile.target === "none") return {};
  const securityKey = await readSecurityKey(profile, file);
  const { kind, algorithm } = profile.securityAccess;
  const own = kind !== "certificate" && algorithm !== "aes-cmac";
  const keyFunction = own ? await loadKeyFunction(algorithm, file) : undefined;
  return {
    ...(securityKey === undefined ? {} : { securityKey }),
    ...(keyFunction === undefined ? {} : { keyFunction }),
    ...(authentication === undefined ? {} : { authentication }),
  };
}

function unitOptions(settings: RunSettings, now: number): UnitOptions {
  const { vin, ecuId, ecuType, supplierId, count, clock } = settings;
  if (ecuId !== undefined && count > 1) throw usage("--ecu-id: belongs to one ECU, not to --count of them");
  return {
    ...(vin === undefined ? {} : { vin: readVin("--vin", vin) }),
    ...(ecuId === undefined ? {} : { ecuId: readEcuId("--ecu-id", ecuId) }),
    ...(ecuType === undefined ? {} : { ecuType }),
    ...(supplierId === undefined ? {} : { supplierId }),
    ...(clock === undefined ? {} : { clock: clock === "now" ? now : clock }),
  };
}

/** @param option for the message. @throws StationError USAGE */
export function readVin(option: string, vin: string): string {
  if (!isVin(ascii(vin))) throw usage(`${option}: a VIN has 17 characters 0-9 A-Z`);
  return vin;
}

/** @param option for the message. @throws StationError USAGE */
export function readEcuId(option: string, text: string): Uint8Array {
  const id = hexBytes(option, text, ECU_ID_LENGTH);
  if (id.slice(-UID_LENGTH).every((byte) => byte === 0))
    throw usage(`${option}: the last ${UID_LENGTH} bytes are the SHE UID, which is never 0`);
  return id;
}

function hexBytes(option: string, text: string, length: number): Uint8Array {
  if (!isHex(text, length)) throw usage(`${option}: ${length} bytes of hex are wanted`);
  return fromHex(text);
}

async function readProfile(given: string): Promise<{ profile: EcuProfile; file: string }> {
  const named = /^[a-z0-9][a-z0-9-]*$/.test(given);
  const file = named ? join(packageRoot(), "hw-profiles", `${given}.yaml`) : resolve(given);
  let text: string;
  try {
    text = await readSettings(file, "utf8");
  } catch (cause) {
    throw new StationError("PROFILE_NOT_FOUND", { details: { what: `${given} (${describe(cause)})` }, cause });
  }
  return { profile: loadAnyProfile(text, file).profile, file };
}

/** The security access secret of a profile that names a file: 16 bytes in hex; a relative path is taken from the profile's folder. */
async function readSecurityKey(profile: Profile, profileFile: string): Promise<Secret | undefined> {
  const { securityAccess: how } = profile;
  if (how.kind === "certificate" || "hex" in how.key) return undefined;
  const { key } = how;
  const file = resolve(dirname(profileFile), key.file);
  let text: string;
  try {
    text = (await readSettings(file, "utf8")).trim();
  } catch (cause) {
    throw usage(`securityAccess.key.file ${file}: ${describe(cause)}`);
  }
  if (!isHex(text, KEY_LENGTH)) throw usage(`securityAccess.key.file ${file}: ${KEY_LENGTH} bytes of hex are wanted`);
  return Secret.fromHex(text);
}
