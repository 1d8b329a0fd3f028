/** A plant: stations at their takt, two server replicas on one PostgreSQL database, and what goes away meanwhile. */
import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { systemClock } from "../../src/shared/clock.js";
import { Cluster } from "../postgres/cluster.js";
import { loadTarget, type Replica, restartReplica, startReplicas, stopAll } from "../postgres/replicas.js";
import { SECRET } from "../unit/servers/kms/helpers.js";
import { type LockWaits, watchLocks } from "./locks.js";
import { type Line, Meter } from "./meter.js";
import { Station } from "./station.js";

export interface PlantOptions {
  readonly stations: number;
  /** ms from unit to unit of a station. */
  readonly takt: number;
  /** ms of each of the three parts: all is well, a replica dies, the database is away. */
  readonly part: number;
  /** ms for which the replica and the database are away. */
  readonly away: number;
}

/** Of the requests that were first sent in it. */
export interface Outage {
  /** Longest time until an answer, ms. */
  readonly held: number;
  /** From the moment at which what was away is back until the last of them was answered, ms. */
  readonly recovery: number;
}

export interface Part {
  readonly name: string;
  /** Requests a second. */
  readonly rate: number;
  readonly lines: readonly Line[];
  readonly locks: LockWaits;
  readonly outage: Outage | undefined;
  /** Share of one core, of both replicas together; without what one that was killed had used. */
  readonly cpu: number;
}

export interface Report {
  readonly parts: readonly Part[];
  /** Units, and what the stores have of them. */
  readonly units: number;
  readonly certificates: number;
  readonly sets: number;
  readonly confirmed: number;
  /** Statements that PostgreSQL ended because they waited for each other. */
  readonly deadlocks: number;
}

const PROCESS_LIMIT = 3 * 3_600_000;
/** ticks a second of /proc/PID/stat. */
const TICKS = 100;

/** Processor time, ms, of each replica's process. */
function cpuOf(replicas: readonly Replica[]): ReadonlyMap<number, number> {
  return new Map(
    replicas.flatMap(({ servers: { child } }) => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return [];
      const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return [[child.pid, ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS] as const];
    }),
  );
}

/** ms that the processes of `now` have used since `before`. */
function usedSince(before: ReadonlyMap<number, number>, now: ReadonlyMap<number, number>): number {
  return [...now].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0);
}

export async function simulate(options: PlantOptions): Promise<Report> {
  const cluster = await Cluster.start(true);
  const postgres = await cluster.database();
  let replicas: readonly [Replica, Replica] = await startReplicas(postgres, { limit: PROCESS_LIMIT });
  const target = loadTarget(replicas);
  let units = 0;

  /** One part: `outage` takes something away and gives it back. */
  const part = async (name: string, index: number, outage?: () => Promise<{ from: number; back: number }>) => {
    const meter = new Meter();
    const end = new AbortController();
    // Every station waits on it.
    setMaxListeners(0, end.signal);
    const began = performance.now();
    const cpu = cpuOf(replicas);
    const locks = watchLocks(cluster, postgres.database, end.signal);
    const stations = Array.from(
      { length: options.stations },
      (_, i) =>
        new Station({
          ...{ target, meter, supplierSecret: SECRET, takt: options.takt, signal: end.signal },
          index: index * options.stations + i,
        }),
    );
    const working = Promise.all(stations.map((station) => station.run(began + options.part)));
    await systemClock.sleep(options.part / 3);
    const away = await outage?.();
    await working;
    const seconds = (performance.now() - began) / 1_000;
    end.abort();
    for (const station of stations) {
      units += station.units;
      await station.close();
    }
    return {
      name,
      rate: meter.count / seconds,
      lines: meter.lines(),
      locks: await locks,
      outage: away && {
        held: meter.within(away.from, away.back).longest,
        recovery: Math.max(0, meter.within(away.from, away.back).lastAnswer - away.back),
      },
      cpu: usedSince(cpu, cpuOf(replicas)) / 1_000 / seconds,
    } satisfies Part;
  };

  try {
    const parts = [
      await part("all is well", 0),
      await part(`one replica is killed, and another started after ${options.away / 1_000} s`, 1, async () => {
        const from = performance.now();
        await replicas[1].servers.kill();
        await systemClock.sleep(options.away);
        replicas = [replicas[0], await restartReplica(replicas[1], { limit: PROCESS_LIMIT })];
        return { from, back: performance.now() };
      }),
      await part(`the database crashes, and is back after ${options.away / 1_000} s`, 2, async () => {
        const from = performance.now();
        await cluster.pause("SIGQUIT");
        await systemClock.sleep(options.away);
        await cluster.resume();
        return { from, back: performance.now() };
      }),
    ];
    const one = async (sql: string, schema: string) =>
      Number((await cluster.query<{ count: string }>(postgres.database, sql, schema))[0]?.count);
    return {
      parts,
      units,
      certificates: await one("SELECT count(*) FROM certificates", "vpki"),
      sets: await one("SELECT count(*) FROM sets", "kms"),
      confirmed: await one("SELECT count(*) FROM sets WHERE state = 'confirmed'", "kms"),
      deadlocks: await one(
        `SELECT deadlocks AS count FROM pg_stat_database WHERE datname = '${postgres.database}'`,
        "public",
      ),
    };
  } finally {
    await stopAll(replicas);
    await cluster.remove();
  }
}
