/**
 * Bench rows of ISO-TP: what segmented messages make of a link, against raw frames back to back on the same link in the same run. The
 * bus behind each link has the pace of the fastest classical one.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { CanLink } from "../../ecu/link/link.js";
import { openLink } from "../../ecu/link/open.js";
import { createIsoTp } from "../../ecu/transport/isotp/isotp.js";
import type { DiagTransport } from "../../ecu/transport/transport.js";
import { systemClock } from "../../shared/clock.js";
import type { BenchRow } from "./row.js";

const RATIO = 0.85;
const PACE = 1_000_000;
/** Longest message without the escape length, and the consecutive frames that it takes. */
const LENGTH = 4_095;
const FRAMES = 1 + Math.ceil((LENGTH - 6) / 7);
const ROUNDS = 20;
const WARM_UP = 2;
const TESTER = 0x7e0;
const ECU = 0x7e8;
/** Nobody's: raw frames are heard and not understood. */
const RAW = 0x700;

/** Two ends of one link, and what is to be closed behind them. */
interface Pair {
  readonly near: CanLink;
  readonly far: CanLink;
  close(): Promise<void>;
}

async function pair(near: string, far: (near: CanLink & { readonly listening?: string }) => string): Promise<Pair> {
  const clock = systemClock;
  const one = await openLink(near, { clock });
  const other = await openLink(far(one), { clock });
  return {
    near: other,
    far: one,
    async close() {
      await other.close();
      await one.close();
    },
  };
}

/** A pty pair by socat; undefined where that is not installed. */
async function ptyPair(): Promise<Pair | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "ecustation-bench-"));
  const [one, other] = [join(folder, "adapter"), join(folder, "station")];
  const socat = spawn("socat", ["-d", "-d", `pty,raw,echo=0,link=${one}`, `pty,raw,echo=0,link=${other}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<false>((resolve) =>
    socat.on("error", () => resolve(false)).on("close", () => resolve(false)),
  );
  const ready = new Promise<true>((resolve) => {
    let said = "";
    socat.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("starting data transfer loop")) resolve(true);
    });
  });
  const remove = async () => {
    socat.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  if (!(await Promise.race([ready, ended]))) {
    await remove();
    return undefined;
  }
  const links = await pair(`slcan-adapter:${one}?pace=${PACE}`, () => `slcan:${other}`);
  return {
    ...links,
    async close() {
      await links.close();
      await remove();
    },
  };
}

/** Seconds that FRAMES raw frames take, until the last one is heard. */
async function rawSeconds({ near, far }: Pair): Promise<number> {
  const data = new Uint8Array(8);
  const start = performance.now();
  await new Promise<void>((resolve, reject) => {
    let left = FRAMES;
    const stop = far.onFrame(({ id }) => {
      if (id !== RAW || --left > 0) return;
      stop();
      resolve();
    });
    for (let i = 0; i < FRAMES; i++) near.send({ id: RAW, extended: false, data }).catch(reject);
  });
  return (performance.now() - start) / 1_000;
}

async function messageSeconds(tester: DiagTransport, ecu: DiagTransport, data: Uint8Array): Promise<number> {
  const start = performance.now();
  const heard = new Promise<void>((resolve) => {
    const stop = ecu.onMessage(() => {
      stop();
      resolve();
    });
  });
  await Promise.all([tester.send(data), heard]);
  return (performance.now() - start) / 1_000;
}

async function row(name: string, links: Pair, count: number): Promise<BenchRow> {
  const make = (link: CanLink, txId: number, rxId: number) =>
    createIsoTp(link, { addressing: { format: "normal", txId, rxId } }, systemClock);
  const tester = make(links.near, TESTER, ECU);
  const ecu = make(links.far, ECU, TESTER);
  const data = new Uint8Array(LENGTH);
  const rounds: { raw: number; message: number }[] = [];
  for (let i = 0; i < count + WARM_UP; i++) {
    const raw = await rawSeconds(links);
    rounds.push({ raw, message: await messageSeconds(tester, ecu, data) });
  }
  tester.close();
  ecu.close();
  await links.close();
  const measured = rounds.slice(WARM_UP);
  // The undisturbed rounds count, since others use the machine too.
  const raw = Math.min(...measured.map((round) => round.raw));
  const message = Math.min(...measured.map((round) => round.message));
  const ratio = raw / message;
  return {
    name: `ISO-TP over ${name}, 1 Mbit/s`,
    value: LENGTH / message,
    unit: "byte/s",
    limit: LENGTH / raw,
    ratio,
    bar: `>= ${RATIO * 100} % of raw frames back to back on the same link in the same run`,
    ok: ratio >= RATIO,
  };
}

/** Takes about ten seconds. Without socat there is no row of a pty. @param rounds messages a row */
export async function isoTpRows(rounds = ROUNDS): Promise<BenchRow[]> {
  const pace = `pace=${PACE}`;
  const rows = [
    await row("the virtual bus", await pair(`virtual:bench?${pace}`, () => "virtual:bench"), rounds),
    await row(
      "slcan on TCP",
      await pair(`slcan+listen://127.0.0.1:0?${pace}`, ({ listening }) => listening ?? ""),
      rounds,
    ),
  ];
  const pty = await ptyPair();
  if (pty !== undefined) rows.push(await row("slcan on a pty", pty, rounds));
  return rows;
}
