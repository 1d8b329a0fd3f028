/** Files with secrets that everybody on this machine may use. */
import { stat } from "node:fs/promises";
import { loadRegistry } from "../servers/kms/registry.js";
import type { RegistryData } from "../servers/kms/registry-schema.js";
import type { StationConfig } from "./config.js";
import { namedFiles } from "./named-files.js";
import { isSimulatorsValue } from "./plant-secrets.js";
import { findAnyProfile, namedProfiles, profileNames, securityKeyFile } from "./profiles.js";

/** Reading, writing or running by others; a group is the plant's own choice (root:ecustation 0640). */
const OTHERS = 0o007;

/** Each once. On Windows none: there its modes say nothing. */
export async function openSecretFiles(config: StationConfig, platform = process.platform): Promise<string[]> {
  if (platform === "win32") return [];
  const open = new Set<string>();
  for (const file of [
    ...[...namedFiles(config)].flatMap(({ file, secret }) => (secret ? [file] : [])),
    ...(await registryWithSecrets(config)),
    ...(await securityKeyFiles(config)),
  ])
    if (((await stat(file).catch(() => undefined))?.mode ?? 0) & OTHERS) open.add(file);
  return [...open];
}

/** What cannot be read is told elsewhere. */
async function registryWithSecrets({ servers }: StationConfig): Promise<string[]> {
  if (servers.kind !== "embedded") return [];
  const registry = await loadRegistry(servers.registry).catch(() => undefined);
  return registry !== undefined && hasSecrets(registry.data) ? [servers.registry] : [];
}

function hasSecrets({ supplierSecrets, ecuTypes, ecus }: RegistryData): boolean {
  return (
    // The simulator's is public.
    supplierSecrets.some(({ value }) => !isSimulatorsValue(value)) ||
    ecuTypes.some(({ factoryMasterKey }) => factoryMasterKey !== undefined) ||
    ecus.some(({ masterKey, keys }) => masterKey !== undefined || Object.keys(keys ?? {}).length > 0)
  );
}

async function securityKeyFiles(config: StationConfig): Promise<string[]> {
  const names = [
    ...[...namedProfiles(config)].map(({ profile }) => profile),
    ...(await profileNames(config.profileDirs)),
  ];
  const files: string[] = [];
  for (const name of new Set(names)) {
    const found = await findAnyProfile(name, config.profileDirs).catch(() => undefined);
    const file = found && securityKeyFile(found);
    if (file !== undefined) files.push(file);
  }
  return files;
}
