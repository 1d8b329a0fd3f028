/** ISO-TP as a bystander sees it: messages, and what was wrong on their way. Takes any frames. */
import { decodePdu, type FlowStatus, type Pdu, stMinMs } from "../../ecu/transport/isotp/codec.js";
import type { FrameRecord, TraceDirection } from "../../records/trace/frame.js";
import { concat, toHex } from "../../shared/bytes.js";

interface Place {
  /** µs since the epoch. */
  readonly at: number;
  readonly direction: TraceDirection | undefined;
  readonly id: number;
  readonly extended: boolean;
}

export type Seen =
  | (Place & {
      readonly kind: "message";
      readonly bytes: Uint8Array;
      readonly frames: number;
      readonly beganAt: number;
    })
  /** Something that a link in order does not show. */
  | (Place & { readonly kind: "fault"; readonly what: string })
  /** A consecutive frame that came sooner than its receiver asked for; ms. */
  | (Place & { readonly kind: "gap"; readonly gap: number; readonly STmin: number })
  | (Place & {
      readonly kind: "flow";
      readonly fs: Exclude<FlowStatus, "CTS">;
      readonly BS: number;
      readonly STmin: number;
    });

interface Reception {
  readonly key: string;
  readonly place: Place;
  readonly length: number;
  readonly parts: Uint8Array[];
  got: number;
  /** Of the next consecutive frame. */
  sn: number;
  frames: number;
  /** ms; undefined before the first flow control. */
  STmin: number | undefined;
  /** µs of the last consecutive frame since the last flow control. */
  last: number | undefined;
}

/** Bytes before N_PCI. */
export type PrefixOf = (frame: FrameRecord["frame"]) => number;

/** Bits 25–16 of 29-bit identifiers with mixed addressing (ISO 15765-2 §10.3.5). */
const MIXED_PF = [0xce, 0xcd];

/** The formats that an identifier alone tells; extended and mixed addressing with 11 bits need a profile. */
export const prefixOfId: PrefixOf = ({ id, extended }) =>
  extended && MIXED_PF.includes((id >>> 16) & 0x3ff) && id >>> 26 !== 0 ? 1 : 0;

export class Reassembler {
  readonly #prefixOf: PrefixOf;
  readonly #open = new Map<string, Reception>();
  /** Where consecutive frames follow that belong to nothing: told once. */
  readonly #astray = new Set<string>();

  constructor(prefixOf: PrefixOf = prefixOfId) {
    this.#prefixOf = prefixOf;
  }

  push({ at, direction, frame }: FrameRecord): Seen[] {
    const { id, extended, data } = frame;
    const place: Place = { at, direction, id, extended };
    const fault = (what: string): Seen => ({ kind: "fault", ...place, what });
    if (frame.remote === true) return [fault("a remote frame, which ISO-TP has not")];
    const prefix = this.#prefixOf(frame);
    const pdu = decodePdu(data, prefix);
    if (pdu === undefined) return [fault(`is no N_PDU: ${toHex(data)}`)];
    const key = `${extended ? "x" : ""}${id}:${toHex(data.subarray(0, prefix))}`;
    if (pdu.kind === "FC") return this.#flow(key, place, pdu);
    if (pdu.kind === "CF") return this.#consecutive(key, place, pdu);
    const seen = this.#interrupted(key, `${pdu.kind} came`, place);
    this.#astray.delete(key);
    if (pdu.kind === "SF") return [...seen, { kind: "message", ...place, bytes: pdu.data, frames: 1, beganAt: at }];
    this.#open.set(key, {
      key,
      place,
      length: pdu.length,
      parts: [pdu.data],
      got: pdu.data.length,
      sn: 1,
      frames: 1,
      STmin: undefined,
      last: undefined,
    });
    return seen;
  }

  /** What never came to its end. */
  end(): Seen[] {
    return [...this.#open.values()].flatMap(({ key, place }) => this.#interrupted(key, "the trace ends", place));
  }

  #interrupted(key: string, why: string, place: Place): Seen[] {
    const open = this.#open.get(key);
    if (open === undefined) return [];
    this.#open.delete(key);
    return [
      {
        kind: "fault",
        ...place,
        what: `consecutive frames are missing: ${open.got} of ${open.length} bytes, then ${why}`,
      },
    ];
  }

  #consecutive(key: string, place: Place, { sn, data }: Pdu & { kind: "CF" }): Seen[] {
    const open = this.#open.get(key);
    if (open === undefined) {
      if (this.#astray.has(key)) return [];
      this.#astray.add(key);
      return [{ kind: "fault", ...place, what: `a consecutive frame (SN ${sn}) without a first frame` }];
    }
    if (sn !== open.sn) {
      this.#open.delete(key);
      this.#astray.add(key);
      const what = `sequence: SN ${sn} (expected ${open.sn}), ${open.got} of ${open.length} bytes were there`;
      return [{ kind: "fault", ...place, what }];
    }
    const seen = gapOf(open, place);
    open.parts.push(data.subarray(0, open.length - open.got));
    open.got += data.length;
    open.sn = (open.sn + 1) & 15;
    open.frames++;
    open.last = place.at;
    if (open.got < open.length) return seen;
    this.#open.delete(key);
    const { frames } = open;
    return [...seen, { kind: "message", ...place, bytes: concat(...open.parts), frames, beganAt: open.place.at }];
  }

  #flow(key: string, place: Place, { fs, BS, STmin }: Pdu & { kind: "FC" }): Seen[] {
    const sender = this.#senderFor(key, place);
    if (fs === undefined) return [{ kind: "fault", ...place, what: "a flow control with a reserved flow status" }];
    if (sender !== undefined) {
      sender.STmin = stMinMs(STmin);
      sender.last = undefined;
      // The message was refused; nothing of it is missing.
      if (fs === "OVFLW") this.#open.delete(sender.key);
    }
    return fs === "CTS" ? [] : [{ kind: "flow", ...place, fs, BS, STmin: stMinMs(STmin) }];
  }

  /** Whose transmission a flow control is for: its peer's by identifier, else the latest that goes the other way. */
  #senderFor(key: string, { id, extended, direction }: Place): Reception | undefined {
    const others = [...this.#open.values()].filter(
      (open) => open.key !== key && (direction === undefined || open.place.direction !== direction),
    );
    const peer = extended ? swapped(id) : id ^ 8;
    return others.find(({ place }) => place.id === peer && place.extended === extended) ?? others.at(-1);
  }
}

/** N_TA and N_SA of an identifier that is made of addresses, the other way round. */
function swapped(id: number): number {
  return (id & 0x1fff_0000) + ((id & 0xff) << 8) + ((id >>> 8) & 0xff);
}

/** Stamps have whole µs. */
const STAMP_MS = 0.001;

function gapOf({ STmin, last }: Reception, place: Place): Seen[] {
  if (STmin === undefined || last === undefined) return [];
  const gap = (place.at - last) / 1_000;
  return gap >= STmin - STAMP_MS ? [] : [{ kind: "gap", ...place, gap, STmin }];
}
