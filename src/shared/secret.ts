import { inspect } from "node:util";
import { fromHex } from "./bytes.js";

const REDACTED = "[redacted]";

/**
 * Key material that must not be printed: every way to text gives `[redacted]`. The bytes are reached by `use` alone and are
 * zeroed by `wipe`, after which `use` throws.
 */
export class Secret {
  #bytes: Uint8Array | undefined;

  /** Takes ownership of `bytes`: the caller keeps no copy. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  static fromHex(hex: string): Secret {
    return new Secret(fromHex(hex));
  }

  get length(): number {
    return this.#bytes?.length ?? 0;
  }

  get wiped(): boolean {
    return this.#bytes === undefined;
  }

  /** Lends the bytes to `work`, which must not keep them. */
  use<T>(work: (bytes: Uint8Array) => T): T {
    if (this.#bytes === undefined) throw new Error("secret used after it was wiped");
    return work(this.#bytes);
  }

  /** As `use`, the last time: the bytes are wiped behind `work`, which must be synchronous. */
  spend<T>(work: (bytes: Uint8Array) => T): T {
    try {
      return this.use(work);
    } finally {
      this.wipe();
    }
  }

  wipe(): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
