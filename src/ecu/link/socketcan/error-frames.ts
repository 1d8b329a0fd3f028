/** Error frames of SocketCAN as events (linux/can/error.h). Pure. */
import type { LinkEvent } from "../link.js";

/** Error classes, bits of the identifier. */
const CLASSES: readonly (readonly [bit: number, text: string])[] = [
  [0x001, "a frame was not sent in time"],
  [0x002, "arbitration was lost"],
  [0x008, "protocol violation on the bus"],
  [0x010, "transceiver error"],
  [0x020, "nobody acknowledged a frame"],
  [0x080, "bus error"],
];
const CONTROLLER = 0x004;
const BUS_OFF = 0x040;
const RESTARTED = 0x100;

/** data[1] of class CONTROLLER. */
const CONTROLLER_STATES: readonly (readonly [bit: number, text: string])[] = [
  [0x01, "receive buffer overrun"],
  [0x02, "transmit buffer overrun"],
  [0x04, "error warning (receiving)"],
  [0x08, "error warning (sending)"],
  [0x10, "error passive (receiving)"],
  [0x20, "error passive (sending)"],
  [0x40, "error active again"],
];

const named = (table: readonly (readonly [number, string])[], bits: number) =>
  table.flatMap(([bit, text]) => ((bits & bit) === 0 ? [] : [text]));

/** What an error frame tells; several classes may stand in one. */
export function errorFrameEvents(classes: number, data: Uint8Array): LinkEvent[] {
  const events: LinkEvent[] = [];
  if ((classes & BUS_OFF) !== 0) events.push({ kind: "bus-off" });
  if ((classes & RESTARTED) !== 0) events.push({ kind: "restarted" });
  const texts = [
    ...((classes & CONTROLLER) === 0 ? [] : named(CONTROLLER_STATES, data[1] ?? 0)),
    ...named(CLASSES, classes),
  ];
  if (texts.length > 0) events.push({ kind: "warning", text: texts.join(", ") });
  return events;
}
