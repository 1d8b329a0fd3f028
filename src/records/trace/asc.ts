/** Vector's ASC: a head with the local time of the start, then one event a line, seconds from the start. */
import { ascii, toHex } from "../../shared/bytes.js";
import {
  dlcOf,
  isFrameLength,
  type TraceDecoder,
  type TraceDirection,
  type TraceEncoder,
  TraceFault,
  type TraceFrame,
  type TraceRecord,
} from "./frame.js";
import { identifier, LineDecoder, microseconds, secondsText } from "./text.js";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** Comments that we write and read. */
const START = "start";

export const ascEncoder: TraceEncoder = {
  head({ startedAt, program, link }) {
    const start = new Date(startedAt / 1_000);
    const date = dateText(start);
    return ascii(
      [
        `date ${date}`,
        "base hex  timestamps absolute",
        "internal events logged",
        `// ${START} ${start.toISOString()} ${program} ${oneLine(link)}`,
        `Begin TriggerBlock ${date}`,
        "   0.000000 Start of measurement",
        "",
      ].join("\n"),
    );
  },
  record(record, { startedAt }) {
    const time = secondsText(record.at - startedAt).padStart(11);
    if (record.kind === "note") return ascii(`// ${time.trim()} ${oneLine(record.text)}\n`);
    return ascii(`${time} ${frameText(record.frame, record.direction)}\n`);
  },
  end: () => ascii("End TriggerBlock\n"),
};

/** ASC and pcapng hold notes of one line, ASC in Latin-1. */
function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, " ").trim();
}

function frameText(frame: TraceFrame, direction: TraceDirection | undefined): string {
  const { id, extended, data, fd, brs, remote, error } = frame;
  if (error === true) return "1  ErrorFrame";
  const way = direction === "tx" ? "Tx" : "Rx";
  const name = `${id.toString(16).toUpperCase()}${extended ? "x" : ""}`;
  const bytes = [...data].map((byte) => toHex(Uint8Array.of(byte)).toUpperCase());
  if (fd === true) {
    const dlc = dlcOf(data.length).toString(16);
    // Behind the data: duration, length in bits, flags (bit 12 FDF, bit 13 BRS), CRC and bit timings, which nobody here knows.
    const flags = (0x1000 + (brs === true ? 0x2000 : 0)).toString(16);
    return ["CANFD   1", way, name.padStart(11), brs === true ? 1 : 0, 0, dlc, data.length, ...bytes]
      .concat(["0 0", flags, "0 0 0 0 0"])
      .join(" ");
  }
  const head = `1  ${name.padEnd(15)} ${way}  `;
  return remote === true ? `${head} r ${data.length}` : [`${head} d ${data.length.toString(16)}`, ...bytes].join(" ");
}

/** As CANoe and python-can write and read it, in the machine's time zone. */
function dateText(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${two(at.getHours() % 12 || 12)}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  const half = at.getHours() < 12 ? "am" : "pm";
  return `${DAYS[at.getDay()]} ${MONTHS[at.getMonth()]} ${two(at.getDate())} ${time}.${ms} ${half} ${at.getFullYear()}`;
}

/** True where `text` may begin an ASC file. */
export function looksLikeAsc(text: string): boolean {
  return /^\s*(?:\/\/.*\s+)*(?:date\s+\S+\s+\S|base\s+(?:hex|dec)\b)/i.test(text);
}

export function ascDecoder(): TraceDecoder {
  const state: State = { start: 0, exact: false, base: 16, relative: false, last: 0 };
  return new LineDecoder((text) => decodeLine(text, state));
}

interface State {
  /** µs since the epoch. */
  start: number;
  /** `start` comes from our own comment and not from the local time of a head. */
  exact: boolean;
  base: 10 | 16;
  /** Times count from the event before. */
  relative: boolean;
  last: number;
}

const FRAME = /^(\d{1,11})\.(\d{1,9})\s+(.*)$/;

function decodeLine(text: string, state: State): TraceRecord | undefined {
  if (readHead(text, state)) return undefined;
  const note = /^\/\/ (\d{1,11})\.(\d{1,9}) (.+)$/.exec(text);
  if (note !== null) {
    const at = state.start + microseconds(note[1] ?? "", note[2] ?? "");
    return { kind: "note", at, text: note[3] ?? "" };
  }
  const match = FRAME.exec(text);
  if (match === null) return undefined;
  const time = microseconds(match[1] ?? "", match[2] ?? "");
  state.last = state.relative ? state.last + time : time;
  const found = decodeEvent(match[3] ?? "", state.base);
  return found && { kind: "frame", at: state.start + state.last, ...found };
}

