import type { Flash, FlashOptions } from "./flash.js";
import { decodeJournal } from "./journal.js";
import { JournalledFlash } from "./journalled.js";
import type { Area, FlashPort } from "./port.js";

/** What stays when the power goes: hand the same cell to the next `memoryFlash` to restart on it. */
export type FlashCell = { [area in Area]?: Uint8Array };

/** Flash without a file, for tests, sweeps and ECUs that start new each time. */
export function memoryFlash(cell: FlashCell = {}, options: FlashOptions = {}): Flash {
  return new JournalledFlash(new MemoryPort(cell), "flash in memory", options);
}

/** The image that an ECU would start with on this cell. @throws RangeError for a damaged one */
export function imageIn(cell: FlashCell): Uint8Array | undefined {
  return cell.used === undefined ? undefined : decodeJournal(cell.used).image;
}

class MemoryPort implements FlashPort {
  readonly #cell: FlashCell;

  constructor(cell: FlashCell) {
    this.#cell = cell;
  }

  async read(): Promise<Uint8Array | undefined> {
    return this.#cell.used?.slice();
  }

  async erase(): Promise<void> {
    this.#cell.spare = new Uint8Array();
  }

  async write(area: Area, at: number, bytes: Uint8Array): Promise<void> {
    const grown = new Uint8Array(at + bytes.length);
    grown.set(this.#cell[area]?.subarray(0, at) ?? []);
    grown.set(bytes, at);
    this.#cell[area] = grown;
  }

  async sync(): Promise<void> {
    // Memory keeps what it was given.
  }

  async swap(): Promise<void> {
    const { used, spare } = this.#cell;
    if (spare !== undefined) this.#cell.used = spare;
    if (used === undefined) delete this.#cell.spare;
    else this.#cell.spare = used;
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
