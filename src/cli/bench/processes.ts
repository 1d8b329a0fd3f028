/** The programs that a row needs beside it, each a process of its own as in a plant. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { packageRoot } from "../../shared/paths.js";

type Program = "ecustation" | "ecu-sim";

/** A process whose first line on stdout is JSON: it is ready then. */
export interface Started {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly first: Readonly<Record<string, unknown>>;
  /** Lines behind the first one. */
  onLine(listener: (line: string) => void): void;
  stop(): Promise<void>;
}

/** @throws Error where it ends before its first line */
export async function startProcess(file: string, args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  // A child that is gone takes no more input.
  child.stdin.on("error", () => undefined);
  const listeners: ((line: string) => void)[] = [];
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    new Promise<string>((resolve) => lines.once("line", resolve)),
    ended.then(() => Promise.reject(new Error(`${file} ${args[0]}: it ended at once`))),
  ]);
  lines.on("line", (line) => {
    for (const listener of listeners) listener(line);
  });
  return {
    child,
    first: JSON.parse(first) as Readonly<Record<string, unknown>>,
    onLine: (listener) => void listeners.push(listener),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

export function startProgram(program: Program, args: readonly string[]): Promise<Started> {
  return startProcess(join(packageRoot(), "bin", `${program}.js`), args);
}

/** Of docs/ecu-simulator.md what a row needs. */
export interface EcuCounters {
  readonly workingMs: number;
  readonly resettingMs: number;
}

/** Simulated ECUs of one profile, each on a bus of its own. */
export interface Ecus {
  /** Links for the station. */
  readonly links: readonly string[];
  /** Puts a new unit into a place; what the place has counted so far. */
  renew(ecu: number): Promise<EcuCounters>;
  counters(ecu: number): Promise<EcuCounters>;
  stop(): Promise<void>;
}

/** @param folder for the control socket @param paced frames take as long as on a bus of the profile's bit rate */
export async function startEcus(profile: string, count: number, folder: string, paced: boolean): Promise<Ecus> {
  const path = join(folder, `ecus-${count}${paced ? "-paced" : ""}.control`);
  const args = ["--profile", profile, "--count", String(count), "--control", `unix:${path}`];
  const sim = await startProgram("ecu-sim", paced ? [...args, "--bus-pace"] : args);
  const { listening, ecus } = sim.first as { listening: string; ecus?: readonly { listening: string }[] };
  const socket = connect(path);
  await once(socket, "connect");
  const answers: ((line: string) => void)[] = [];
  createInterface({ input: socket }).on("line", (line) => answers.shift()?.(line));
  const command = async (cmd: string, ecu: number): Promise<EcuCounters> => {
    const answered = new Promise<string>((resolve) => answers.push(resolve));
    socket.write(`${JSON.stringify({ cmd, ecu })}\n`);
    const answer = JSON.parse(await answered) as { ok: boolean; error?: string; ecus?: { counters: EcuCounters }[] };
    const [place] = answer.ecus ?? [];
    if (!answer.ok || place === undefined) throw new Error(`ecu-sim: ${cmd}: ${answer.error}`);
    return place.counters;
  };
  return {
    links: ecus?.map((each) => each.listening) ?? [listening],
    renew: (ecu) => command("insert", ecu),
    counters: (ecu) => command("status", ecu),
    async stop() {
      socket.destroy();
      await sim.stop();
    },
  };
}
