/**
 * Station, simulated ECUs, vPKI and KMS in one process on one virtual clock. What the product composes in src/app.ts is composed here of
 * the same parts, with stores in this thread; only HTTPS and crypto take real time, for which the clock is held.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { createEcu, type Ecu } from "../../../firmware-sim/ecu.js";
import { FaultSet } from "../../../firmware-sim/faults/set.js";
import type { FlashOptions } from "../../../firmware-sim/flash/flash.js";
import { type FlashCell, memoryFlash } from "../../../firmware-sim/flash/memory.js";
import { createKmsClient } from "../../../src/clients/kms.js";
import { createVpkiClient } from "../../../src/clients/vpki.js";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { openVirtual, type VirtualLink } from "../../../src/ecu/link/virtual/bus.js";
import { createIsoTp } from "../../../src/ecu/transport/isotp/isotp.js";
import { isoTpOptionsOf } from "../../../src/ecu/transport/isotp/options.js";
import { createUdsClient } from "../../../src/ecu/uds/client.js";
import { createEcuSession } from "../../../src/ecu/uds/session.js";
import { createSheUdsTarget } from "../../../src/injection/she-uds/target.js";
import { loadProfile } from "../../../src/profiles/loader.js";
import type { Profile } from "../../../src/profiles/schema.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { createOutbox, type Outbox } from "../../../src/records/outbox.js";
import { baseUrl, createHttps } from "../../../src/servers/http/https.js";
import { ensureTls } from "../../../src/servers/http/tls.js";
import { createKms, loadRegistry } from "../../../src/servers/kms/index.js";
import { createVpki } from "../../../src/servers/vpki/index.js";
import { systemClock, VirtualClock } from "../../../src/shared/clock.js";
import { silentLogger } from "../../../src/shared/logger.js";
import { packageRoot } from "../../../src/shared/paths.js";
import { Secret } from "../../../src/shared/secret.js";
import type { KmsClient, RunRecord, VpkiClient } from "../../../src/station/ports.js";
import { type RunDeps, runUnit } from "../../../src/station/run/index.js";
import { type Book, booking, newBook } from "./book.js";
import { PlaceReader } from "./places.js";
import { holdForCrypto, holding } from "./real-work.js";
import { type Blow, Wire } from "./wire.js";

/** ms that the ECU needs to write its flash: longer than its P2, so that writes are answered with 0x78 first. */
const FLASH_MS = 40;
/** Most virtual ms of one run. */
const RUN_LIMIT = 3_600_000;
const SUPPLIER_SECRET = "53494d554c41544f522d534543524554";
/** Nothing here is to survive the machine. */
const FOLDERS = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A profile of hw-profiles/. */
export function profileOf(name: string): Profile {
  const file = join(packageRoot(), "hw-profiles", `${name}.yaml`);
  return loadProfile(readFileSync(file, "utf8"), file).profile;
}

/** Every kind of step of the EVCC's run once: one certificate, one key of each type, a sync value. */
export function smallProfile(): Profile {
  const profile = profileOf("evcc");
  const keys = profile.keys.filter(({ name }) => ["master", "secoc-4", "supplier"].includes(name));
  const { can } = profile;
  if (can?.addressing !== "normal") throw new Error("places are read of normal addressing");
  const fd = { TX_DL: { station: 24, ecu: 24 }, dataBitrate: 2_000_000, bitRateSwitch: true } as const;
  return { ...profile, can: { ...can, fd }, certificates: profile.certificates.slice(0, 1), keys };
}

/** One simulated ECU with its memory. */
export interface Unit {
  readonly number: number;
  readonly cell: FlashCell;
  readonly bus: string;
  readonly link: VirtualLink;
  readonly inputs: Readonly<Record<string, string>>;
  readonly book: Book;
  readonly faults: FaultSet;
  /** While its power is on. */
  ecu: Ecu | undefined;
  readonly failures: unknown[];
}

/** What is another way than usual in one run. */
export interface Change {
  readonly blow?: Blow;
  readonly inputs?: Readonly<Record<string, string>>;
  /** Laid over the usual ones. */
  readonly deps?: (usual: RunDeps) => Partial<RunDeps>;
  readonly signal?: AbortSignal;
  /** @param wire the station's end of the bus, once it is open */
  readonly onStep?: (step: string, wire: Wire | undefined) => void;
}

export interface Ran {
  readonly record: RunRecord;
  readonly wire: Wire;
  /** Virtual ms. */
  readonly ms: number;
}

