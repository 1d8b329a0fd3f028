/** `she generate --jsonl`: one JSON object a line in, M1–M5 a line out, at a pace of tens of thousands a second. */
import { isHex, toHex } from "../../shared/bytes.js";
import { StationError } from "../../shared/errors.js";
import { BANK_MAX, COUNTER_MAX, FLAGS_MAX, KEY_LENGTH, UID_LENGTH } from "../../she/codec/index.js";
import { buildUpdateBytes, type UpdateInput } from "../../she/update/index.js";
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
const BY_LOWER_CASE = new Map<string, string>(FIELDS.map((name) => [name.toLowerCase(), name]));

/** The 112 bytes of one set as the JSON line of design.md, lower-case hex. */
export function setLine(set: Uint8Array): string {
  const hex = toHex(set);
  const [m1, m2, m3] = [hex.slice(0, 32), hex.slice(32, 96), hex.slice(96, 128)];
  return `{"M1":"${m1}","M2":"${m2}","M3":"${m3}","M4":"${hex.slice(128, 192)}","M5":"${hex.slice(192)}"}`;
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
    const meant = BY_LOWER_CASE.get(name.toLowerCase());
    if (meant !== undefined && meant !== name) throw new RangeError(`${name}: the field is called ${meant}`);
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
  if (typeof value !== "string" || !isHex(value, length)) {
    throw new RangeError(`${name}: ${2 * length} hex digits in a string wanted`);
  }
  return Buffer.from(value, "hex");
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
export function updateLine(line: string): string {
  const input = parseUpdateLine(line);
  try {
    return setLine(buildUpdateBytes(input));
  } finally {
    input.authKey.fill(0);
    input.newKey.fill(0);
  }
}

/**
 * Reads `io.stdin` to its end; blank lines are skipped. Output waits for its reader.
 * @throws StationError USAGE with line number and field at the first bad line; the lines before it are out
 */
export async function generateLines(io: Io): Promise<void> {
  let count = 0;
  let out: string[] = [];
  const flush = async (): Promise<void> => {
    if (out.length === 0) return;
    const text = `${out.join("\n")}\n`;
    out = [];
    await writeAll(io.stdout, text);
  };
  for await (const line of splitLines(io)) {
    count++;
    if (line.trim() === "") continue;
    try {
      out.push(updateLine(line));
    } catch (error) {
      await flush();
      if (!(error instanceof RangeError)) throw error;
      throw new StationError("USAGE", { details: { what: `she generate --jsonl: line ${count}: ${error.message}` } });
    }
    if (out.length < BATCH) continue;
    await flush();
    // The reader went away (`… | head`): nobody wants the rest.
    if (!io.stdout.writable) return;
  }
  await flush();
}

/** The input's lines without their ends; ends early with the signal's reason. */
export async function* splitLines(io: Pick<Io, "stdin" | "signal">): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of io.stdin) {
    io.signal.throwIfAborted();
    const text = rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
    const lines = text.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield line;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
