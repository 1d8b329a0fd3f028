/** The person at the terminal. */
import { createInterface } from "node:readline";
import { StationError } from "../shared/errors.js";
import type { LocalText, Operator, Prompt } from "../station/ports.js";
import type { Language } from "./config.js";
import { type Io, writeAll } from "./io.js";
import { printable } from "./printable.js";

/** Asks on stderr, so that what a program reads from stdout stays whole. Undefined where nobody sits there. */
export function terminalOperator(io: Io, language: Language): Operator | undefined {
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true) return undefined;
  return {
    async ask(prompt, signal) {
      await writeAll(io.stderr, `${promptLines(prompt, language).map(printable).join("\n")}\n> `);
      return answered(io, prompt, signal);
    },
  };
}

/** @throws StationError RUN_ABORTED where the terminal is closed instead; the signal's reason */
async function answered(io: Io, prompt: Prompt, signal: AbortSignal): Promise<string> {
  // Not a terminal of its own: Ctrl+C goes on to end the program's run.
  const lines = createInterface({ input: io.stdin, terminal: false, signal });
  try {
    for await (const line of lines) {
      const answer = answerTo(prompt, line.trim());
      if (answer !== undefined) return answer;
      await writeAll(io.stderr, "> ");
    }
  } finally {
    lines.close();
  }
  signal.throwIfAborted();
  throw new StationError("RUN_ABORTED");
}

/** The question, and its choices with their numbers. Pure. */
export function promptLines({ text, choices = [] }: Prompt, language: Language): string[] {
  const words = ({ ko, en }: LocalText) => ({ ko: [ko], en: [en], both: [ko, en] })[language];
  return [
    ...words(text),
    ...choices.map((choice, i) => `  ${i + 1}  ${words(choice.text).join(" / ")} (${choice.value})`),
  ];
}

/** A choice by its number or its value; any text where there are none. Pure. */
export function answerTo({ choices }: Prompt, line: string): string | undefined {
  if (choices === undefined) return line;
  return choices.find(({ value }, i) => line === value || line === String(i + 1))?.value;
}