/** Whether the line belongs to the head, which it takes into the state. */
function readHead(text: string, state: State): boolean {
  const own = /^\/\/ start (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)/.exec(text);
  if (own !== null) {
    state.start = Date.parse(own[1] ?? "") * 1_000;
    state.exact = true;
    return true;
  }
  const date = /^(?:date|begin\s+triggerblock)\s+\S+\s+(.+)$/i.exec(text);
  if (date !== null) {
    const start = parseDate(date[1] ?? "");
    if (start !== undefined && !state.exact) state.start = start * 1_000;
    return true;
  }
  const base = /^base\s+(hex|dec)(?:\s+timestamps\s+(absolute|relative))?/i.exec(text);
  if (base === null) return false;
  state.base = base[1]?.toLowerCase() === "dec" ? 10 : 16;
  state.relative = base[2]?.toLowerCase() === "relative";
  return true;
}

/** Ms since the epoch of `Nov 22 04:22:10.123 am 2026`, with or without ms and am; undefined for other forms. */
function parseDate(text: string): number | undefined {
  const match = /^(\w{3}) +(\d{1,2}) (\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?: ([ap])m)? (\d{4})$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, name = "", day, hours, minutes, seconds, fraction = "", half, year] = match;
  const month = MONTHS.findIndex((known) => known.toLowerCase() === name.toLowerCase());
  if (month < 0) return undefined;
  const hour = half === undefined ? Number(hours) : (Number(hours) % 12) + (half.toLowerCase() === "p" ? 12 : 0);
  const ms = Number(fraction.padEnd(3, "0").slice(0, 3));
  return new Date(Number(year), month, Number(day), hour, Number(minutes), Number(seconds), ms).getTime();
}

type Decoded = { readonly direction: TraceDirection | undefined; readonly frame: TraceFrame };

const CLASSIC = /^\d+\s+([0-9a-f]+)(x?)\s+(Rx|Tx)\s+([dr])(?:\s+(.*))?$/i;
const FD = /^CANFD\s+\d+\s+(Rx|Tx)\s+([0-9a-f]+)(x?)\s+(.*)$/i;

/** Undefined for the many other events that an ASC file may hold. */
function decodeEvent(text: string, base: 10 | 16): Decoded | undefined {
  if (/^(?:CANFD\s+)?\d+\s+(?:(?:Rx|Tx)\s+)?ErrorFrame\b/i.test(text))
    return { direction: undefined, frame: { id: 0, extended: false, data: new Uint8Array(0), error: true } };
  const classic = CLASSIC.exec(text);
  if (classic !== null) {
    const [, id = "", x = "", way = "", type = "", rest = ""] = classic;
    return { direction: wayOf(way), frame: { ...idOf(id, x, base), ...classicData(type, rest, base) } };
  }
  const fd = FD.exec(text);
  if (fd === null) return undefined;
  const [, way = "", id = "", x = "", rest = ""] = fd;
  return { direction: wayOf(way), frame: { ...idOf(id, x, base), ...fdData(rest, base) } };
}

function wayOf(text: string): TraceDirection {
  return text.toLowerCase() === "tx" ? "tx" : "rx";
}

function idOf(text: string, x: string, base: 10 | 16) {
  const extended = x !== "";
  const hex = base === 16 ? text : Number(text).toString(16);
  return { id: identifier(hex, extended), extended };
}

function classicData(type: string, rest: string, base: 10 | 16): { data: Uint8Array; remote?: boolean } {
  const [dlc = "", ...bytes] = rest.split(/\s+/);
  const remote = type.toLowerCase() === "r";
  // Vector's tools leave out a remote frame's DLC, and may put "Length = …" there.
  const length = remote && !/^[0-9a-f]$/i.test(dlc) ? 0 : Math.min(8, number(dlc, base, 15));
  return remote ? { data: new Uint8Array(length), remote } : { data: dataOf(bytes, length, base) };
}

function fdData(rest: string, base: 10 | 16): { data: Uint8Array; fd: true; brs?: boolean } {
  const words = rest.split(/\s+/);
  // A symbolic name may stand before BRS, ESI, DLC and the length.
  const at = words[0] === "0" || words[0] === "1" ? 0 : 1;
  const length = number(words[at + 3] ?? "", 10, 64);
  if (!isFrameLength(length, true)) throw new TraceFault(`${length} is no length of a CAN FD frame`);
  const data = dataOf(words.slice(at + 4), length, base);
  return words[at] === "1" ? { data, fd: true, brs: true } : { data, fd: true };
}

function dataOf(words: readonly string[], length: number, base: 10 | 16): Uint8Array {
  if (words.length < length) throw new TraceFault(`${words.length} bytes of data (expected ${length})`);
  return Uint8Array.from(words.slice(0, length), (word) => number(word, base, 0xff));
}

function number(text: string, base: 10 | 16, most: number): number {
  const value = (base === 16 ? /^[0-9a-f]{1,4}$/i : /^\d{1,4}$/).test(text) ? Number.parseInt(text, base) : Number.NaN;
  if (!(value <= most)) throw new TraceFault(`${JSON.stringify(text.slice(0, 20))} is no number up to ${most}`);
  return value;
}
