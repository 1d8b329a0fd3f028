/** ISO 15765-2 §9.6: N_PDUs to and from the payloads of CAN frames. Pure. `prefix` is what the addressing format puts before N_PCI. */
import { concat, readUintBE, uintBE } from "../../../shared/bytes.js";

export type FlowStatus = "CTS" | "WAIT" | "OVFLW";

export type Pdu =
  | { readonly kind: "SF"; readonly data: Uint8Array }
  | { readonly kind: "FF"; readonly length: number; readonly data: Uint8Array }
  | { readonly kind: "CF"; readonly sn: number; readonly data: Uint8Array }
  | {
      readonly kind: "FC";
      /** Undefined for a reserved value (N_INVALID_FS). */
      readonly fs: FlowStatus | undefined;
      readonly BS: number;
      readonly STmin: number;
    };

/** Lengths that a CAN or CAN FD frame can have (ISO 11898-1). */
const DATA_LENGTHS = [8, 12, 16, 20, 24, 32, 48, 64] as const;
export type TxDl = (typeof DATA_LENGTHS)[number];

/**
 * What CAN_DL a frame of 8 bytes at most must have (§10.4.2): `any` that holds its content, `padded` to 8, or `optimised` to its content.
 * Longer frames always have the shortest length that CAN FD has for them.
 */
export type FrameLengths = "any" | "padded" | "optimised";

const FLOW_STATUS: readonly FlowStatus[] = ["CTS", "WAIT", "OVFLW"];
/** Fills what a CAN FD frame must be longer than its content, where no padding is configured (§10.4.2.3). */
const FD_FILL = 0xcc;
const MAX_FF_12BIT = 4_095;
export const MAX_LENGTH = 0xffff_ffff;

/** Shortest frame length that holds `size` bytes: itself up to 8. */
function frameLength(size: number): number {
  return size <= 8 ? size : (DATA_LENGTHS.find((length) => length >= size) ?? size);
}

/** Whether a frame of `length` bytes may carry `content` of them. */
export function lengthFits(length: number, content: number, lengths: FrameLengths): boolean {
  if (content > 8) return length === frameLength(content);
  if (lengths === "any") return length >= content;
  return length === (lengths === "padded" ? 8 : content);
}

function payload(parts: readonly Uint8Array[], padding: number | null): Uint8Array {
  const content = concat(...parts);
  const length = Math.max(frameLength(content.length), padding === null ? 0 : 8);
  if (length === content.length) return content;
  const out = new Uint8Array(length).fill(padding ?? FD_FILL);
  out.set(content);
  return out;
}

/** Most bytes of a single frame. @param prefix bytes before N_PCI */
export function maxSingle(prefix: number, txDl: TxDl): number {
  return txDl - prefix - (txDl > 8 ? 2 : 1);
}

/** @param data 1 to `maxSingle` bytes */
export function encodeSingle(prefix: Uint8Array, data: Uint8Array, padding: number | null): Uint8Array {
  const short = data.length <= 7 - prefix.length;
  return payload([prefix, Uint8Array.of(...(short ? [data.length] : [0, data.length])), data], padding);
}

/** The first frame of `data`, and how many bytes of it went into it. */
export function encodeFirst(prefix: Uint8Array, data: Uint8Array, txDl: TxDl): { frame: Uint8Array; taken: number } {
  const pci =
    data.length <= MAX_FF_12BIT
      ? uintBE(0x1000 + data.length, 2)
      : concat(Uint8Array.of(0x10, 0x00), uintBE(data.length, 4));
  const taken = txDl - prefix.length - pci.length;
  return { frame: concat(prefix, pci, data.subarray(0, taken)), taken };
}

/** Bytes that a consecutive frame carries. */
export function consecutiveSize(prefix: Uint8Array, txDl: TxDl): number {
  return txDl - prefix.length - 1;
}

