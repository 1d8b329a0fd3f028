/** The journalled store: a save adds one record of what has changed, and now and then the image goes whole into the other area. */
import { concat } from "../../src/shared/bytes.js";
import { describe, StationError } from "../../src/shared/errors.js";
import { type Flash, type FlashOptions, PowerCut, type StepKind } from "./flash.js";
import { AREA_HEADER, decodeJournal, encodeRecord, type Journal } from "./journal.js";
import type { FlashPort } from "./port.js";

const SLACK = 65_536;

export class JournalledFlash implements Flash {
  readonly #port: FlashPort;
  /** For messages. */
  readonly #name: string;
  readonly #options: FlashOptions;
  /** What stands in the area in use; undefined where that is not known, so that the next save replaces it. */
  #journal: Journal | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #steps = 0;
  #cut: PowerCut | undefined;

  constructor(port: FlashPort, name: string, options: FlashOptions) {
    this.#port = port;
    this.#name = name;
    this.#options = options;
  }

  load(): Promise<Uint8Array | undefined> {
    return this.#inTurn(async () => {
      const area = await this.#port.read();
      this.#journal = area === undefined ? undefined : decodeJournal(area);
      return this.#journal?.image.slice();
    });
  }

  save(image: Uint8Array): Promise<void> {
    const copy = image.slice();
    return this.#inTurn(() => this.#save(copy));
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#port.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work).catch((error: unknown) => {
      if (error instanceof PowerCut || error instanceof StationError) throw error;
      throw new StationError("STORE_FAILED", { details: { what: `${this.#name}: ${describe(error)}` }, cause: error });
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #save(image: Uint8Array): Promise<void> {
    if (this.#cut !== undefined) throw this.#cut;
    const journal = this.#journal;
    // Unknown until this has ended well: nothing is written behind a record that may be torn.
    this.#journal = undefined;
    const sequence = (journal?.sequence ?? 0) + 1;
    const record = journal?.end === undefined ? undefined : encodeRecord(sequence, journal.image, image);
    let end: number;
    if (journal?.end === undefined || record === undefined || !this.#fits(journal.end + record.length, image)) {
      end = await this.#replace(sequence, image);
    } else {
      const at = journal.end;
      await this.#write("used", at, record);
      end = at + record.length;
    }
    await this.#step("done", async () => undefined);
    this.#journal = { image, sequence, end };
  }

  #fits(end: number, image: Uint8Array): boolean {
    return end <= image.length + (this.#options.slack ?? SLACK);
  }

  async #replace(sequence: number, image: Uint8Array): Promise<number> {
    const area = concat(AREA_HEADER, encodeRecord(sequence, new Uint8Array(), image));
    await this.#step("erase", () => this.#port.erase());
    await this.#write("spare", 0, area);
    await this.#step("swap", () => this.#port.swap());
    return area.length;
  }

  async #write(area: "used" | "spare", at: number, bytes: Uint8Array): Promise<void> {
    await this.#step("write", (size) => this.#port.write(area, at, bytes.subarray(0, size)), bytes.length);
    await this.#step("sync", () => this.#port.sync(area));
  }

  async #step(kind: StepKind, act: (size: number) => Promise<void>, size = 0): Promise<void> {
    try {
      await this.#options.onStep?.({ count: ++this.#steps, kind, size });
    } catch (error) {
      if (error instanceof PowerCut) {
        this.#cut = error;
        if (size > 0) await act(Math.min(error.bytes, size));
      }
      throw error;
    }
    await act(size);
  }
}
