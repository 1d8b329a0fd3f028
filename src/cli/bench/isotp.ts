/**
 * Bench rows of ISO-TP: what segmented messages make of a link, against raw frames back to back on the same link in the same run. With
 * the fastest classical bus behind the link a row shows whether ISO-TP keeps a real bus busy; without a bus, what ISO-TP costs this
 * computer on top of the frames.
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
import { median } from "./stats.js";

const RATIO = 0.85;

/** What is behind the links of a row. */
interface Load {
  readonly name: string;
  /** bit/s of the bus; undefined: frames pass at once. */
  readonly pace: number | undefined;
  /** Bytes of a message. */
  readonly length: number;
  /** Messages a row; without a bus they are short, and the middle of many counts. */
  readonly rounds: number;
}

const LOADS: readonly Load[] = [
  // The longest message without the escape length.
  { name: "a bus of 1 Mbit/s", pace: 1_000_000, length: 4_095, rounds: 20 },
  // Long enough for the first frame and its flow control to be the least of it.
  { name: "no bus", pace: undefined, length: 65_535, rounds: 100 },
];

/** Frames that may be on their way to the link, raw or ISO-TP's. */
const AHEAD = 256;
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

/** A pty pair by socat; undefined where that is not installed. @param query of the adapter's end */
async function ptyPair(query: string): Promise<Pair | undefined> {
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
  const links = await pair(`slcan-adapter:${one}${query}`, () => `slcan:${other}?ahead=${AHEAD}`);
  return {
    ...links,
    async close() {
      await links.close();
      await remove();
    },
  };
}

/** Frames of a message of `length` bytes. */
function framesOf(length: number): number {
  return 1 + Math.ceil((length - 6) / 7);
}

/** Seconds that `count` raw frames take, until the last one is heard; each is a frame of its own, and none may be missing. */
async function rawSeconds({ near, far }: Pair, count: number): Promise<number> {
  const start = performance.now();
  await new Promise<void>((resolve, reject) => {
    let heard = 0;
    const stop = far.onFrame(({ id, data }) => {
      if (id !== RAW) return;
      if (data[0] !== (heard & 255)) reject(new Error("a raw frame was lost"));
      if (++heard < count) return;
      stop();
      resolve();
    });
    sendRaw(near, count, reject).catch(reject);
  });
  return (performance.now() - start) / 1_000;
}

/** No faster than the link takes them: while one half of AHEAD is on its way, the other is given. */
async function sendRaw(link: CanLink, count: number, failed: (error: unknown) => void): Promise<void> {
  let half = Promise.resolve();
  for (let i = 1; i <= count; i++) {
    const data = new Uint8Array(8);
    data[0] = i - 1;
    const sent = link.send({ id: RAW, extended: false, data });
    sent.catch(failed);
    if (i % (AHEAD / 2) > 0) continue;
    await half;
    // Frames are confirmed in their order: the last one of a half speaks for all.
    half = sent;
  }
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

async function row(name: string, load: Load, links: Pair, count = load.rounds): Promise<BenchRow> {
  const make = (link: CanLink, txId: number, rxId: number) =>
    createIsoTp(link, { addressing: { format: "normal", txId, rxId } }, systemClock);
  const tester = make(links.near, TESTER, ECU);
  const ecu = make(links.far, ECU, TESTER);
  const data = new Uint8Array(load.length);
  const rounds: { raw: number; message: number }[] = [];
  for (let i = 0; i < count + WARM_UP; i++) {
    const raw = await rawSeconds(links, framesOf(load.length));
    rounds.push({ raw, message: await messageSeconds(tester, ecu, data) });
  }
  tester.close();
  ecu.close();
  await links.close();
  const measured = rounds.slice(WARM_UP);
  // Neighbours in time are compared: the least of each kind would be two lucky moments of a busy machine.
  const ratio = median(measured.map((round) => round.raw / round.message));
  const message = median(measured.map((round) => round.message));
  return {
    name: `ISO-TP over ${name}, ${load.name} behind it`,
    value: load.length / message,
    unit: "byte/s",
    limit: load.length / message / ratio,
    ratio,
    bar: `>= ${RATIO * 100} % of raw frames back to back on the same link in the same run`,
    ok: ratio >= RATIO,
  };
}

/** Takes about half a minute. Without socat there are no rows of a pty. @param rounds messages a row */
export async function isoTpRows(rounds?: number): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const load of LOADS) {
    const query = load.pace === undefined ? "" : `?pace=${load.pace}`;
    const virtual = await pair(`virtual:bench${query}`, () => "virtual:bench");
    rows.push(await row("the virtual bus", load, virtual, rounds));
    const tcp = await pair(`slcan+listen://127.0.0.1:0${query}`, ({ listening }) => `${listening}?ahead=${AHEAD}`);
    rows.push(await row("slcan on TCP", load, tcp, rounds));
    const pty = await ptyPair(query);
    if (pty !== undefined) rows.push(await row("slcan on a pty", load, pty, rounds));
  }
  return rows;
}
