/** Lines on their way to the other side of an slcan stream. */
import type { ByteStream } from "../stream.js";

/** Bytes that the first write has room for; a longer one gets more. */
const ROOM = 1_024;

/** Puts the lines of one turn into one write: a write costs far more than a line. */
export class LineWriter {
  readonly #stream: ByteStream;
  readonly #failed: (error: unknown) => void;
  #bytes = new Uint8Array(ROOM);
  #length = 0;
  #written: Promise<void> | undefined;

  /** @param failed called for each write that fails */
  constructor(stream: ByteStream, failed: (error: unknown) => void) {
    this.#stream = stream;
    this.#failed = failed;
  }

  /** Resolves when the operating system has taken the line and those beside it. A caller may let the answer be. */
  write(line: Uint8Array): Promise<void> {
    const end = this.#length + line.length;
    if (end > this.#bytes.length) {
      const more = new Uint8Array(2 * end);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    this.#bytes.set(line, this.#length);
    this.#length = end;
    if (this.#written === undefined) {
      this.#written = Promise.resolve().then(() => this.#flush());
      this.#written.catch(this.#failed);
    }
    return this.#written;
  }

  #flush(): Promise<void> {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    this.#written = undefined;
    return this.#stream.write(bytes);
  }
}
