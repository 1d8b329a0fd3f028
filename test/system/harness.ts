/** Runs the built programs as processes of their own, as an operator or a CI job does. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough, Readable, type Writable } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll } from "vitest";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const bins = { ecustation: join(root, "bin/ecustation.js"), "ecu-sim": join(root, "bin/ecu-sim.js") };
export type Program = keyof typeof bins;

const folders: string[] = [];
const running = new Set<ChildProcessByStdio<Writable, Readable, Readable>>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function tempFolder(name = "station"): string {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  folders.push(folder);
  return folder;
}

/** A supplier secret that is not the simulator's, hex. */
export const PLANT_SECRET = "504c414e542d5345435245542d303031";

/** The simulator's registry with that secret, as `registry.yaml` of the folder: a plant's embedded servers want one of their own. */
export function writePlantRegistry(folder: string): void {
  const text = readFileSync(join(root, "config", "registry.simulator.yaml"), "utf8");
  const own = text.replace(/value: ".*"/, `value: "${PLANT_SECRET}"`);
  writeFileSync(join(folder, "registry.yaml"), own, { mode: 0o600 });
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Options {
  env?: Record<string, string>;
  input?: string;
  /** ms until SIGKILL. */
  limit?: number;
  cwd?: string;
  /** Another Node than this one. */
  node?: string;
}

export interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** The next line of stdout that `test` accepts, from the beginning; rejects when the program ends before. */
  line(test: (line: string) => boolean): Promise<string>;
  readonly finished: Promise<Finished>;
  /** SIGTERM, then the end. */
  stop(): Promise<Finished>;
  kill(): Promise<Finished>;
}

export function start(program: Program, args: readonly string[], options: Options = {}): Running {
  return startCommand(options.node ?? process.execPath, [bins[program], ...args], options);
}

/** Any program. */
export function startCommand(command: string, args: readonly string[], options: Omit<Options, "node"> = {}): Running {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    cwd: options.cwd ?? root,
  });
  running.add(child);
  const lines: string[] = [];
  const waiting: {
    test: (line: string) => boolean;
    resolve: (line: string) => void;
    reject: (error: Error) => void;
  }[] = [];
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const waiter of waiting.filter((entry) => entry.test(line))) {
      waiting.splice(waiting.indexOf(waiter), 1);
      waiter.resolve(line);
    }
  });
  const killer = setTimeout(() => child.kill("SIGKILL"), options.limit ?? 45_000);
  const finished = new Promise<Finished>((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(killer);
      running.delete(child);
      resolve({ code, signal, stdout, stderr });
      for (const waiter of waiting.splice(0)) {
        waiter.reject(new Error(`ended (${code ?? signal}) before the line came\n${stdout}\n${stderr}`));
      }
    });
  });
  if (options.input !== undefined) child.stdin.end(options.input);
  return {
    child,
    finished,
    line: (test) =>
      new Promise((resolve, reject) => {
        const found = lines.find(test);
        if (found !== undefined) resolve(found);
        else if (!running.has(child)) reject(new Error(`ended before the line came\n${stdout}\n${stderr}`));
        else waiting.push({ test, resolve, reject });
      }),
    stop: () => {
      child.kill("SIGTERM");
      return finished;
    },
    kill: () => {
      child.kill("SIGKILL");
      return finished;
    },
  };
}

export function run(program: Program, args: readonly string[], options: Options = {}): Promise<Finished> {
  const started = start(program, args, options);
  if (options.input === undefined) started.child.stdin.end();
  return started.finished;
}

type Main = (args: readonly string[], io: unknown) => Promise<number>;
const mains: Record<Program, () => Promise<Main>> = {
  ecustation: async () => (await built<{ runCli: Main }>("dist/src/cli/main.js")).runCli,
  "ecu-sim": async () => (await built<{ main: Main }>("dist/firmware-sim/main.js")).main,
};

/** A module of the build, in this process. */
export async function built<T>(file: string): Promise<T> {
  return (await import(pathToFileURL(join(root, file)).href)) as T;
}

/** Runs the built program's entry in this process, on streams of its own: what `run` does, without the start of a process. */
export async function callBuilt(program: Program, args: readonly string[], options: Options = {}): Promise<Finished> {
  const main = await mains[program]();
  const text = { stdout: "", stderr: "" };
  const collect = (name: "stdout" | "stderr") =>
    new PassThrough().on("data", (chunk: Buffer) => {
      text[name] += chunk.toString();
    });
  const io = {
    stdin: Readable.from(options.input === undefined ? [] : [Buffer.from(options.input)]),
    stdout: collect("stdout"),
    stderr: collect("stderr"),
    env: { ...process.env, ...options.env },
    signal: AbortSignal.timeout(options.limit ?? 45_000),
    stopped: new Promise<void>(() => undefined),
  };
  const code = await main(args, io);
  const ended = Promise.all(
    [io.stdout, io.stderr].map((stream) => new Promise((resolve) => stream.on("end", resolve))),
  );
  io.stdout.end();
  io.stderr.end();
  await ended;
  return { code, signal: null, ...text };
}

/** Starts ecu-sim and gives the URL that a station connects to. */
export async function startEcu(
  profile: string,
  args: readonly string[] = [],
  options: Options = {},
): Promise<Running & { url: string }> {
  const sim = start("ecu-sim", ["--profile", profile, "--link", "slcan+listen://127.0.0.1:0", ...args], {
    limit: 300_000,
    ...options,
  });
  const first = JSON.parse(await sim.line(() => true)) as { listening: string };
  return { ...sim, url: first.listening };
}

export interface Servers extends Running {
  vpki: string;
  kms: string;
  ca: string;
  clientCert: string;
  clientKey: string;
}

/** Starts `ecustation servers`; the answer carries its first line. */
export async function startServers(args: readonly string[], options: Options = {}): Promise<Servers> {
  const servers = start("ecustation", ["servers", ...args], { limit: 300_000, ...options });
  const first = JSON.parse(await servers.line(() => true)) as Omit<Servers, keyof Running>;
  return { ...servers, ...first };
}

/** `servers.external` of a station's configuration. @param data the servers' own folder */
export const externalServers = (at: Omit<Servers, keyof Running>, data: string) => ({
  vpki: [at.vpki],
  kms: [at.kms],
  caFile: at.ca,
  clientCertFile: at.clientCert,
  clientKeyFile: at.clientKey,
  chainFile: join(data, "servers", "vpki", "chain.pem"),
});
