/** Values of the `she` options: numbers, flags, hex, and keys that need not stand in argv. */
import { readFile } from "node:fs/promises";
import { fromHex, isHex } from "../../shared/bytes.js";
import { describe, StationError } from "../../shared/errors.js";
import { FLAG, FLAGS_MAX, type FlagName, KEY_LENGTH } from "../../she/codec/index.js";
import type { Io } from "../io.js";
import { readLines } from "./lines.js";

export function usage(what: string): StationError {
  return new StationError("USAGE", { details: { what } });
}

/** Decimal, 0x hex or 0b binary, 0..max. */
export function uintOption(name: string, text: string, max: number): number {
  const value = /^(?:\d+|0x[\da-f]+|0b[01]+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isInteger(value) || value > max) throw usage(`${name}: an integer 0..${max} wanted, not "${text}"`);
  return value;
}

/** A slot: one hex digit as the standard writes it (`4`, `D`), or decimal 10–15, or 0x. */
export function slotOption(name: string, text: string): number {
  if (/^[\da-f]$/i.test(text)) return Number.parseInt(text, 16);
  return uintOption(name, text, 15);
}

/** Five bits as a number (WRITE_PROTECTION = 16), or names joined by commas. */
export function flagsOption(name: string, text: string): number {
  if (/^\d/.test(text)) return uintOption(name, text, FLAGS_MAX);
  const words = text.split(",").filter((part) => part.trim() !== "");
  // An empty variable of a shell would otherwise take all protections away.
  if (words.length === 0) throw usage(`${name}: names of flags or an integer 0..${FLAGS_MAX} wanted, not "${text}"`);
  let flags = 0;
  for (const word of words) {
    const flag = FLAG[word.trim().toUpperCase() as FlagName];
    if (flag === undefined) throw usage(`${name}: no flag is called "${word}" (${Object.keys(FLAG).join(", ")})`);
    flags |= flag;
  }
  return flags;
}

export function hexOption(name: string, text: string, length: number): Uint8Array {
  if (!isHex(text, length)) {
    throw usage(`${name}: ${2 * length} hex digits wanted, ${text.length} characters given`);
  }
  return fromHex(text);
}

/** Hands out standard input's lines one by one, for keys given as `-`. */
export class StdinLines {
  readonly #read: AsyncGenerator<readonly string[]>;
  readonly #lines: string[] = [];

  constructor(io: Io) {
    this.#read = readLines(io);
  }

  async next(name: string): Promise<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line === undefined) {
        const { value, done } = await this.#read.next();
        if (done === true) throw usage(`${name}: standard input ended before this key`);
        this.#lines.push(...value);
      } else if (line.trim() !== "") return line.trim();
    }
  }
}

/** A key from `--NAME HEX`, `--NAME -` (one line of standard input) or `--NAME-file FILE`; undefined where none was given. */
export async function keyOption(
  name: string,
  text: string | undefined,
  file: string | undefined,
  stdin: StdinLines,
): Promise<Uint8Array | undefined> {
  if (text !== undefined && file !== undefined) throw usage(`${name} and ${name}-file exclude each other`);
  if (file !== undefined) return keyFromFile(`${name}-file`, file);
  if (text === undefined) return undefined;
  const value = text === "-" ? await stdin.next(name) : text;
  // Unlike other options the text is not repeated: it may be most of a key.
  if (!isHex(value, KEY_LENGTH)) throw usage(`${name}: ${2 * KEY_LENGTH} hex digits wanted`);
  return fromHex(value);
}

async function keyFromFile(name: string, file: string): Promise<Uint8Array> {
  const shown = isLikeKey(file) ? "a file whose name looks like a key" : file;
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    throw usage(`${name}: ${describe(error).replaceAll(file, shown)}`);
  }
  if (content.length === KEY_LENGTH) return new Uint8Array(content);
  const text = content.toString("latin1").trim();
  content.fill(0);
  if (!isHex(text, KEY_LENGTH)) throw usage(`${name}: ${shown} holds neither 16 bytes nor 32 hex digits`);
  return fromHex(text);
}

/** Whether it may be a key that was given in place of its file's name: hex of half a key at least, or a whole one in base64. */
function isLikeKey(text: string): boolean {
  return /[0-9a-f]{16}/i.test(text.replace(/[\s:_-]/g, "")) || /^[A-Za-z0-9+/]{22}(?:==)?$/.test(text);
}
