/**
 * vPKI and KMS, and simulated ECUs in places of their own, which stay up as processes for the whole sweep; only the station's command is
 * killed and started again, with a data folder a unit.
 */
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { externalConfig, kmsFile, rows, vpkiFile } from "../../system/cases.js";
import {
  type Finished,
  type Running,
  run,
  type Servers,
  start,
  startEcu,
  startServers,
  tempFolder,
} from "../../system/harness.js";

/** The profile of the sweep: three certificates, eleven keys and a sync value. */
export const PROFILE = "evcc";
/** ms for one run of the command, on a machine that does much else. */
const RUN_LIMIT = 180_000;
/** ms that the processes which stay up may live: the whole sweep on a slow machine. */
const PLANT_LIMIT = 4 * 3_600_000;

/** One unit and the station's folder for it. */
export interface Unit {
  readonly ecuId: string;
  /** Its flash file. */
  readonly flash: string;
  readonly inputs: Readonly<Record<"vin" | "pcid" | "evccid", string>>;
  readonly data: string;
}

/** A place for one unit after the other: an ecu-sim whose units are changed over its control socket. */
export interface Place {
  readonly ecu: Running & { readonly url: string };
  readonly control: string;
}

export class KillPlant {
  readonly #servers: Servers;
  readonly #data: string;
  readonly #config: string;
  readonly #places: Place[] = [];
  #units = 0;

  private constructor(servers: Servers, data: string) {
    this.#servers = servers;
    this.#data = data;
    this.#config = externalConfig(servers, data, {});
  }

  static async open(): Promise<KillPlant> {
    const data = tempFolder("kill-servers");
    return new KillPlant(await startServers(["--data", data], { limit: PLANT_LIMIT }), data);
  }

  async place(): Promise<Place> {
    const control = join(tempFolder("kill-place"), "control");
    const ecu = await startEcu(PROFILE, ["--control", `unix:${control}`], { limit: PLANT_LIMIT });
    const place = { ecu, control };
    this.#places.push(place);
    return place;
  }

  /** Puts a new unit into the place. */
  async unit(place: Place): Promise<Unit> {
    const data = tempFolder("kill-unit");
    const flash = join(data, "unit.flash");
    const digits = String(++this.#units).padStart(6, "0");
    await command(place.control, { cmd: "remove" });
    const { ecuId } = await command(place.control, { cmd: "insert", state: flash });
    const inputs = {
      vin: `KMHAAAAAAAA${digits}`,
      pcid: `KM8AAAAAAAAA${digits}`,
      evccid: `KM7AAAAAAAAAAA${digits}`,
    };
    return { ecuId, flash, inputs, data };
  }

  /** The command that provisions the unit; with `killAt`, ended there by a SIGKILL of its own. */
  run(place: Place, unit: Unit, killAt?: string): Promise<Finished> {
    const env = killAt === undefined ? {} : { ECUSTATION_KILL_AT: killAt };
    return run("ecustation", this.#args(place, unit), { env, limit: RUN_LIMIT });
  }

  /** The same command, killed after so many ms wherever it is then. */
  runFor(ms: number, place: Place, unit: Unit): Promise<Finished> {
    return start("ecustation", this.#args(place, unit), { limit: ms }).finished;
  }

  #args({ ecu }: Place, { inputs, data }: Unit): string[] {
    const { vin, pcid, evccid } = inputs;
    const unit = ["--vin", vin, "--pcid", pcid, "--evccid", evccid, "--link", ecu.url];
    return ["run", "--profile", PROFILE, "--config", this.#config, "--data", data, "--json", ...unit];
  }

  /** Rows of the servers' own stores. */
  kms<T extends object>(sql: string): T[] {
    return rows<T>(kmsFile(this.#data), sql);
  }

  vpki<T extends object>(sql: string): T[] {
    return rows<T>(vpkiFile(this.#data), sql);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#places.map(({ ecu }) => ecu.stop()), this.#servers.stop()]);
  }
}

/** The unit's memory as its file has it. */
export function flashOf(unit: Unit): { used: Uint8Array } {
  return { used: new Uint8Array(readFileSync(unit.flash)) };
}

/** One command to the simulator; the unit as it is after it. */
function command(path: string, request: object): Promise<{ readonly ecuId: string }> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    socket.once("error", reject);
    createInterface({ input: socket }).once("line", (line) => {
      socket.destroy();
      const answer = JSON.parse(line) as { ok: boolean; error?: string; ecus?: { ecuId: string }[] };
      const [unit] = answer.ecus ?? [];
      if (answer.ok && unit !== undefined) resolve(unit);
      else reject(new Error(`${JSON.stringify(request)}: ${answer.error}`));
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}
