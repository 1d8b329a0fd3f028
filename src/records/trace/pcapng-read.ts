/**
 * pcapng with LINKTYPE_CAN_SOCKETCAN, read: either byte order, several sections and interfaces, any time resolution. CAN frames of a capture
 * on all interfaces ("any") are read, too; packets that are none are counted.
 */
import { concat } from "../../shared/bytes.js";
import { isFrameLength, type TraceDecoder, TraceFault, type TraceFrame, type TraceRecord } from "./frame.js";
import { BLOCK, BYTE_ORDER_MAGIC, DIRECTION, FD_FLAG, ID_FLAG, LINKTYPE_CAN_SOCKETCAN, OPTION } from "./pcapng.js";

/** No block of a CAN trace comes near it. */
const MAX_BLOCK = 1_048_576;
const CLASSIC_MAGICS = [0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1];

/** True where the bytes may begin a pcapng file. @throws TraceFault for the older pcap, which has no interfaces and no directions */
export function looksLikePcapng(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const magic = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (CLASSIC_MAGICS.includes(magic)) throw new TraceFault("is a pcap file (expected pcapng)");
  return magic === BLOCK.section;
}

/** Link types of "any" (tcpdump.org): length of the header, where the protocol stands in it. */
const COOKED: ReadonlyMap<number, { readonly header: number; readonly protocol: number }> = new Map([
  [113, { header: 16, protocol: 14 }],
  [276, { header: 20, protocol: 0 }],
]);
/** LINUX_SLL_P_CAN and LINUX_SLL_P_CANFD. */
const CAN_PROTOCOLS = [0x000c, 0x000d];

interface Interface {
  readonly linkType: number;
  /** µs of one unit of its time stamps. */
  readonly unit: number;
  /** µs. */
  readonly offset: number;
}

export function pcapngDecoder(): TraceDecoder {
  return new PcapngDecoder();
}

class PcapngDecoder implements TraceDecoder {
  #rest = new Uint8Array(0);
  /** Where the next block begins in the file. */
  #at = 0;
  #little = true;
  #interfaces: Interface[] = [];
  #others = 0;

  push(bytes: Uint8Array): TraceRecord[] {
    let rest = concat(this.#rest, bytes);
    const records: TraceRecord[] = [];
    try {
      for (let size = this.#blockSize(rest); size !== undefined && rest.length >= size; size = this.#blockSize(rest)) {
        const record = this.#block(new DataView(rest.buffer, rest.byteOffset, size));
        if (record !== undefined) records.push(record);
        rest = rest.subarray(size);
        this.#at += size;
      }
    } catch (error) {
      throw error instanceof TraceFault ? new TraceFault(error.message, records) : error;
    }
    this.#rest = rest.slice();
    return records;
  }

  end(): { records: TraceRecord[]; cut: boolean; others: number } {
    return { records: [], cut: this.#rest.length > 0, others: this.#others };
  }

  #fault(what: string): TraceFault {
    return new TraceFault(`byte ${this.#at}: ${what}`);
  }

  /** Undefined while too little of the block is there. */
  #blockSize(bytes: Uint8Array): number | undefined {
    if (bytes.length < 12) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.getUint32(0) === BLOCK.section) this.#little = this.#orderOf(view);
    const size = view.getUint32(4, this.#little);
    // Nothing but zeros from here on: a power cut between the file's length and its content.
    if (size === 0 && bytes.every((byte) => byte === 0)) return undefined;
    if (size < 12 || size % 4 !== 0 || size > MAX_BLOCK) throw this.#fault(`a block of ${size} bytes`);
    return size;
  }

