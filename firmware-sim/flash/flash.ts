/** The ECU's non-volatile memory as the rest of the simulator sees it: one image, replaced as a whole. */

/** Places of one save at which the power may fail, in their order. */
export const POWER_POINTS = ["begin", "half-written", "written", "synced", "renamed", "durable"] as const;
export type PowerPoint = (typeof POWER_POINTS)[number];

/** Thrown by an `onPoint` hook to cut the power there; every later save of that flash fails with it too. */
export class PowerCut extends Error {
  constructor(readonly count: number) {
    super(`power cut at flash point ${count}`);
    this.name = "PowerCut";
  }
}

export interface FlashOptions {
  /** Called at every power-cut point of every save; `count` goes up from 1. A PowerCut thrown here stops the flash at that point. */
  readonly onPoint?: (count: number, point: PowerPoint) => void;
}

export interface Flash {
  /**
   * The image last saved; undefined while there is none.
   * @throws StationError STORE_FAILED when it cannot be read or is damaged
   */
  load(): Promise<Uint8Array | undefined>;
  /**
   * Replaces the image. Resolves once it is durable; after a failure or a power cut at any point the old image or the new one is
   * there, whole. Saves happen in the order of the calls.
   * @throws StationError STORE_FAILED, PowerCut
   */
  save(image: Uint8Array): Promise<void>;
  /** Waits for saves under way. */
  close(): Promise<void>;
}

/** Order and power-cut points that every kind of flash shares: each save goes through `run`. */
export class SaveQueue {
  #tail: Promise<void> = Promise.resolve();
  #count = 0;
  #cut: PowerCut | undefined;
  readonly #onPoint: NonNullable<FlashOptions["onPoint"]>;

  constructor(options: FlashOptions) {
    this.#onPoint = options.onPoint ?? (() => undefined);
  }

  run(save: (reach: (point: PowerPoint) => void) => Promise<void>): Promise<void> {
    const done = this.#tail.then(() => {
      if (this.#cut !== undefined) throw this.#cut;
      return save((point) => this.#reach(point));
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  idle(): Promise<void> {
    return this.#tail;
  }

  #reach(point: PowerPoint): void {
    try {
      this.#onPoint(++this.#count, point);
    } catch (error) {
      if (error instanceof PowerCut) this.#cut = error;
      throw error;
    }
  }
}
