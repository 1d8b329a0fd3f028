/** Starts the ECU of test/interop/python and reads what it says of itself at its end. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { python } from "../require.js";
import { root } from "../system/harness.js";

export interface EcuState {
  vin: string | null;
  locked: boolean;
  slots: Record<string, { counter: number; flags: number }>;
  certificates: Record<
    string,
    {
      subject: string;
      issuer: string;
      serial: string;
      curve: string;
      issuing: number;
      anchors: number;
      waiting: boolean;
      /** of the CSR: OID in DER hex, first value as text */
      attributes: Record<string, string>;
    }
  >;
  /** s that the ECU's clock is ahead of this machine's */
  clockError: number;
  session: number;
  unlocked: boolean;
  wrongKeys: number;
  resets: number;
  requests: number;
  /** answers that were not sent (--lose) */
  lost: number;
  /** what the station's transport did against ISO 15765-2 */
  complaints: string[];
  /** why certificates were refused */
  trouble: string[];
}

export interface PythonEcu {
  url: string;
  /** SIGTERM; the state it had. */
  stop(): Promise<EcuState>;
  kill(): void;
}

const running = new Set<ChildProcessByStdio<null, Readable, Readable>>();

export function killPythonEcus(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** `script`: ecu.py, or another one that prints what it prints. */
export async function startPythonEcu(args: readonly string[], script = "ecu.py"): Promise<PythonEcu> {
  const child = spawn(python, [join(root, "test/interop/python", script), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const lines: string[] = [];
  const closed = new Promise<void>((resolve) => {
    child.on("close", () => {
      running.delete(child);
      resolve();
    });
  });
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      resolve(line);
    });
    void closed.then(() => reject(new Error(`${script} ended: ${errors}`)));
  });
  return {
    url: (JSON.parse(first) as { listening: string }).listening,
    kill: () => child.kill("SIGKILL"),
    stop: async () => {
      child.kill("SIGTERM");
      await closed;
      const last = lines.at(-1);
      if (lines.length < 2 || last === undefined) throw new Error(`${script} told no state: ${errors}`);
      return JSON.parse(last) as EcuState;
    },
  };
}
