/** The log of can-utils' candump (`candump -L -x`): one frame a line, no head, no notes. */
import { ascii, fromHex, isHex, toHex } from "../../shared/bytes.js";
import { isFrameLength, type TraceDecoder, type TraceEncoder, TraceFault, type TraceRecord } from "./frame.js";
import { identifier, LineDecoder, microseconds, secondsText } from "./text.js";

/** CAN_ERR_FLAG of linux/can.h, which stands in the identifier. */
const ERROR_FLAG = 0x2000_0000;
const FD_BRS = 1;
const INTERFACE = "can0";
const NOTHING = new Uint8Array(0);

export const logEncoder: TraceEncoder = {
  head: () => NOTHING,
  record(record) {
    if (record.kind !== "frame") return NOTHING;
    const { frame, direction, at } = record;
    const { id, extended, data, error } = frame;
    const shown = error === true ? hexId(id + ERROR_FLAG, 8) : hexId(id, extended ? 8 : 3);
    const way = direction === undefined ? "" : direction === "tx" ? " T" : " R";
    return ascii(`(${secondsText(at)}) ${INTERFACE} ${shown}${contentOf(frame, data)}${way}\n`);
  },
  end: () => NOTHING,
};

function contentOf({ remote, fd, brs }: { remote?: boolean; fd?: boolean; brs?: boolean }, data: Uint8Array): string {
  if (remote === true) return `#R${data.length === 0 ? "" : data.length}`;
  return `${fd === true ? `##${brs === true ? FD_BRS : 0}` : "#"}${toHex(data).toUpperCase()}`;
}

function hexId(id: number, digits: number): string {
  return id.toString(16).toUpperCase().padStart(digits, "0");
}

const LINE = /^\((\d{1,11})\.(\d{1,9})\)\s+\S+\s+([0-9a-f]{3}|[0-9a-f]{8})(#.*?)(?:\s+([RT]))?$/i;

/** True where `text` may begin a candump log. */
export function looksLikeLog(text: string): boolean {
  return /^\s*\(\d+\.\d+\)\s+\S+\s+[0-9a-f]+#/i.test(text);
}

export function logDecoder(): TraceDecoder {
  return new LineDecoder((text) => (text === "" ? undefined : decodeLine(text)));
}

function decodeLine(text: string): TraceRecord {
  const match = LINE.exec(text);
  if (match === null) throw new TraceFault("is no frame (expected `(SECONDS) INTERFACE ID#DATA`)");
  const [, seconds = "", fraction = "", idText = "", content = "", way] = match;
  const value = Number.parseInt(idText, 16);
  const long = idText.length === 8;
  const error = long && (value & ERROR_FLAG) !== 0;
  const id = identifier(error ? (value - ERROR_FLAG).toString(16) : idText, long);
  return {
    kind: "frame",
    at: microseconds(seconds, fraction),
    direction: way === undefined ? undefined : way.toUpperCase() === "T" ? "tx" : "rx",
    frame: { id, extended: long && !error, ...decodeContent(content), ...(error ? { error } : {}) },
  };
}

function decodeContent(content: string): { data: Uint8Array; remote?: boolean; fd?: boolean; brs?: boolean } {
  const remote = /^#R([0-8]?)(?:_[9-F])?$/i.exec(content);
  if (remote !== null) return { data: new Uint8Array(Number(remote[1])), remote: true };
  const fd = /^##([0-9a-f])/i.exec(content);
  // can-utils may part bytes by dots, and write a DLC above 8 behind an underscore.
  const hex = content
    .slice(fd === null ? 1 : 3)
    .replace(/_[9-F]$/i, "")
    .replaceAll(".", "");
  if (!isHex(hex) || !isFrameLength(hex.length / 2, fd !== null))
    throw new TraceFault(`${JSON.stringify(hex.slice(0, 40))} are no data of a frame`);
  const data = fromHex(hex);
  if (fd === null) return { data };
  return (Number.parseInt(fd[1] ?? "0", 16) & FD_BRS) !== 0 ? { data, fd: true, brs: true } : { data, fd: true };
}