/** As Ran, of a run that may have ended before it opened a link. */
export type Attempted = Omit<Ran, "wire"> & { readonly wire: Wire | undefined };

/** Stands between the station and its servers, in place of clients that are never disturbed. */
export interface Between {
  /** @param chain PEM bundle of the ECU certificates' CAs */
  open(servers: Readonly<Record<"vpki" | "kms" | "ca" | "chain", string>>): Promise<void>;
  /** Clients of one run. */
  clients(): { readonly kms: KmsClient; readonly vpki: VpkiClient; close(): Promise<void> };
  close(): Promise<void>;
}

/** Stores without files: nothing here outlives its process. */
function storesInMemory(): StoreHost {
  const stores = inlineStores();
  return { open: (source) => stores.open(source, ":memory:"), close: () => stores.close() };
}

export class Plant {
  readonly clock: VirtualClock;
  readonly profile: Profile;
  /** Where the records are and, in `vpki` and `kms`, the servers' files; stores are in files only with something between. */
  readonly folder: string;
  readonly #between: Between | undefined;
  /** Servers that refuse every request, by a proxy's answer. */
  readonly refusing = new Set<"kms" | "vpki">();
  readonly #ends: (() => Promise<unknown>)[] = [];
  #records: Records | undefined;
  #kms: KmsClient | undefined;
  #vpki: VpkiClient | undefined;
  #units = 0;
  #runs = 0;

  private constructor(profile: Profile, clock: VirtualClock, between: Between | undefined) {
    this.profile = profile;
    this.clock = clock;
    this.#between = between;
    this.folder = mkdtempSync(join(FOLDERS, "wire-sweep-"));
  }

  static async open(profile: Profile, clock = new VirtualClock(), between?: Between): Promise<Plant> {
    const plant = new Plant(profile, clock, between);
    await plant.#openServers();
    return plant;
  }

