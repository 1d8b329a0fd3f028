/** What comes with the simulator and what a plant must not work with: anybody may know it. */
import { join } from "node:path";
import { loadRegistry } from "../servers/kms/registry.js";
import { normaliseSecret } from "../servers/kms/registry-schema.js";
import { ascii, equalConstantTime, fromHex, toHex } from "../shared/bytes.js";
import { packageRoot } from "../shared/paths.js";
import type { Secret } from "../shared/secret.js";
import type { StationConfig } from "./config.js";
import { readHexFile } from "./files.js";

/** The registry of embedded servers that no configuration gives one. */
export const SIMULATOR_REGISTRY = join(packageRoot(), "config", "registry.simulator.yaml");

const SIMULATOR_TEXT = "SIMULATOR-SECRET";
/** The supplier secret of that registry, hex. */
export const SIMULATOR_SECRET = toHex(ascii(SIMULATOR_TEXT));

/** What is wrong with it in a plant. */
export const SIMULATORS_SECRET =
  "is the simulator's secret, which anybody may know (mode: plant wants one of the plant's own)";

export function isSimulators(secret: Secret): boolean {
  return secret.use((bytes) => equalConstantTime(bytes, fromHex(SIMULATOR_SECRET)));
}

/** The same of the value that a registry's supplier secret has. */
export function isSimulatorsValue(value: string): boolean {
  return [SIMULATOR_SECRET, SIMULATOR_TEXT].includes(normaliseSecret(value));
}

/**
 * Refuses a plant's embedded servers that have the simulator's registry, or its secret in one of their own.
 * @throws StationError CONFIG_INVALID
 */
export async function assertPlantRegistry({ mode, servers, fault }: StationConfig): Promise<void> {
  if (mode === "simulator" || servers.kind !== "embedded") return;
  const { registry } = servers;
  const path = ["servers", "embedded", "registry"];
  if (registry === SIMULATOR_REGISTRY)
    throw fault(path, "is the simulator's, whose secret anybody may know (mode: plant wants one of the plant's own)");
  const { supplierSecrets } = (await loadRegistry(registry)).data;
  const known = supplierSecrets.find(({ value }) => isSimulatorsValue(value));
  if (known !== undefined)
    throw fault(path, `${registry}: supplierSecrets: the value of ${known.name} ${SIMULATORS_SECRET}`);
}

/** Refuses a plant's station that has the simulator's registry or secret. @throws StationError CONFIG_INVALID */
export async function assertPlant(config: StationConfig): Promise<void> {
  const { mode, secrets, fault } = config;
  if (mode === "simulator") return;
  await assertPlantRegistry(config);
  for (const [name, source] of secrets) {
    // What cannot be read is told by the run that needs it: units of other suppliers go on.
    const secret = "file" in source ? await readHexFile(source.file).catch(() => undefined) : undefined;
    if (secret?.spend(() => isSimulators(secret)) === true && "file" in source)
      throw fault(["secrets", name, "file"], `${source.file}: ${SIMULATORS_SECRET}`);
  }
}