/** The consecutive frame with `size` bytes of `data` from `at` on. */
export function encodeConsecutive(
  prefix: Uint8Array,
  sn: number,
  data: Uint8Array,
  padding: number | null,
  at = 0,
  size = data.length,
): Uint8Array {
  const start = prefix.length + 1;
  const content = start + size;
  const frame = new Uint8Array(Math.max(frameLength(content), padding === null ? 0 : 8));
  for (let i = 0; i < prefix.length; i++) frame[i] = prefix[i] ?? 0;
  frame[prefix.length] = 0x20 | (sn & 15);
  // A handful of bytes: a view of them would cost more than the copy.
  for (let i = 0; i < size; i++) frame[start + i] = data[at + i] ?? 0;
  if (frame.length > content) frame.fill(padding ?? FD_FILL, content);
  return frame;
}

/** Tells a consecutive frame, of which there are many, before anything is made of it: SN is the low half of N_PCI, the data are the rest. */
export function isConsecutive(frame: Uint8Array, prefix: number): boolean {
  return (frame[prefix] ?? 0) >> 4 === 2;
}

/** @param STmin code byte */
export function encodeFlowControl(
  prefix: Uint8Array,
  fs: FlowStatus,
  BS: number,
  STmin: number,
  padding: number | null,
): Uint8Array {
  return payload([prefix, Uint8Array.of(0x30 | FLOW_STATUS.indexOf(fs), BS, STmin)], padding);
}

/**
 * The N_PDU of a frame's payload; undefined for whatever the standard says to ignore: unknown N_PCI types, lengths of single and first
 * frames that do not fit (§9.6.2.2, §9.6.3.2), frames of a wrong CAN_DL. The data of a CF may be longer than the message's rest.
 *
 * @param prefix bytes before N_PCI
 */
export function decodePdu(frame: Uint8Array, prefix: number, lengths: FrameLengths = "any"): Pdu | undefined {
  const pci = frame[prefix];
  if (pci === undefined) return undefined;
  const low = pci & 15;
  switch (pci >> 4) {
    case 0:
      return decodeSingle(frame, prefix, low, lengths);
    case 1:
      return decodeFirst(frame, prefix, low);
    case 2:
      return { kind: "CF", sn: low, data: frame.slice(prefix + 1) };
    case 3: {
      const BS = frame[prefix + 1];
      const STmin = frame[prefix + 2];
      if (BS === undefined || STmin === undefined || !lengthFits(frame.length, prefix + 3, lengths)) return undefined;
      return { kind: "FC", fs: FLOW_STATUS[low], BS, STmin };
    }
    default:
      return undefined;
  }
}

function decodeSingle(frame: Uint8Array, prefix: number, low: number, lengths: FrameLengths): Pdu | undefined {
  const short = frame.length <= 8;
  const start = prefix + (short ? 1 : 2);
  const length = short ? low : (frame[prefix + 1] ?? 0);
  // A longer frame has the escape length, and a message that 8 bytes hold does not come in one.
  if (short ? length === 0 : low !== 0 || length <= 7 - prefix) return undefined;
  if (start + length > frame.length || !lengthFits(frame.length, start + length, lengths)) return undefined;
  return { kind: "SF", data: frame.slice(start, start + length) };
}

function decodeFirst(frame: Uint8Array, prefix: number, low: number): Pdu | undefined {
  if (!isDataLength(frame.length)) return undefined;
  const short = low * 256 + (frame[prefix + 1] ?? 0);
  const length = short === 0 ? readUintBE(frame, prefix + 2, 4) : short;
  // The escape sequence is for longer messages only (§9.6.3.2).
  if (short === 0 && length <= MAX_FF_12BIT) return undefined;
  // FF_DLmin: what a single frame of this length does not hold.
  if (length <= maxSingle(prefix, frame.length)) return undefined;
  return { kind: "FF", length, data: frame.slice(prefix + (short === 0 ? 6 : 2)) };
}

function isDataLength(length: number): length is TxDl {
  return DATA_LENGTHS.some((known) => known === length);
}

/** ms of an STmin code byte (§9.6.5.5): 0–127 ms, F1–F9 100–900 µs, reserved values as the longest, 127 ms. */
export function stMinMs(code: number): number {
  if (code <= 0x7f) return code;
  return code >= 0xf1 && code <= 0xf9 ? (code - 0xf0) / 10 : 127;
}