  async #openServers(): Promise<void> {
    const { clock } = this;
    const logger = silentLogger;
    const dir = (name: string) => join(this.folder, name);
    const stores = this.#between === undefined ? storesInMemory() : inlineStores();
    // TLS is between this process and itself, in real time.
    const tls = await ensureTls(dir("tls"), { clock: systemClock, hosts: ["127.0.0.1"] });
    const vpki = await createVpki({ stores, dir: dir("vpki"), clock, logger, baseUrl: () => "http://127.0.0.1:8080" });
    const registry = await loadRegistry(join(packageRoot(), "config", "registry.simulator.yaml"));
    const kms = await createKms({ stores, dir: dir("kms"), clock, logger, registry });
    await vpki.start();
    const apps: FastifyInstance[] = [];
    const serve = async (name: "kms" | "vpki", plugin: FastifyPluginAsync) => {
      const app = createHttps({ tls, clock, logger });
      apps.push(app);
      app.addHook("onRequest", async (_request, reply) => {
        if (this.refusing.has(name)) await reply.code(400).send({ error: "refused" });
      });
      await app.register(plugin);
      await app.listen({ host: "127.0.0.1", port: 0 });
      return baseUrl(app);
    };
    const common = { ca: tls.caPem, clock };
    const chain = readFileSync(vpki.chainFile, "utf8");
    const urls = { vpki: await serve("vpki", vpki.plugin), kms: await serve("kms", kms.plugin) };
    await this.#between?.open({ ...urls, ca: tls.caPem, chain });
    const vpkiClient = createVpkiClient({ ...common, baseUrls: [urls.vpki], chain });
    const kmsClient = createKmsClient({ ...common, baseUrls: [urls.kms], station: "sweep" });
    // The servers are in this process.
    const ping = async () => undefined;
    this.#vpki = holding(clock, { ...vpkiClient, ping });
    this.#kms = holding(clock, { ...kmsClient, ping });
    this.#records = await openRecords({ stores, file: dir("records.sqlite"), clock });
    const letGo = holdForCrypto(clock);
    this.#ends.push(
      async () => letGo(),
      () => vpkiClient.close(),
      () => kmsClient.close(),
      async () => this.#between?.close(),
      ...apps.map((app) => () => app.close()),
      () => vpki.close(),
      () => kms.close(),
      () => stores.close(),
      async () => rmSync(this.folder, { recursive: true, force: true }),
    );
  }

  async close(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end();
  }

  /** A new ECU that knows nothing yet. */
  async unit(): Promise<Unit> {
    const unit = this.blank();
    await this.powerUp(unit);
    return unit;
  }

  /** An ECU whose power was never on. */
  blank(): Unit {
    const number = ++this.#units;
    const bus = `sweep-${number}`;
    const digits = String(number).padStart(6, "0");
    const inputs = {
      vin: `KMHAAAAAAAA${digits}`,
      pcid: `KM8AAAAAAAAA${digits}`,
      evccid: `KM7AAAAAAAAAAA${digits}`,
    };
    const link = openVirtual(bus, this.clock);
    const faults = new FaultSet({ profile: this.profile, clock: this.clock });
    return { number, cell: {}, bus, link, inputs, book: newBook(), faults, ecu: undefined, failures: [] };
  }

  /** Starts an ECU on what is in its memory. */
  async powerUp(unit: Unit, options: FlashOptions = {}): Promise<void> {
    const { clock, profile } = this;
    const { faults } = unit;
    const flash = memoryFlash(unit.cell, {
      ...options,
      async onStep(step) {
        if (step.kind === "write") await clock.sleep(FLASH_MS);
        await options.onStep?.(step);
      },
    });
    const onFatal = (error: unknown) => void unit.failures.push(error);
    unit.ecu = await clock.drive(createEcu({ profile, link: unit.link, clock, flash, faults, onFatal }));
  }

  /** One run of the station on that ECU; with `blow`, one frame of it meets a fault. */
  async run(unit: Unit, blow?: Blow): Promise<Ran> {
    const { wire, ...ran } = await this.attempt(unit, blow);
    if (wire === undefined) throw new Error(`no link was opened: ${JSON.stringify(ran.record.failure)}`);
    return { ...ran, wire };
  }

  /** As `run`; a run that ends before it opens a link has no wire. */
  attempt(unit: Unit, blow?: Blow): Promise<Attempted> {
    return this.runChanged(unit, blow === undefined ? {} : { blow });
  }

  /** One run, some of it in another way. */
  async runChanged(unit: Unit, change: Change): Promise<Attempted> {
    const { clock, profile } = this;
    const [records, kms, vpki] = [this.#records, this.#kms, this.#vpki];
    if (records === undefined || kms === undefined || vpki === undefined) throw new Error("the plant is not open");
    const key = Secret.fromHex("00112233445566778899aabbccddeeff");
    const secret = Secret.fromHex(SUPPLIER_SECRET);
    const own = this.#between?.clients();
    const booked = booking(unit.book, own?.kms ?? kms, own?.vpki ?? vpki);
    const outbox: Outbox = createOutbox({ records, kms: booked.kms, clock, logger: silentLogger, random: () => 0 });
    outbox.start();
    let wire: Wire | undefined;
    const began = clock.monotonic();
    const usual: RunDeps = {
      openSession: async () => {
        const { can } = profile;
        if (can === undefined) throw new Error("the profile has no can section");
        wire = new Wire(openVirtual(unit.bus, clock), clock, new PlaceReader(), change.blow);
        const transport = createIsoTp(wire, isoTpOptionsOf(can, "station"), clock);
        const client = createUdsClient(transport, profile.uds, clock);
        const session = createEcuSession({ link: wire, transport, client, map: profile, access: { key }, clock });
        return { session, target: createSheUdsTarget(session) };
      },
      ...booked,
      runs: records.runs,
      ledger: records.ledger,
      results: outbox,
      orders: {
        orderFor: async () => ({
          source: "test",
          inputs: { vehicleCode: "SX2", localCode: "KR", brandCode: "HMC" },
        }),
      },
      profile,
      profileHash: "a".repeat(64),
      clock,
      logger: silentLogger,
      secrets: () => secret,
      random: (length) => new Uint8Array(randomBytes(length)),
      newRunId: () => `run-${String(++this.#runs).padStart(8, "0")}`,
      programVersion: "0.0.0",
      bay: unit.bus,
      link: `virtual:${unit.bus}`,
    };
    const { signal, inputs = unit.inputs } = change;
    const running = runUnit(
      { ...usual, ...change.deps?.(usual) },
      { inputs },
      { ...(signal && { signal }), onStep: (step) => change.onStep?.(step, wire) },
    );
    try {
      const record = await clock.drive(running, RUN_LIMIT);
      await clock.drive(outbox.close(), RUN_LIMIT);
      return { record, wire, ms: clock.monotonic() - began };
    } finally {
      await own?.close();
      key.wipe();
      secret.wipe();
    }
  }

  async scrap(unit: Unit): Promise<void> {
    if (unit.ecu !== undefined) await this.clock.drive(unit.ecu.close());
    unit.ecu = undefined;
  }
}
