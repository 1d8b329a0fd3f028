/** Frames of a bus made into the lines that the page shows. */
import type { TraceLine } from "../../hmi/contract/views.js";
import type { TraceRecord } from "../../records/trace/frame.js";
import { toHex } from "../../shared/bytes.js";
import { roleOf, sayOf } from "../trace/lines.js";
import { type PrefixOf, Reassembler, type Seen } from "../trace/reassembly.js";

const US = 1_000;
const STEP = /^step (.+)$/;

/** Reads one bus in order; knows the step that goes on from the notes between the frames. */
export class LineMaker {
  readonly #reassembler: Reassembler;
  #step: string | undefined;

  constructor(prefixOf?: PrefixOf) {
    this.#reassembler = new Reassembler(prefixOf);
  }

  lines(record: TraceRecord): readonly TraceLine[] {
    if (record.kind === "note") {
      this.#step = STEP.exec(record.text)?.[1] ?? this.#step;
      return [this.#line(record.at, "note", record.text, "")];
    }
    if (record.frame.error === true) return [this.#line(record.at, "fault", sayOf(record), "")];
    return this.#reassembler.push(record).flatMap((seen) => this.#seen(seen));
  }

  #seen(seen: Seen): TraceLine[] {
    // A receiver that waits is no fault, and no message.
    if (seen.kind === "flow") return [this.#line(seen.at, "note", sayOf(seen), "")];
    if (seen.kind !== "message") return [this.#line(seen.at, "fault", sayOf(seen), "")];
    return [this.#line(seen.at, roleOf(seen.bytes), sayOf(seen), toHex(seen.bytes))];
  }

  #line(at: number, kind: TraceLine["kind"], text: string, hex: string): TraceLine {
    return { at: at / US, kind, ...(this.#step === undefined ? {} : { step: this.#step }), text, hex };
  }
}
