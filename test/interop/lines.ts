/** Runs a Python program that prints `ok NAME`, `FAIL NAME: …` a line and a JSON summary last. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { python } from "../require.js";
import { root } from "../system/harness.js";

export interface Checked {
  lines: string[];
  /** stderr */
  errors: string;
  summary: { passed?: number; failed?: number };
}

/** `limit` in ms: then SIGKILL. */
export async function checkLines(script: string, args: readonly string[], limit: number): Promise<Checked> {
  const child = spawn(python, [join(root, "test/interop/python", script), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const killer = setTimeout(() => child.kill("SIGKILL"), limit);
  await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(killer);
  const last = lines.at(-1) ?? "";
  return { lines, errors, summary: last.startsWith("{") ? (JSON.parse(last) as Checked["summary"]) : {} };
}

export function failures(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith("FAIL "));
}
