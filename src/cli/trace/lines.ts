/** What `trace show` prints of a trace: a line of text, or a JSON object. */
import { describeUds, type UdsDescription } from "../../ecu/uds/describe.js";
import { NEGATIVE_RESPONSE, POSITIVE_OFFSET } from "../../ecu/uds/tables/services.js";
import type { FrameRecord, NoteRecord, TraceDirection } from "../../records/trace/frame.js";
import { toHex } from "../../shared/bytes.js";
import { printable } from "../printable.js";
import type { Seen } from "./reassembly.js";

/** All that a line may be about. */
export type Shown = Seen | FrameRecord | NoteRecord;

/** What a line says, as JSON has it; times are added by the caller. */
interface Content {
  readonly kind: Shown["kind"] | "bus";
  readonly [name: string]: unknown;
}

/** RequestCorrectlyReceived-ResponsePending. */
const PENDING = 0x78;
/** Bytes of a message that a line of text shows. */
const SHOWN_BYTES = 24;

export function jsonOf(shown: Shown, time: string, seconds: number): string {
  return JSON.stringify({ time, seconds, ...contentOf(shown) });
}

export function textOf(shown: Shown, seconds: number): string {
  const place = shown.kind === "frame" ? { direction: shown.direction, ...shown.frame } : shown;
  const where =
    "id" in place ? `${wayText(place.direction)} ${idText(place.id, place.extended).padEnd(8)}` : " ".repeat(11);
  return `${seconds.toFixed(6).padStart(12)}  ${where}  ${printable(sayOf(shown))}`;
}

function wayText(direction: TraceDirection | undefined): string {
  return direction === undefined ? "--" : direction === "tx" ? "Tx" : "Rx";
}

function idText(id: number, extended: boolean): string {
  return id
    .toString(16)
    .toUpperCase()
    .padStart(extended ? 8 : 3, "0");
}

function contentOf(shown: Shown): Content {
  if (shown.kind === "note") return { kind: "note", text: shown.text };
  if (shown.kind === "frame") return frameContent(shown);
  const { at: _at, direction, id, extended, kind, ...rest } = shown;
  const place = { kind, direction: direction ?? null, id: idText(id, extended), extended };
  if (shown.kind !== "message") return { ...place, ...rest };
  const { bytes, frames, at, beganAt } = shown;
  const role = roleOf(bytes);
  const ms = (at - beganAt) / 1_000;
  return { ...place, role, length: bytes.length, frames, ms, bytes: toHex(bytes), uds: udsOf(bytes) };
}

function frameContent({ direction, frame }: FrameRecord): Content {
  const { id, extended, data, ...flags } = frame;
  const kind = frame.error === true ? "bus" : "frame";
  return { kind, direction: direction ?? null, id: idText(id, extended), extended, ...flags, data: toHex(data) };
}

/** ISO 14229-1 Table 2: bit 6 of the first byte tells responses from requests. */
export function roleOf(bytes: Uint8Array): "request" | "response" {
  return ((bytes[0] ?? 0) & POSITIVE_OFFSET) === 0 ? "request" : "response";
}

function isPending(bytes: Uint8Array): boolean {
  return bytes[0] === NEGATIVE_RESPONSE && bytes[2] === PENDING;
}

function udsOf(bytes: Uint8Array): UdsDescription & { readonly pending?: boolean } {
  return { ...describeUds(roleOf(bytes), bytes), ...(isPending(bytes) && { pending: true }) };
}

/** A line's content without its place. */
export function sayOf(shown: Shown): string {
  switch (shown.kind) {
    case "message":
      return messageText(shown.bytes, shown.frames);
    case "fault":
      return `! ${shown.what}`;
    case "gap":
      return `! ${shown.gap.toFixed(3)} ms after the consecutive frame before (STmin ${shown.STmin} ms)`;
    case "flow":
      return `flow control ${shown.fs}`;
    case "note":
      return `· ${shown.text}`;
    case "frame":
      return frameText(shown);
  }
}

function frameText({ frame }: FrameRecord): string {
  const { data, error, remote, fd, brs } = frame;
  if (error === true) return `! error frame ${toHex(data)}`;
  const kind = remote === true ? "remote" : fd === true ? `FD${brs === true ? " BRS" : ""}` : "CAN";
  return `${kind} [${data.length}] ${remote === true ? "" : toHex(data)}`.trimEnd();
}

function messageText(bytes: Uint8Array, frames: number): string {
  const { kind, service, subFunction, suppressed, parameters, nrc, malformed } = describeUds(roleOf(bytes), bytes);
  const sign = { request: "→", positive: "←", negative: "✗", unknown: "?" }[kind];
  const said = [
    isPending(bytes) ? "…" : sign,
    service,
    subFunction,
    nrc,
    suppressed === true ? "(no positive response wanted)" : undefined,
    ...parameters.map(({ name, value }) => `${name}=${shortened(value)}`),
    malformed === undefined ? undefined : `! ${malformed}`,
    `[${bytes.length} bytes${frames > 1 ? `, ${frames} frames` : ""}]`,
  ];
  return said.filter((part) => part !== undefined && part !== "").join(" ");
}

function shortened(text: string): string {
  return text.length <= 2 * SHOWN_BYTES ? text : `${text.slice(0, 2 * SHOWN_BYTES)}…`;
}
