/** Something that a person types and nobody shall see. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { StationError } from "../shared/errors.js";
import { type Io, writeAll } from "./io.js";

/**
 * The first line of stdin; at a terminal it is typed twice and not shown.
 * @param what it is called, e.g. `Password`
 * @throws StationError INPUT_INVALID where there is none, or both differ
 */
export async function readUnseen(io: Io, what: string): Promise<string> {
  const terminal = "isTTY" in io.stdin && io.stdin.isTTY === true;
  if (!terminal) return firstLine(io, what, false);
  await writeAll(io.stderr, `${what}: `);
  const typed = await firstLine(io, what, true);
  await writeAll(io.stderr, "\nAgain: ");
  const again = await firstLine(io, what, true);
  await writeAll(io.stderr, "\n");
  if (typed !== again) throw new StationError("INPUT_INVALID", { details: { what: `the two differ (${what})` } });
  return typed;
}

/** The next line of stdin. @param unseen a terminal must not show it */
async function firstLine({ stdin, signal }: Io, what: string, unseen: boolean): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, signal, ...(unseen ? { output: nowhere, terminal: true } : {}) });
  try {
    for await (const line of lines) return line;
    throw new StationError("INPUT_INVALID", {
      details: { what: `stdin has no ${what.toLowerCase()} (expected one line)` },
    });
  } finally {
    lines.close();
  }
}
