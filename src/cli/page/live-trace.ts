/** What passes the bays' buses, as it comes. */
import type { TraceLine } from "../../hmi/contract/views.js";
import type { Clock } from "../../shared/clock.js";
import { Listeners } from "../../shared/listeners.js";
import type { BusWatch } from "../traces.js";
import { LineMaker } from "./trace-lines.js";

/** Lines of a bay that are kept for a page that opens later. */
const KEPT = 500;

interface BayTrace {
  recent: TraceLine[];
  readonly added: Listeners<[TraceLine]>;
}

export class LiveTraces {
  readonly #bays: ReadonlyMap<string, BayTrace>;
  readonly #clock: Clock;

  constructor(bays: readonly string[], clock: Clock) {
    this.#bays = new Map(bays.map((name) => [name, { recent: [], added: new Listeners<[TraceLine]>() }]));
    this.#clock = clock;
  }

  of(bay: string): { readonly recent: readonly TraceLine[]; readonly added: Listeners<[TraceLine]> } {
    return this.#bays.get(bay) ?? { recent: [], added: new Listeners() };
  }

  /** Watches one run of a bay; what the run before left there is forgotten. */
  watch(bay: string): BusWatch {
    const trace = this.#bays.get(bay);
    const maker = new LineMaker();
    if (trace !== undefined) trace.recent = [];
    const tell = (record: Parameters<LineMaker["lines"]>[0]) => {
      if (trace === undefined) return;
      for (const line of maker.lines(record)) {
        trace.recent.push(line);
        trace.added.emit(line);
      }
      if (trace.recent.length > 2 * KEPT) trace.recent = trace.recent.slice(-KEPT);
    };
    return {
      frame: (direction, frame, at) => tell({ kind: "frame", direction, frame, at: this.#us(at) }),
      note: (text) => tell({ kind: "note", text, at: this.#us(this.#clock.monotonic()) }),
    };
  }

  /** µs since the epoch of a monotonic time. */
  #us(at: number): number {
    return Math.round((this.#clock.now() - this.#clock.monotonic() + at) * 1_000);
  }
}
