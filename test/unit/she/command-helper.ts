import { Readable, Writable } from "node:stream";
import { Command } from "commander";
import type { Io } from "../../../src/cli/io.js";
import { sheCommand } from "../../../src/cli/she.js";

/** Runs `ecustation she …` on streams of its own. */
export async function runShe(args: readonly string[], stdin: string | Iterable<string | Buffer> = ""): Promise<Run> {
  const chunks: string[] = [];
  const stdout = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      setImmediate(done);
    },
  });
  const io: Io = {
    stdin: Readable.from(typeof stdin === "string" ? [stdin] : stdin),
    stdout,
    stderr: stdout,
    env: {},
    signal: new AbortController().signal,
  };
  const program = new Command("ecustation").addCommand(sheCommand(io));
  for (const command of [program, ...program.commands, ...program.commands.flatMap((child) => child.commands)]) {
    command.exitOverride().configureOutput({ writeOut: (text) => chunks.push(text), writeErr: () => undefined });
  }
  let error: unknown;
  try {
    await program.parseAsync(["she", ...args], { from: "user" });
  } catch (thrown) {
    error = thrown;
  }
  return { out: chunks.join(""), error, exitCode: io.exitCode ?? 0 };
}

export interface Run {
  readonly out: string;
  readonly error: unknown;
  readonly exitCode: number;
}
