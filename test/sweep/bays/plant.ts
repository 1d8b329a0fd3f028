/** Eight bays, each with a simulated ECU, one station for all of them, and vPKI and KMS in processes of their own. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { freePort } from "../../free-port.js";
import { MODULE, PATIENT, requireSoftHsm, SoftHsm, tokenProcesses } from "../../interop/softhsm.js";
import { externalServers, root, type Servers, startServers, tempFolder } from "../../system/harness.js";
import type { Kind } from "./cases.js";
import { BayEcu } from "./ecu.js";
import { ServingStation, StoreThreads } from "./station.js";

const withToken = requireSoftHsm();
const TOKEN_KIND: Kind = withToken ? "ccu-pkcs11" : "body-she";
/** The two at the end share one token. */
export const KINDS: readonly Kind[] = [
  "evcc",
  "body-she",
  "ccu",
  "body-she",
  "evcc",
  "body-she",
  TOKEN_KIND,
  TOKEN_KIND,
];

/** Of each profile the first certificate and one key a type: a unit then takes a fifth of the time. */
const KEYS = ["master", "secoc-4", "secoc-5", "supplier"];
/** ms: 100 rounds on a busy machine. */
const LIMIT = 3 * 3_600_000;

export interface Bay {
  readonly name: string;
  readonly kind: Kind;
  readonly ecu: BayEcu;
}

export class BaysPlant {
  readonly folder = tempFolder("bays");
  readonly station = new ServingStation();
  readonly bays: readonly Bay[];
  readonly #hsm = withToken ? new SoftHsm("ccu-hsm") : undefined;
  readonly #threads = new StoreThreads();
  /** The station uses the vPKI of the first and the KMS of the second; both have one data folder. */
  #servers: readonly Servers[] = [];
  #kmsPort = 0;

  constructor() {
    for (const kind of new Set(KINDS)) this.#profileFile(kind);
    writeFileSync(join(this.folder, "throws.mjs"), "export function securityKey() { throw new TypeError('no'); }\n");
    this.#profileFile("body-she", "throws", (text) => text.replace("algorithm: aes-cmac", "algorithm: throws.mjs"));
    this.bays = KINDS.map((kind, i) => {
      const name = `${i + 1}`;
      return { name, kind, ecu: new BayEcu(this.folder, name, join(this.folder, `${kind}.yaml`)) };
    });
  }

  async start(): Promise<void> {
    if (this.#hsm !== undefined) process.env.SOFTHSM2_CONF = this.#hsm.env.SOFTHSM2_CONF;
    this.#kmsPort = await freePort();
    // One after the other: the first one makes CAs and TLS keys.
    const vpki = await this.#startServers(0);
    this.#servers = [vpki, await this.#startServers(this.#kmsPort)];
    await Promise.all(this.bays.map(({ ecu }) => ecu.start()));
    const data = join(this.folder, "data");
    mkdirSync(data);
    await this.station.start(["--config", this.#configFile(), "--data", data]);
  }

  async stop(): Promise<void> {
    await this.station.stop();
    this.#threads.forget();
    await Promise.all([...this.bays.map(({ ecu }) => ecu.kill()), ...this.#servers.map((servers) => servers.kill())]);
  }

  /** Its process dies at once, or begins again on its data. */
  async kms(there: boolean): Promise<void> {
    const [vpki, kms] = this.#servers;
    if (vpki === undefined || kms === undefined) throw new Error("no servers run");
    if (!there) await kms.kill();
    else this.#servers = [vpki, await this.#startServers(this.#kmsPort)];
  }

  /** The token that two bays share is pulled, or put back. */
  token(there: boolean): void {
    if (there) this.#hsm?.putBack();
    else this.#hsm?.remove();
  }

  killTokenProcess(): void {
    for (const pid of tokenProcesses(process.pid)) process.kill(pid, "SIGKILL");
  }

  /** The threads that the station's stores run in end by a fault. */
  killStoreThread(): Promise<unknown> {
    return this.#threads.kill();
  }

  #startServers(kmsPort: number): Promise<Servers> {
    const file = join(this.folder, `servers-${kmsPort}.yaml`);
    writeFileSync(file, stringify({ schema: 1, mode: "simulator", servers: { embedded: { kmsPort } } }));
    return startServers(["--config", file, "--data", join(this.folder, "servers")], { limit: LIMIT });
  }

  /** A profile with the limits of a test: what never ends, ends soon. */
  #profileFile(kind: Kind, name: string = kind, change: (text: string) => string = (text) => text): void {
    const text = readFileSync(join(root, "hw-profiles", `${kind}.yaml`), "utf8")
      .replace(/maxResponsePending: \d+/, "maxResponsePending: 3")
      .replace(/P2star: \d+/, "P2star: 500")
      // A machine that is busy with other things, too, fails no unit.
      .replace(/margin: \d+/, "margin: 2000")
      .replace(
        /N_As: 1000, N_Ar: 1000, N_Bs: 1000,(.*) N_Cr: 1000/,
        "N_As: 3000, N_Ar: 3000, N_Bs: 3000,$1 N_Cr: 3000",
      );
    const profile = parse(text) as { certificates: unknown[]; keys: { name: string }[] };
    profile.certificates.splice(1);
    profile.keys = profile.keys.filter(({ name: key }) => KEYS.includes(key));
    writeFileSync(join(this.folder, `${name}.yaml`), change(stringify(profile)));
  }

  #configFile(): string {
    const [vpki, kms] = this.#servers;
    if (vpki === undefined || kms === undefined) throw new Error("the servers run first");
    const external = externalServers({ ...vpki, kms: kms.kms }, join(this.folder, "servers"));
    const token = this.#hsm && { module: MODULE, token: "ccu-hsm", pinFile: this.#hsm.pinFile, limits: PATIENT };
    const config = {
      schema: 1,
      mode: "simulator",
      secrets: { "simulator-cluster": { hex: "53494d554c41544f522d534543524554" } },
      ...(token && { tokens: { "ccu-hsm": token } }),
      servers: { external },
      limits: { request: 5_000, attempts: 2, flush: 1_000 },
      station: {
        bays: this.bays.map(({ name, kind, ecu }) => ({
          name,
          link: `${ecu.link}?adapter=canable`,
          profile: `${kind}.yaml`,
        })),
      },
    };
    const file = join(this.folder, "station.yaml");
    writeFileSync(file, stringify(config));
    return file;
  }
}
