/** The power of one bay over any output: from cold, within its limits, off at the end. */
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import type { PowerReading, PowerSupply } from "../station/ports.js";
import type { PowerLimits } from "./config.js";

/** One switchable output. @throws StationError POWER_* */
export interface Output {
  /** For messages. */
  readonly name: string;
  /** Undefined where nobody can tell. */
  isOn(signal: AbortSignal): Promise<boolean | undefined>;
  switchOn(signal: AbortSignal): Promise<void>;
  switchOff(signal: AbortSignal): Promise<void>;
  measure(signal: AbortSignal): Promise<PowerReading>;
}

export interface SupplySettings {
  readonly atEnd: "off" | "keep";
  /** ms without power in a cycle. */
  readonly off: number;
  /** ms from on until it is measured. */
  readonly settle: number;
  readonly limits: PowerLimits;
}

export class BaySupply implements PowerSupply {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly output: Output,
    private readonly settings: SupplySettings,
    private readonly clock: Clock,
  ) {}

  on(signal: AbortSignal): Promise<PowerReading> {
    return this.#inTurn(async () => {
      // What a station that was killed left on is no unit from cold.
      const left = this.settings.atEnd === "off" && (await this.output.isOn(signal)) === true;
      if (left) await this.#down(signal);
      return this.#up(signal);
    });
  }

  cycle(signal: AbortSignal): Promise<PowerReading> {
    return this.#inTurn(async () => {
      await this.#down(signal);
      return this.#up(signal);
    });
  }

  end(signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      if (this.settings.atEnd === "keep") return;
      try {
        await this.output.switchOff(signal);
      } catch {
        signal.throwIfAborted();
        // Once more, over a connection of its own.
        await this.output.switchOff(signal);
      }
    });
  }

  /** An end that is asked for while the power goes on waits for it, and has the last word. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #down(signal: AbortSignal): Promise<void> {
    await this.output.switchOff(signal);
    await this.clock.sleep(this.settings.off, signal);
  }

  async #up(signal: AbortSignal): Promise<PowerReading> {
    try {
      await this.output.switchOn(signal);
      await this.clock.sleep(this.settings.settle, signal);
      const reading = await this.output.measure(signal);
      this.#check(reading);
      return reading;
    } catch (error) {
      if (!signal.aborted) await this.output.switchOff(signal).catch(() => undefined);
      throw error;
    }
  }

  #check(reading: PowerReading): void {
    const { limits } = this.settings;
    for (const [name, unit] of [
      ["voltage", "V"],
      ["current", "A"],
    ] as const) {
      const [value, range] = [reading[name], limits[name]];
      if (value === undefined || range === undefined) continue;
      // Whatever is no number is outside, too.
      if (value >= range[0] && value <= range[1]) continue;
      const what = `${this.output.name}: ${value} ${unit} (expected ${range[0]} to ${range[1]} ${unit})`;
      throw new StationError("POWER_OUT_OF_RANGE", { details: { what } });
    }
  }
}
