/**
 * Looks for secrets in what a program leaves behind: any 8 bytes of one that follow each other, raw, in hex of either case, or in base64
 * or base64url at any alignment.
 */
import { toHex } from "../src/shared/bytes.js";

export interface TestSecret {
  readonly name: string;
  /** At least 8, of which no 8 in a row are bytes that stand anywhere else. */
  readonly bytes: Uint8Array;
}

export interface Leak {
  readonly secret: string;
  readonly form: "raw" | "hex" | "base64";
  /** Offset in the bytes that were searched. */
  readonly at: number;
}

const WINDOW = 8;
/** Characters of base64 that such a window alone decides, whatever stands before and behind it. */
const BASE64_CHARS = 10;
const PREFIX_BITS = 16;

interface Needle {
  readonly secret: string;
  readonly bytes: Buffer;
}

/** Needles of one form, found by their first four bytes. */
class Index {
  readonly #byPrefix = new Map<number, Needle[]>();
  readonly #likely = new Uint8Array(2 ** PREFIX_BITS);

  add(secret: string, bytes: Buffer): void {
    const prefix = bytes.readUInt32BE(0);
    const known = this.#byPrefix.get(prefix);
    if (known === undefined) this.#byPrefix.set(prefix, [{ secret, bytes }]);
    else known.push({ secret, bytes });
    this.#likely[prefix & (this.#likely.length - 1)] = 1;
  }

  /** The first place of each secret. */
  find(hay: Uint8Array): Map<string, number> {
    const found = new Map<string, number>();
    const mask = this.#likely.length - 1;
    let prefix = 0;
    for (let end = 0; end < hay.length; end++) {
      prefix = ((prefix << 8) | (hay[end] ?? 0)) >>> 0;
      if (end < 3 || this.#likely[prefix & mask] === 0) continue;
      for (const { secret, bytes } of this.#byPrefix.get(prefix) ?? []) {
        const at = end - 3;
        if (!found.has(secret) && bytes.equals(hay.subarray(at, at + bytes.length))) found.set(secret, at);
      }
    }
    return found;
  }
}

export class LeakFinder {
  readonly #raw = new Index();
  readonly #hex = new Index();
  readonly #base64 = new Index();

  /** @throws Error for a secret that is too short or too plain to look for */
  constructor(secrets: readonly TestSecret[]) {
    for (const { name, bytes } of secrets) {
      if (bytes.length < WINDOW) throw new Error(`${name} is shorter than ${WINDOW} bytes`);
      for (let at = 0; at + WINDOW <= bytes.length; at++) {
        const part = Buffer.from(bytes.subarray(at, at + WINDOW));
        if (new Set(part).size < 4) throw new Error(`${name} has too plain a part: ${toHex(part)}`);
        this.#raw.add(name, part);
        this.#hex.add(name, Buffer.from(toHex(part)));
        for (let before = 0; before < 3; before++) {
          const text = Buffer.concat([Buffer.alloc(before), part]).toString("base64");
          const from = Math.ceil((before * 8) / 6);
          this.#base64.add(name, Buffer.from(text.slice(from, from + BASE64_CHARS)));
        }
      }
    }
  }

  /** Each secret's first place in each form. */
  find(bytes: Uint8Array): Leak[] {
    const text = Buffer.from(bytes).toString("latin1");
    const forms = [
      ["raw", this.#raw.find(bytes)],
      [
        "hex",
        this.#hex.find(
          Buffer.from(
            text.replace(/[A-F]/g, (digit) => digit.toLowerCase()),
            "latin1",
          ),
        ),
      ],
      ["base64", this.#base64.find(Buffer.from(text.replaceAll("-", "+").replaceAll("_", "/"), "latin1"))],
    ] as const;
    return forms.flatMap(([form, places]) => [...places].map(([secret, at]) => ({ secret, form, at })));
  }
}
