/** The ECU's non-volatile memory as the rest of the simulator sees it: one image, which changes as a whole. */

/**
 * Steps of the hardware, each of which the power may cut: `erase`, `write` and `sync` of an area, `swap` of the two areas, and `done`,
 * which touches nothing: a save is durable and its caller does not know yet.
 */
export type StepKind = "erase" | "write" | "sync" | "swap" | "done";

export interface FlashStep {
  /** From 1, over the life of this flash object. */
  readonly count: number;
  readonly kind: StepKind;
  /** Bytes of a `write`; else 0. */
  readonly size: number;
}

/** Thrown by an `onStep` hook to cut the power there; every later save of that flash fails with it too. */
export class PowerCut extends Error {
  /** @param bytes of a `write` that reach the memory before the end; nothing of any other step does */
  constructor(
    readonly count: number,
    readonly bytes = 0,
  ) {
    super(`power cut at flash step ${count}`);
    this.name = "PowerCut";
  }
}

/** Called before each step, which waits for it. */
export type StepHook = (step: FlashStep) => void | Promise<void>;

export interface FlashOptions {
  /** Default: nothing happens. */
  readonly onStep?: StepHook;
  /** Bytes of changes that an area holds beside its image before the image is written anew into the other one. Default 65,536. */
  readonly slack?: number;
}

/** A hook that cuts the power at the step of that number. @param bytes of it that are written; default: half of them */
export function powerCutAt(count: number, bytes?: number): StepHook {
  return (step) => {
    if (step.count === count) throw new PowerCut(count, bytes ?? step.size >> 1);
  };
}

export interface Flash {
  /**
   * The image last saved; undefined while there is none.
   * @throws StationError STORE_FAILED when it cannot be read or is damaged
   */
  load(): Promise<Uint8Array | undefined>;
  /**
   * Replaces the image. Resolves once it is durable; after a failure or a power cut at any step the old image or the new one is
   * there, whole. Saves happen in the order of the calls.
   * @throws StationError STORE_FAILED, PowerCut
   */
  save(image: Uint8Array): Promise<void>;
  /** Waits for saves under way. */
  close(): Promise<void>;
}
