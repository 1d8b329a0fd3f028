import { type Timer, VirtualClock } from "../../../src/shared/clock.js";

/** A virtual clock whose wall time somebody sets. */
export class SetClock extends VirtualClock {
  #ahead = 0;

  override now(): number {
    return super.now() + this.#ahead;
  }

  /** @param by ms */
  set(by: number): void {
    this.#ahead += by;
  }

  /** Sets the clock when the work that asks for it is at work. */
  setSoon(by: number): Timer {
    return this.timer(0, () => this.set(by));
  }
}
