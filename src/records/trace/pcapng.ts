/** pcapng with LINKTYPE_CAN_SOCKETCAN, written: draft-ietf-opsawg-pcapng, and the link type's page at tcpdump.org. */
import { ascii, concat } from "../../shared/bytes.js";
import type { FrameRecord, TraceEncoder } from "./frame.js";

export const BLOCK = { section: 0x0a0d_0d0a, interface: 1, simple: 3, statistics: 5, packet: 6 } as const;
export const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
export const LINKTYPE_CAN_SOCKETCAN = 227;
export const OPTION = {
  end: 0,
  comment: 1,
  application: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  resolution: 9,
  timeOffset: 14,
  flags: 2,
} as const;
/** Direction bits of epb_flags. */
export const DIRECTION = { mask: 3, rx: 1, tx: 2 } as const;
/** Bits of the frame's identifier and of its FD flags (linux/can.h). */
export const ID_FLAG = { extended: 0x8000_0000, remote: 0x4000_0000, error: 0x2000_0000 } as const;
export const FD_FLAG = { brs: 0x01, fdf: 0x04 } as const;
const TSRESOL_US = 6;

export const pcapngEncoder: TraceEncoder = {
  head: ({ program, link }) => concat(sectionBlock(program), interfaceBlock(link)),
  record: (record) =>
    record.kind === "frame" ? packetBlock(record) : statisticsBlock(record.at, [option(OPTION.comment, record.text)]),
  end: () => new Uint8Array(0),
};

function u32(...values: number[]): Uint8Array {
  const out = new DataView(new ArrayBuffer(4 * values.length));
  for (const [i, value] of values.entries()) out.setUint32(4 * i, value, true);
  return new Uint8Array(out.buffer);
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % 4;
  return rest === 0 ? bytes : concat(bytes, new Uint8Array(4 - rest));
}

function block(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(...parts);
  const length = u32(body.length + 12);
  return concat(u32(type), length, body, length);
}

function option(code: number, value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value.slice(0, 2_000)) : value;
  return concat(u32(code + bytes.length * 0x1_0000), padded(bytes));
}

const END_OF_OPTIONS = u32(0);

function sectionBlock(program: string): Uint8Array {
  const unknownLength = u32(0xffff_ffff, 0xffff_ffff);
  const application = option(OPTION.application, program);
  return block(BLOCK.section, u32(BYTE_ORDER_MAGIC, 0x0000_0001), unknownLength, application, END_OF_OPTIONS);
}

function interfaceBlock(link: string): Uint8Array {
  return block(
    BLOCK.interface,
    // Link type, reserved; no snap length.
    u32(LINKTYPE_CAN_SOCKETCAN, 0),
    option(OPTION.interfaceName, ascii("can0")),
    option(OPTION.interfaceDescription, link),
    option(OPTION.resolution, Uint8Array.of(TSRESOL_US)),
    END_OF_OPTIONS,
  );
}

function timeWords(at: number): [number, number] {
  return [Math.floor(at / 0x1_0000_0000), at % 0x1_0000_0000];
}

function packetBlock({ at, frame, direction }: FrameRecord): Uint8Array {
  const packet = frameBytes(frame);
  const flags = direction === undefined ? [] : [option(OPTION.flags, u32(DIRECTION[direction])), END_OF_OPTIONS];
  const head = u32(0, ...timeWords(at), packet.length, packet.length);
  return block(BLOCK.packet, head, padded(packet), ...flags);
}

/** Words about the interface at a time. */
function statisticsBlock(at: number, options: readonly Uint8Array[]): Uint8Array {
  return block(BLOCK.statistics, u32(0, ...timeWords(at)), ...options, END_OF_OPTIONS);
}

/** Identifier with its flags, big-endian; length; FD flags; two reserved bytes; data. */
function frameBytes({ id, extended, remote, error, fd, brs, data }: FrameRecord["frame"]): Uint8Array {
  const out = new Uint8Array(8 + data.length);
  const flags =
    (extended ? ID_FLAG.extended : 0) + (remote === true ? ID_FLAG.remote : 0) + (error === true ? ID_FLAG.error : 0);
  new DataView(out.buffer).setUint32(0, flags + id);
  out[4] = data.length;
  if (fd === true) out[5] = FD_FLAG.fdf + (brs === true ? FD_FLAG.brs : 0);
  out.set(data, 8);
  return out;
}
