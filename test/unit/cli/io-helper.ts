import { PassThrough, Writable } from "node:stream";
import type { Io } from "../../../src/cli/io.js";
import { runCli } from "../../../src/cli/main.js";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

class Sink extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}

/** Runs one command line in this process; stdin is empty. */
export async function ran(argv: readonly string[], env: Io["env"] = {}): Promise<Ran> {
  const stdin = new PassThrough();
  stdin.end();
  const out = new Sink();
  const err = new Sink();
  const io: Io = { stdin, stdout: out, stderr: err, env, signal: new AbortController().signal };
  const code = await runCli(argv, io);
  return { code, out: out.text, err: err.text };
}
