/** `ecustation serve --jsonl` as a process of its own, whose start and memory can be looked at. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PROFILE, startServers, stationFile } from "./plant.js";
import { type Ecus, type Started, startEcus, startProgram } from "./processes.js";

interface Ended {
  readonly bay: string;
  readonly outcome: string;
  readonly ms: number;
  readonly failure?: { readonly code: string; readonly step: string };
}

export class Serving {
  readonly #servers: Started;
  readonly #ecus: Ecus;
  readonly #station: Started;
  readonly #bays: readonly string[];
  readonly #waiting = new Map<string, (ended: Ended) => void>();
  #units = 0;

  private constructor(servers: Started, ecus: Ecus, station: Started, bays: readonly string[]) {
    this.#servers = servers;
    this.#ecus = ecus;
    this.#station = station;
    this.#bays = bays;
    station.onLine((line) => {
      const event = JSON.parse(line) as { event: string; error?: string } & Ended;
      if (event.event === "ended") this.#waiting.get(event.bay)?.(event);
    });
  }

  /** Servers, simulated ECUs and the station, each a process; buses take no time. */
  static async open(folder: string, bays: number): Promise<Serving> {
    const servers = await startServers(folder);
    const ecus = await startEcus(PROFILE, bays, folder, false);
    const rows = ecus.links.map((link, i) => ({ name: `bay-${i}`, link, profile: PROFILE }));
    const file = await stationFile(folder, servers.first, { station: { id: "bench", bays: rows } });
    const args = ["serve", "--jsonl", "--config", file, "--data", join(folder, "station")];
    const names = rows.map(({ name }) => name);
    return new Serving(servers, ecus, await startProgram("ecustation", args), names);
  }

  /** A new unit at a bay; ms that it took. @throws Error where it does not pass */
  async unit(bay: number): Promise<number> {
    const name = this.#bays[bay] ?? "";
    await this.#ecus.renew(bay);
    const digits = String(++this.#units).padStart(7, "0");
    const ended = new Promise<Ended>((resolve) => this.#waiting.set(name, resolve));
    const inputs = { vin: `KMHAAAAAAA${digits}`, pcid: `KM8AAAAAAAA${digits}`, evccid: `KM7AAAAAAAAAA${digits}` };
    this.#station.child.stdin.write(`${JSON.stringify({ bay: name, inputs })}\n`);
    const { outcome, failure, ms } = await ended;
    if (outcome !== "PASS")
      throw new Error(`a unit of the bench ended with ${outcome} ${failure?.code} (${failure?.step})`);
    return ms;
  }

  /** MB that the station's process has in memory; undefined where the system does not tell. */
  memory(): Promise<number | undefined> {
    return memoryOf(this.#station.child.pid);
  }

  async close(): Promise<void> {
    await this.#station.stop();
    await this.#ecus.stop();
    await this.#servers.stop();
  }
}

/** Resident memory of a process in MB, as Linux tells it. */
export async function memoryOf(pid: number | undefined): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(text)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
}
