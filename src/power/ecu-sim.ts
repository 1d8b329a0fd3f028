/** The plug of a simulated ECU, over its control socket (docs/ecu-simulator.md#control). */
import { StationError } from "../shared/errors.js";
import type { PowerReading } from "../station/ports.js";
import type { Instrument } from "./instrument.js";
import type { Output } from "./supply.js";

interface Answer {
  readonly ok?: unknown;
  readonly error?: unknown;
  readonly ecus?: readonly { readonly power?: unknown }[];
}

export class SimulatorOutput implements Output {
  readonly name: string;

  constructor(
    private readonly instrument: Instrument,
    /** Number of the ECU within its program. */
    private readonly ecu: number,
  ) {
    this.name = instrument.name;
  }

  isOn(signal: AbortSignal): Promise<boolean> {
    return this.#command({ cmd: "status" }, signal);
  }

  async switchOn(signal: AbortSignal): Promise<void> {
    await this.#switch(true, signal);
  }

  async switchOff(signal: AbortSignal): Promise<void> {
    await this.#switch(false, signal);
  }

  async measure(): Promise<PowerReading> {
    return {};
  }

  async #switch(on: boolean, signal: AbortSignal): Promise<void> {
    if ((await this.#command({ cmd: "power", on }, signal)) !== on)
      throw this.#refused(`it is ${on ? "off" : "on"} all the same`);
  }

  /** Whether it is on behind the command. */
  #command(command: object, signal: AbortSignal): Promise<boolean> {
    return this.instrument.use(signal, async ({ ask }) => {
      const line = await ask(JSON.stringify({ ...command, ecu: this.ecu }));
      let answer: Answer | null;
      try {
        answer = JSON.parse(line) as Answer | null;
      } catch {
        throw this.#refused("its answer is no JSON");
      }
      if (answer?.ok !== true) throw this.#refused(String(answer?.error));
      return answer.ecus?.[0]?.power === "on";
    });
  }

  #refused(what: string): StationError {
    return new StationError("POWER_REFUSED", { details: { what: `${this.name}: ${what}` } });
  }
}
