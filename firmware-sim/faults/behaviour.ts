/** What a fault does once it is set on an ECU: hooks at the places where the simulator can go wrong. */
import type { CanFrame } from "../../src/ecu/link/link.js";
import type { Admission } from "../../src/ecu/transport/isotp/options.js";
import type { EcuProfile } from "../../src/profiles/loader.js";
import type { Clock } from "../../src/shared/clock.js";
import type { EcuLabels } from "../dids.js";
import type { StepHook } from "../flash/flash.js";

/** Seen from the ECU: `in` are requests, `out` what it says. */
export type Direction = "in" | "out";

/** A frame on its way, `delay` ms late. */
export interface Passing {
  readonly frame: CanFrame;
  readonly delay: number;
}

/** The ECU that a fault is set on. */
export interface FaultContext {
  readonly profile: EcuProfile;
  readonly clock: Clock;
  /** What it talks on. Default `can`. */
  readonly wire?: "can" | "kline";
}

/** Waits of a behaviour, which end early when it lets go. */
export class Waits {
  readonly #clock: Clock;
  readonly #held = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param ms left out: until it lets go */
  wait(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : this.#clock.timer(ms, () => go());
      const go = () => {
        timer?.cancel();
        this.#held.delete(go);
        resolve();
      };
      this.#held.add(go);
    });
  }

  letGo(): void {
    for (const go of [...this.#held]) go();
  }
}

/** Made once for each fault and ECU, with counters of its own; they count from then on, over power cuts and other units. */
export interface Behaviour {
  /** A request arrived: not heard, or refused unserved. */
  request?(request: Uint8Array): "silent" | { readonly nrc: number } | undefined;
  /** Before a request is served: holds it until the promise settles, or resets the ECU instead. */
  start?(request: Uint8Array): Promise<void> | "reset" | undefined;
  /** A final answer is ready: what is sent in its place, undefined for nothing; or the ECU resets instead. */
  answer?(request: Uint8Array, answer: Uint8Array): Uint8Array | "reset" | undefined;
  /** What flow control says to a segmented request of `length` bytes, or to its next block. */
  admit?(length: number): Admission;
  /** What becomes of a frame. */
  frame?(direction: Direction, frame: CanFrame): readonly Passing[];
  /** Before each step of the flash. @throws PowerCut */
  readonly flash?: StepHook;
  /** Changes what the ECU says it is. */
  label?(labels: EcuLabels): EcuLabels;
  /** ms that the ECU's clock is ahead of what it should show. @param setAt host's time at which it was set last, ms */
  skew?(setAt: number): number;
  /** The fault was cleared, or the power went: what it holds goes on. */
  letGo?(): void;
}
