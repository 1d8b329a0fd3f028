/** A station with fake ports over a real SQLite file, which can be "killed" and started again. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { loadProfile } from "../../../src/profiles/loader.js";
import type { Profile } from "../../../src/profiles/schema.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { createOutbox, type Outbox } from "../../../src/records/outbox.js";
import { ascii } from "../../../src/shared/bytes.js";
import { type Clock, systemClock, VirtualClock } from "../../../src/shared/clock.js";
import { silentLogger } from "../../../src/shared/logger.js";
import { packageRoot } from "../../../src/shared/paths.js";
import { Secret } from "../../../src/shared/secret.js";
import type { KmsClient, RunEvent, RunRecord, VpkiClient } from "../../../src/station/ports.js";
import {
  type OpenedEcu,
  type RunDeps,
  type RunOptions,
  type RunRequest,
  runUnit,
} from "../../../src/station/run/index.js";
import { FakeEcu } from "./fake-ecu.js";
import { FakeKms, FakeVpki } from "./fake-servers.js";

/** A kill within a process needs no disk: what SQLite committed is there for the next one. */
const FAST = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export const PLANTED_SECRET = "w9Xv-planted-t3Lk-4711-Zq7p";
export const VIN = "KMHAAAAAAAA000001";
export const INPUTS = { vin: VIN, pcid: "KM8AAAAAAAAA000001", evccid: "KM7AAAAAAAAAAAAA0001" };

/** The EVCC's profile with one certificate on each curve and three keys, one of each type. */
export function smallProfile(change: Partial<Profile> = {}): Profile {
  const file = join(packageRoot(), "hw-profiles", "evcc.yaml");
  const { profile } = loadProfile(readFileSync(file, "utf8"), file);
  const keys = profile.keys.filter(({ name }) => ["master", "secoc-4", "supplier"].includes(name));
  return { ...profile, certificates: profile.certificates.slice(0, 2), keys, ...change };
}

/** Only keys: fast. */
export function keysProfile(change: Partial<Profile> = {}): Profile {
  return smallProfile({ certificates: [], order: ["vin", "keys", "sync", "lock"], ...change });
}

class Killed extends Error {}

/** Ends the "process" at its nth point: nothing that goes through it does anything any more. */
export class Killer {
  readonly points: string[] = [];
  dead = false;

  constructor(readonly at: number = Number.POSITIVE_INFINITY) {}

  pass(point: string): void {
    this.check();
    this.points.push(point);
    if (this.points.length === this.at) {
      this.dead = true;
      throw new Killed(point);
    }
  }

  check(): void {
    if (this.dead) throw new Killed("dead");
  }

  /** Every call of an object's methods dies with the process; those that `points` names are points. */
  wrap<T extends object>(
    object: T,
    points: (method: string, args: unknown[]) => { before?: string; after?: string },
  ): T {
    return new Proxy(object, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== "function" || property === "timers") return value;
        return async (...args: unknown[]) => {
          this.check();
          const { before, after } = points(String(property), args);
          if (before !== undefined) this.pass(before);
          const result: unknown = await value.apply(target, args);
          if (after !== undefined) this.pass(after);
          this.check();
          return result;
        };
      },
    });
  }
}

const JOURNAL_CALLS = new Set(["begin", "append", "finish", "resume", "outboxDelivered"]);

function describeCall(name: string, args: unknown): string {
  const { entry } = args as { entry?: { step: string; event: string } };
  return entry === undefined ? name : `${name} ${entry.step} ${entry.event}`;
}

function killableStores(killer: Killer): StoreHost {
  const host = inlineStores();
  return {
    open: async (source, file) => {
      const store = await host.open(source, file);
      return killer.wrap(store, (_, [name, args]) => {
        if (!JOURNAL_CALLS.has(String(name))) return {};
        const point = describeCall(String(name), args);
        return { before: `before ${point}`, after: `after ${point}` };
      });
    },
    close: () => host.close(),
  };
}

const answers = (names: readonly string[]) => (method: string) =>
  names.includes(method) ? { after: `answer ${method}` } : {};

/** What survives the process: the folder, the ECUs and the servers. */
export class Plant {
  readonly folder = mkdtempSync(join(FAST, "station-run-"));
  readonly vpki = new FakeVpki(() => this.clock.now());
  readonly kms = new FakeKms();
  ecu = new FakeEcu();
  profile = smallProfile();
  profileHash = "a".repeat(64);
  ids = 0;

  /** @param clock a virtual one only where no certificate is made: virtual time would overtake the thread pool's crypto */
  constructor(readonly clock: Clock = systemClock) {}

  /** `work`, with virtual time driven as far as it needs. */
  drive<T>(work: Promise<T>): Promise<T> {
    return this.clock instanceof VirtualClock ? this.clock.drive(work) : work;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  get file(): string {
    return join(this.folder, "station.db");
  }

  /** A new process on the same folder. */
  async start(options: { killer?: Killer; deps?: Partial<RunDeps>; outbox?: boolean } = {}): Promise<Station> {
    const killer = options.killer ?? new Killer();
    const stores = killableStores(killer);
    const self = { pid: ++this.ids, process: "" };
    const processes = { self, alive: () => false };
    const records = await openRecords({ stores, file: this.file, clock: this.clock, processes });
    const vpki: VpkiClient = killer.wrap(this.vpki, answers(["issue", "reissue"]));
    const kms: KmsClient = killer.wrap(this.kms, answers(["requestKey", "requestSync", "report"]));
    const outbox = createOutbox({ records, kms, clock: this.clock, logger: silentLogger, random: () => 0 });
    outbox.start();
    const { ecu } = this;
    const deps: RunDeps = {
      openSession: async (): Promise<OpenedEcu> => {
        killer.check();
        ecu.opened++;
        return {
          session: killer.wrap(ecu.session(), () => ({})),
          target: killer.wrap(ecu.target(), answers(["loadKey", "installCertificate"])),
        };
      },
      vpki,
      kms,
      runs: records.runs,
      ledger: records.ledger,
      results: outbox,
      orders: { orderFor: async () => undefined },
      profile: this.profile,
      profileHash: this.profileHash,
      clock: this.clock,
      logger: silentLogger,
      secrets: () => new Secret(ascii(PLANTED_SECRET)),
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
      newRunId: () => `run-${String(++this.ids).padStart(4, "0")}`,
      programVersion: "0.0.0",
      bay: "bay-1",
      link: "virtual:test",
      ...options.deps,
    };
    return new Station(this, records, outbox, stores, deps);
  }
}

export class Station {
  readonly events: RunEvent[] = [];

  constructor(
    readonly plant: Plant,
    readonly records: Records,
    readonly outbox: Outbox,
    readonly stores: StoreHost,
    readonly deps: RunDeps,
  ) {}

  /** One unit, in virtual time. */
  run(
    inputs: Record<string, string> = INPUTS,
    options: RunOptions & Omit<RunRequest, "inputs"> = {},
  ): Promise<RunRecord> {
    const { ecuId, resumeOnly, onInterrupted, ...rest } = options;
    const request = {
      inputs,
      ...(ecuId === undefined ? {} : { ecuId }),
      ...(resumeOnly === undefined ? {} : { resumeOnly }),
      ...(onInterrupted === undefined ? {} : { onInterrupted }),
    };
    const onEvent = (event: RunEvent) => {
      this.events.push(event);
      rest.onEvent?.(event);
    };
    return this.plant.drive(runUnit(this.deps, request, { ...rest, onEvent }));
  }

  /** The process ends in good order. */
  async stop(): Promise<void> {
    await this.plant.drive(this.outbox.close());
    await this.stores.close();
  }
}
