/** What the rows of whole runs have in common: the servers and the simulated ECUs as processes, the station in this one. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openStation, type Station } from "../../app.js";
import { frameBits } from "../../ecu/link/pace.js";
import { systemClock } from "../../shared/clock.js";
import { silentLogger } from "../../shared/logger.js";
import { packageRoot } from "../../shared/paths.js";
import type { RunRecord } from "../../station/ports.js";
import { loadConfig } from "../config.js";
import { type FoundProfile, findProfile } from "../profiles.js";
import { type Ecus, type Started, startEcus, startProgram } from "./processes.js";

/** The profile of the rows: three certificates, eleven keys and a sync value at 500 kbit/s. */
export const PROFILE = "evcc";
/** Of config/registry.simulator.yaml. */
const SECRETS = { "simulator-cluster": { hex: "53494d554c41544f522d534543524554" } };

export interface PlantOptions {
  readonly bays: number;
  /** Frames take as long as on a real bus. */
  readonly paced: boolean;
  /** Limits of the profile that fail no unit where all ECUs are simulated on the same few cores. */
  readonly patient?: boolean;
}

/** One unit's run. */
export interface Ran {
  readonly record: RunRecord;
  /** ms from the order to the signed record. */
  readonly takt: number;
  /** ms that its frames take on the bus, stuff bits included. */
  readonly bus: number;
  /** ms of the ECU's own work. */
  readonly working: number;
  /** ms of the ECU's silence in its reset. */
  readonly resetting: number;
}

export class Plant {
  readonly folder: string;
  readonly profile: FoundProfile;
  readonly #servers: Started;
  readonly #ecus: Ecus;
  readonly #station: Station;
  #units = 0;

  private constructor(folder: string, servers: Started, ecus: Ecus, station: Station, profile: FoundProfile) {
    this.folder = folder;
    this.profile = profile;
    this.#servers = servers;
    this.#ecus = ecus;
    this.#station = station;
  }

  static async open({ bays, paced, patient = false }: PlantOptions): Promise<Plant> {
    const folder = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
    const servers = await startServers(folder);
    const profile = patient ? await patientProfile(folder) : PROFILE;
    const ecus = await startEcus(profile, bays, folder, paced);
    const file = await stationFile(folder, servers.first);
    const config = await loadConfig(file, join(folder, "station"), {});
    const { signal } = new AbortController();
    const station = await openStation({ config, clock: systemClock, logger: silentLogger, env: {}, signal });
    return new Plant(folder, servers, ecus, station, await findProfile(profile, config.profileDirs));
  }

  /** A new unit at a bay. @throws Error where it does not pass */
  async run(bay = 0): Promise<Ran> {
    const digits = String(++this.#units).padStart(6, "0");
    const bitrate = this.profile.profile.can?.bitrate ?? 0;
    const before = await this.#ecus.renew(bay);
    let bits = 0;
    const watch = {
      frame: (_direction: "tx" | "rx", frame: Parameters<typeof frameBits>[0]) => {
        bits += frameBits(frame).nominal;
      },
      note: () => undefined,
    };
    const began = performance.now();
    const record = await this.#station.run(
      {
        profile: this.profile,
        link: this.#ecus.links[bay] ?? "",
        bay: `bay-${bay}`,
        inputs: { vin: `KMHAAAAAAAA${digits}`, pcid: `KM8AAAAAAAAA${digits}`, evccid: `KM7AAAAAAAAAAA${digits}` },
      },
      { watch },
    );
    const takt = performance.now() - began;
    const { outcome, failure } = record;
    if (outcome !== "PASS")
      throw new Error(`a unit of the bench ended with ${outcome} ${failure?.code} (${failure?.step})`);
    const after = await this.#ecus.counters(bay);
    return {
      record,
      takt,
      bus: (bits / bitrate) * 1_000,
      working: after.workingMs - before.workingMs,
      resetting: after.resettingMs - before.resettingMs,
    };
  }

  async close(): Promise<void> {
    await this.#station.close();
    await this.#ecus.stop();
    await this.#servers.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A copy of the profile whose limits are ten times as long. */
async function patientProfile(folder: string): Promise<string> {
  const file = join(folder, `${PROFILE}.yaml`);
  const text = await readFile(join(packageRoot(), "hw-profiles", `${PROFILE}.yaml`), "utf8");
  await writeFile(
    file,
    text.replace(/\b(N_As|N_Ar|N_Bs|N_Cr): 1000\b/g, "$1: 10000").replace(/\bmargin: 250\b/, "margin: 2500"),
  );
  return file;
}

/** vPKI and KMS; their first line says where they are. */
export function startServers(folder: string): Promise<Started> {
  return startProgram("ecustation", ["servers", "--data", join(folder, "servers")]);
}

/** A station of these servers. @param more sections of the configuration */
export async function stationFile(folder: string, servers: Started["first"], more: object = {}): Promise<string> {
  const file = join(folder, "station.yaml");
  const external = {
    vpki: [servers.vpki],
    kms: [servers.kms],
    caFile: servers.ca,
    clientCertFile: servers.clientCert,
    clientKeyFile: servers.clientKey,
    chainFile: join(folder, "servers", "servers", "vpki", "chain.pem"),
  };
  // YAML takes JSON as it is.
  await writeFile(
    file,
    JSON.stringify({ schema: 1, mode: "simulator", servers: { external }, secrets: SECRETS, ...more }),
  );
  return file;
}
