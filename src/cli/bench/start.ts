/** Bench rows of the service: how soon it is ready, and what memory it has idle and with eight bays at work. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { startProgram } from "./processes.js";
import type { BenchRow } from "./row.js";
import { Serving } from "./serving.js";
import { median } from "./stats.js";

/** A person who starts it waits no longer; the start includes vPKI, KMS and the page. */
const READY_MS = 3_000;
const MEMORY_MB = 512;
const STARTS = 5;
const BAYS = 8;
const UNITS_A_BAY = 5;

async function bareStart(): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, ["-e", ""], { stdio: "ignore" }), "close");
  return performance.now() - began;
}

async function startRow(folder: string): Promise<BenchRow> {
  const starts: { ready: number; bare: number }[] = [];
  // The first one makes the CAs and does not count.
  for (let i = 0; i <= STARTS; i++) {
    const bare = await bareStart();
    const began = performance.now();
    const station = await startProgram("ecustation", ["serve", "--data", join(folder, "start")]);
    const ready = performance.now() - began;
    await station.stop();
    if (i > 0) starts.push({ ready, bare });
  }
  const value = median(starts.map(({ ready }) => ready));
  return {
    name: "serve with its own vPKI and KMS: from its start to ready",
    value,
    unit: "ms",
    limit: median(starts.map(({ bare }) => bare)),
    ratio: median(starts.map(({ ready, bare }) => ready / bare)),
    bar: `< ${READY_MS} ms; the limit is a bare Node's start`,
    ok: value < READY_MS,
  };
}

async function memoryRows(folder: string, unitsABay: number): Promise<BenchRow[]> {
  const serving = await Serving.open(folder, BAYS);
  try {
    const idle = await serving.memory();
    await Promise.all(
      Array.from({ length: BAYS }, async (_, bay) => {
        for (let i = 0; i < unitsABay; i++) await serving.unit(bay);
      }),
    );
    const busy = await serving.memory();
    if (idle === undefined || busy === undefined) return [];
    const row = (name: string, value: number): BenchRow => ({
      name,
      value,
      unit: "MB",
      bar: `< ${MEMORY_MB} MB`,
      ok: value < MEMORY_MB,
    });
    return [
      row("serve: memory idle", idle),
      row(`serve: memory after ${BAYS * unitsABay} units at ${BAYS} bays`, busy),
    ];
  } finally {
    await serving.close();
  }
}

/** Takes about half a minute. Memory is told on Linux alone. */
export async function startRows(unitsABay = UNITS_A_BAY): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
  try {
    return [await startRow(folder), ...(await memoryRows(folder, unitsABay))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