  #orderOf(view: DataView): boolean {
    if (view.getUint32(8, true) === BYTE_ORDER_MAGIC) return true;
    if (view.getUint32(8, false) === BYTE_ORDER_MAGIC) return false;
    throw this.#fault("the section's byte order is none");
  }

  #block(view: DataView): TraceRecord | undefined {
    const little = this.#little;
    const size = view.byteLength;
    if (view.getUint32(size - 4, little) !== size) throw this.#fault("the lengths of a block differ");
    switch (view.getUint32(0, little)) {
      case BLOCK.section:
        this.#interfaces = [];
        return undefined;
      case BLOCK.interface:
        this.#interfaces.push(this.#described(view));
        return undefined;
      case BLOCK.packet:
        return this.#packet(view);
      case BLOCK.statistics:
        return this.#note(view);
      case BLOCK.simple:
        if (this.#interface(0).linkType === LINKTYPE_CAN_SOCKETCAN)
          throw this.#fault("a packet without a time (simple packet block)");
        this.#others++;
        return undefined;
      default:
        return undefined;
    }
  }

  #described(view: DataView): Interface {
    this.#need(view, 20);
    let unit = 1;
    let offset = 0;
    for (const { code, value } of this.#options(view, 16)) {
      const exponent = value.byteLength === 1 ? value.getUint8(0) : undefined;
      if (code === OPTION.resolution && exponent !== undefined)
        unit = (exponent & 0x80) === 0 ? 10 ** (6 - exponent) : 1_000_000 / 2 ** (exponent & 0x7f);
      if (code === OPTION.timeOffset && value.byteLength === 8)
        offset = Number(value.getBigInt64(0, this.#little)) * 1_000_000;
    }
    return { linkType: view.getUint16(8, this.#little), unit, offset };
  }

  #interface(number: number): Interface {
    const found = this.#interfaces[number];
    if (found === undefined) throw this.#fault(`interface ${number} is not described`);
    return found;
  }

  /** The CAN frame of a packet; undefined where it is another. */
  #canOf(linkType: number, packet: DataView): DataView | undefined {
    if (linkType === LINKTYPE_CAN_SOCKETCAN) return packet;
    const cooked = COOKED.get(linkType);
    if (cooked === undefined || packet.byteLength < cooked.header) return undefined;
    if (!CAN_PROTOCOLS.includes(packet.getUint16(cooked.protocol))) return undefined;
    return new DataView(packet.buffer, packet.byteOffset + cooked.header, packet.byteLength - cooked.header);
  }

  #time(view: DataView, { unit, offset }: Interface): number {
    const ticks = view.getUint32(12, this.#little) * 0x1_0000_0000 + view.getUint32(16, this.#little);
    const at = Math.round(ticks * unit) + offset;
    if (!Number.isSafeInteger(at) || at < 0) throw this.#fault("a time that is none");
    return at;
  }

  #packet(view: DataView): TraceRecord | undefined {
    this.#need(view, 32);
    const found = this.#interface(view.getUint32(8, this.#little));
    const captured = view.getUint32(20, this.#little);
    const options = 28 + Math.ceil(captured / 4) * 4;
    this.#need(view, options + 4);
    const can = this.#canOf(found.linkType, new DataView(view.buffer, view.byteOffset + 28, captured));
    if (can === undefined) {
      this.#others++;
      return undefined;
    }
    const frame = this.#frame(can);
    let direction: "rx" | "tx" | undefined;
    for (const { code, value } of this.#options(view, options)) {
      if (code !== OPTION.flags || value.byteLength !== 4) continue;
      const way = value.getUint32(0, this.#little) & DIRECTION.mask;
      direction = way === DIRECTION.tx ? "tx" : way === DIRECTION.rx ? "rx" : undefined;
    }
    return { kind: "frame", at: this.#time(view, found), direction, frame };
  }

  #frame(view: DataView): TraceFrame {
    if (view.byteLength < 8) throw this.#fault(`a CAN frame of ${view.byteLength} bytes`);
    const word = view.getUint32(0);
    const length = view.getUint8(4);
    const flags = view.getUint8(5);
    const error = (word & ID_FLAG.error) !== 0;
    const extended = !error && (word & ID_FLAG.extended) !== 0;
    // Only newer kernels set FDF; a longer frame is none of classical CAN anyway.
    const fd = (flags & FD_FLAG.fdf) !== 0 || length > 8;
    if (!isFrameLength(length, fd)) throw this.#fault(`a CAN frame with ${length} bytes of data`);
    const remote = (word & ID_FLAG.remote) !== 0;
    if (!remote && view.byteLength < 8 + length) throw this.#fault("the data of a frame are cut off");
    const data = remote ? new Uint8Array(length) : new Uint8Array(view.buffer, view.byteOffset + 8, length).slice();
    return {
      id: word & (extended || error ? 0x1fff_ffff : 0x7ff),
      extended,
      data,
      ...(fd ? { fd } : {}),
      ...(fd && (flags & FD_FLAG.brs) !== 0 ? { brs: true } : {}),
      ...(remote ? { remote } : {}),
      ...(error ? { error } : {}),
    };
  }

  /** The comment of a statistics block is what our writer notes. */
  #note(view: DataView): TraceRecord | undefined {
    this.#need(view, 24);
    const found = this.#interface(view.getUint32(8, this.#little));
    for (const { code, value } of this.#options(view, 20)) {
      if (code !== OPTION.comment) continue;
      const text = new TextDecoder().decode(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      return { kind: "note", at: this.#time(view, found), text: text.replace(/[\r\n]+/g, " ") };
    }
    return undefined;
  }

  *#options(view: DataView, from: number): Generator<{ code: number; value: DataView }> {
    const end = view.byteLength - 4;
    for (let at = from; at + 4 <= end; ) {
      const code = view.getUint16(at, this.#little);
      const length = view.getUint16(at + 2, this.#little);
      if (code === OPTION.end) return;
      if (at + 4 + length > end) throw this.#fault("an option is longer than its block");
      yield { code, value: new DataView(view.buffer, view.byteOffset + at + 4, length) };
      at += 4 + Math.ceil(length / 4) * 4;
    }
  }

  #need(view: DataView, size: number): void {
    if (view.byteLength < size) throw this.#fault(`a block of ${view.byteLength} bytes (expected at least ${size})`);
  }
}
