/** The times that a run's journal and record have. */
import type { Clock } from "../../shared/clock.js";
import type { InterruptedRun } from "../ports.js";

/**
 * The wall clock's time at the beginning of a run's life, and from there on by the monotonic clock: one that is set meanwhile neither puts
 * an end before its beginning nor stretches what lies between.
 */
export class RunTime {
  readonly #wall: number;
  readonly #from: number;

  /** @param notBefore ms since the epoch that earlier lives have come to */
  constructor(
    private readonly clock: Pick<Clock, "now" | "monotonic">,
    notBefore = Number.NEGATIVE_INFINITY,
  ) {
    this.#wall = Math.max(clock.now(), notBefore);
    this.#from = clock.monotonic();
  }

  /** Whole ms since the epoch. */
  now(): number {
    return Math.round(this.#wall + this.clock.monotonic() - this.#from);
  }
}

/** The latest time that an interrupted run's journal knows, ms since the epoch. */
export function lastTimeOf({ header, entries }: Pick<InterruptedRun, "header" | "entries">): number {
  return Math.max(header.startedAt, ...entries.map(({ at }) => at));
}
