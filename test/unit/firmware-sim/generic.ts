/** The plain UDS ECU of hw-profiles/generic-uds.yaml at the bench, as it is or with another `server` section. */
import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import { loadAnyProfile } from "../../../src/profiles/loader.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { Bench, type BenchOptions } from "./bench.js";

const TEXT = readFileSync(new URL("../../../hw-profiles/generic-uds.yaml", import.meta.url), "utf8");
const XOR = fromHex("a5c35a3c");

type Server = Record<string, unknown> & { services: Record<string, unknown>[] };

/** @param change to the `server` section, as YAML has it */
export function genericProfile(change: (server: Server) => void = () => undefined) {
  const document = parse(TEXT) as { server: Server };
  change(document.server);
  return loadAnyProfile(stringify(document), "generic-uds.yaml").profile;
}

export function startGeneric(options: BenchOptions = {}, change?: (server: Server) => void): Promise<Bench> {
  return Bench.start({ ...options, ecu: { profile: genericProfile(change), ...options.ecu } });
}

/** Key of a seed, hex. */
export const genericKey = (seed: string): string => toHex(fromHex(seed).map((byte, i) => byte ^ (XOR[i] ?? 0)));

/** Opens level 1 in a session. */
export async function unlockGeneric(bench: Bench, session = "02"): Promise<void> {
  await bench.expect(`10${session}`, `50${session}003201f4`);
  const seed = await bench.ask("2701");
  await bench.expect(`2702${genericKey(seed.slice(4))}`, "6702");
}
