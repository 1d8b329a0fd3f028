/** Which place of a run a frame is: request, role in its message, phase. For normal addressing, where the PCI is the first byte. */
import { toHex } from "../../../src/shared/bytes.js";

export const PHASES = [
  ...([
    "identify",
    "security",
    "clock",
    "vin",
    "read",
    "keyPair",
    "csr",
    "install",
    "prove",
    "loadKey",
    "mac",
    "lock",
  ] as const),
  ...(["reset", "return", "finish", "readBack", "teardown"] as const),
];
export type Phase = (typeof PHASES)[number];

/** Phases that settle by themselves what a lost message left open: the station asks the ECU, and sends again what is not there. */
export const SETTLED: readonly Phase[] = ["install", "loadKey"];
/** Requests that may reach the ECU twice: the session repeats them where an answer was lost. */
export const REPEATED: readonly Phase[] = [
  ...(["identify", "clock", "vin", "read", "csr", "prove", "mac", "lock", "finish", "readBack"] as const),
];

export interface Place {
  /** The same in every run that goes the same way. */
  readonly key: string;
  readonly phase: Phase;
  readonly to: "ecu" | "station";
  readonly kind: "SF" | "FF" | "CF" | "FC";
  /** Whether the frame serves the request or the response. */
  readonly half: "request" | "response";
  /** Ends its message; a single frame always does. */
  readonly last: boolean;
  /** The consecutive frame before the last one. */
  readonly lastButOne: boolean;
  /** 0x78 responsePending. */
  readonly pending: boolean;
  /** A response behind a 0x78, so that P2* runs. */
  readonly announced: boolean;
  /** Number of bytes that mean something; padding follows. */
  readonly used: number;
  readonly data: string;
}

const KINDS = ["SF", "FF", "CF", "FC"] as const;

/** Phase by the first bytes of the request; the first that fits. Behind the reset `identify` is `finish`, `read` is `readBack`. */
const PHASE_OF: readonly (readonly [RegExp, Phase])[] = [
  [/^1001/, "teardown"],
  [/^11/, "reset"],
  [/^3e/, "return"],
  [/^22f1c/, "read"],
  [/^22f1d/, "csr"],
  [/^22/, "identify"],
  [/^(10|27)/, "security"],
  [/^2ef1b0/, "clock"],
  [/^2e/, "vin"],
  [/^31..0210/, "loadKey"],
  [/^31..0211/, "mac"],
  [/^31..0220/, "keyPair"],
  [/^(34|36|37|31..0221)/, "install"],
  [/^31..0222/, "prove"],
  [/^31..0230/, "lock"],
];

export class PlaceReader {
  #exchange = 0;
  #request = "";
  #reset = false;
  #announced = false;
  /** Bytes that are still to come of each side's message. */
  readonly #left = { ecu: 0, station: 0 };
  readonly #counts = new Map<string, number>();

  read(to: Place["to"], data: Uint8Array): Place {
    const kind = KINDS[(data[0] ?? 0) >> 4];
    if (kind === undefined) throw new Error(`no PCI: ${toHex(data)}`);
    if (to === "ecu" && (kind === "SF" || kind === "FF")) {
      this.#exchange++;
      this.#counts.clear();
      this.#announced = false;
      this.#request = toHex(data.subarray(kind === "SF" && data[0] !== 0 ? 1 : 2));
    }
    const half = (to === "ecu") === (kind !== "FC") ? "request" : "response";
    const part = `${half} ${kind}`;
    const count = (this.#counts.get(part) ?? 0) + 1;
    this.#counts.set(part, count);
    const phase = this.#phase();
    const used = this.#used(to, kind, data);
    const last = kind === "SF" || (kind === "CF" && this.#left[to] === 0);
    const left = this.#left[to];
    const lastButOne = kind === "CF" && left > 0 && left < data.length;
    const hex = toHex(data);
    const pending = to === "station" && /^037f..78/.test(hex);
    const announced = this.#announced && to === "station";
    this.#announced ||= pending;
    const key = `${this.#exchange} ${part} ${count}`;
    return { key, phase, to, kind, half, last, lastButOne, pending, announced, used, data: hex };
  }

  /** Bytes of the frame that mean something. */
  #used(to: Place["to"], kind: Place["kind"], data: Uint8Array): number {
    const [first = 0, second = 0] = data;
    switch (kind) {
      case "SF":
        return first === 0 ? 2 + second : 1 + first;
      case "FC":
        return 3;
      case "FF":
        this.#left[to] = ((first & 0xf) << 8) + second + 2 - data.length;
        return data.length;
      case "CF": {
        const part = Math.min(this.#left[to], data.length - 1);
        this.#left[to] -= part;
        return 1 + part;
      }
    }
  }

  #phase(): Phase {
    const found = PHASE_OF.find(([pattern]) => pattern.test(this.#request))?.[1];
    if (found === undefined) throw new Error(`request of no phase: ${this.#request}`);
    this.#reset ||= found === "reset";
    if (!this.#reset) return found;
    return found === "identify" ? "finish" : found === "read" ? "readBack" : found;
  }
}
