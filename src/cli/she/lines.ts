/** `she generate --jsonl`: one JSON object a line in, M1–M5 a line out, at a pace of tens of thousands a second. */
import { StationError } from "../../shared/errors.js";
import { BANK_MAX, COUNTER_MAX, FLAGS_MAX, KEY_LENGTH, UID_LENGTH } from "../../she/codec/index.js";
import { buildUpdateInto, UPDATE_LENGTH, type UpdateInput } from "../../she/update/index.js";
import { type Io, writeAll } from "../io.js";

type Json = Readonly<Record<string, unknown>>;

/** Lines built between two writes: few enough that the event loop is never held for long (about 5 ms). */
const BATCH = 128;

const FIELDS = [
  "uid",
  "authKeyId",
  "authKey",
  "keyId",
  "newKey",
  "counter",
  "flags",
  "bank",
  "verifyOnly",
  "deviceUid",
] as const;
const KNOWN: ReadonlySet<string> = new Set(FIELDS);
const BY_LOWER_CASE = new Map<string, string>(FIELDS.map((name) => [name.toLowerCase(), name]));

const HEX_DIGITS = Buffer.from("0123456789abcdef", "latin1");
const LINE = `{"M1":"${"0".repeat(32)}","M2":"${"0".repeat(64)}","M3":"${"0".repeat(32)}","M4":"${"0".repeat(64)}","M5":"${"0".repeat(32)}"}\n`;
/** First and last byte of each message in a set of 112 bytes, and where its digits stand in the line. */
const PLACES = [
  [0, 16],
  [16, 48],
  [48, 64],
  [64, 96],
  [96, 112],
].map(([from = 0, to = 0], i) => ({ from, to, at: 2 * from + 7 + 8 * i }));

/** Sets as the JSON lines of design.md. All lines are alike but for their digits, so only those are written. */
export class SetLines {
  readonly #text: Buffer;
  readonly #set = new Uint8Array(UPDATE_LENGTH);
  #count = 0;

  /** @param capacity lines between two `take`s */
  constructor(capacity: number) {
    this.#text = Buffer.from(LINE.repeat(capacity), "latin1");
  }

  get full(): boolean {
    return (this.#count + 1) * LINE.length > this.#text.length;
  }

  push(input: UpdateInput): void {
    const set = this.#set;
    buildUpdateInto(input, set);
    const base = this.#count * LINE.length;
    for (const { from, to, at } of PLACES) {
      let place = base + at;
      for (let i = from; i < to; i++) {
        const byte = set[i] ?? 0;
        this.#text[place++] = HEX_DIGITS[byte >> 4] ?? 0;
        this.#text[place++] = HEX_DIGITS[byte & 0x0f] ?? 0;
      }
    }
    this.#count++;
  }

  /** The lines so far, each with its end; then it is empty again. */
  take(): string {
    const text = this.#text.toString("latin1", 0, this.#count * LINE.length);
    this.#count = 0;
    return text;
  }
}

/** Value of a hex digit by its character code; 0xff for any other character below 128. */
const DIGIT = new Uint8Array(128).fill(0xff);
for (let i = 0; i < 16; i++) {
  const digit = i.toString(16);
  DIGIT[digit.charCodeAt(0)] = i;
  DIGIT[digit.toUpperCase().charCodeAt(0)] = i;
}

/** Bytes of a hex string of exactly `length` bytes; undefined for any other. One pass, since it runs three times a line. */
function readHex(text: string, length: number): Uint8Array | undefined {
  if (text.length !== 2 * length) return undefined;
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const high = DIGIT[text.charCodeAt(2 * i)] ?? 0xff;
    const low = DIGIT[text.charCodeAt(2 * i + 1)] ?? 0xff;
    if ((high | low) > 0x0f) return undefined;
    out[i] = (high << 4) | low;
  }
  return out;
}

/** The update that one line asks for; throws RangeError naming the field. Values of keys never appear in the text. */
export function parseUpdateLine(line: string): UpdateInput {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new RangeError("not valid JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new RangeError("not a JSON object");
  const fields = json as Json;
  for (const name of Object.keys(fields)) {
    // Other fields pass, so that a list may carry notes; one that only differs by case is a slip that would lose a value.
    if (KNOWN.has(name)) continue;
    const meant = BY_LOWER_CASE.get(name.toLowerCase());
    if (meant !== undefined) throw new RangeError(`${name}: the field is called ${meant}`);
  }
  const bank = fields.bank === undefined ? 0 : uint(fields, "bank", BANK_MAX);
  const verifyOnly = fields.verifyOnly ?? false;
  if (typeof verifyOnly !== "boolean") throw new RangeError("verifyOnly: true or false wanted");
  return {
    uid: bytes(fields, "uid", UID_LENGTH),
    authKeyId: uint(fields, "authKeyId", 15),
    authKey: bytes(fields, "authKey", KEY_LENGTH),
    keyId: uint(fields, "keyId", 15),
    newKey: bytes(fields, "newKey", KEY_LENGTH),
    counter: uint(fields, "counter", COUNTER_MAX),
    flags: uint(fields, "flags", FLAGS_MAX),
    bank,
    verifyOnly,
    ...(fields.deviceUid === undefined ? {} : { deviceUid: bytes(fields, "deviceUid", UID_LENGTH) }),
  };
}

function bytes(fields: Json, name: string, length: number): Uint8Array {
  const value = fields[name];
  if (value === undefined) throw new RangeError(`${name}: missing`);
  const read = typeof value === "string" ? readHex(value, length) : undefined;
  if (read === undefined) throw new RangeError(`${name}: ${2 * length} hex digits in a string wanted`);
  return read;
}

function uint(fields: Json, name: string, max: number): number {
  const value = fields[name];
  if (value === undefined) throw new RangeError(`${name}: missing`);
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${name}: an integer 0..${max} wanted`);
  }
  return value;
}

/** One input line to one output line; both key buffers are zeroed. */
export function updateLine(line: string, lines: SetLines): void {
  const input = parseUpdateLine(line);
  lines.push(input);
  input.authKey.fill(0);
  input.newKey.fill(0);
}

/**
 * Reads `io.stdin` to its end; blank lines are skipped. Output waits for its reader, and for no more input: a program may wait for the
 * answer to a line before it writes the next.
 * @throws StationError USAGE with line number and field at the first bad line; the lines before it are out
 */
export async function generateLines(io: Io): Promise<void> {
  let count = 0;
  const out = new SetLines(BATCH);
  const flush = () => writeAll(io.stdout, out.take());
  for await (const lines of readLines(io)) {
    for (const line of lines) {
      count++;
      if (line.trim() === "") continue;
      try {
        updateLine(line, out);
      } catch (error) {
        await flush();
        if (!(error instanceof RangeError)) throw error;
        throw new StationError("USAGE", { details: { what: `she generate --jsonl: line ${count}: ${error.message}` } });
      }
      if (out.full) await flush();
    }
    await flush();
    // The reader went away (`… | head`): nobody wants the rest.
    if (!io.stdout.writable) return;
  }
}

/** The input's lines without their ends, those that have come at once together; ends early with the signal's reason. */
export async function* readLines(io: Pick<Io, "stdin" | "signal">): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of io.stdin) {
    io.signal.throwIfAborted();
    const text = rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
    const lines = text.split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield [rest];
}
