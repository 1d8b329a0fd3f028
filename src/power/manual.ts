/** A supply that the person at the bay switches. */
import { StationError } from "../shared/errors.js";
import type { LocalText, Operator, PowerReading } from "../station/ports.js";
import type { Output } from "./supply.js";

const DONE = { value: "done", text: { ko: "완료", en: "Done" } } as const;

const TEXTS = {
  on: (bay: string) => ({ ko: `베이 ${bay}: 유닛의 전원을 켜십시오.`, en: `Bay ${bay}: switch the unit on.` }),
  off: (bay: string) => ({ ko: `베이 ${bay}: 유닛의 전원을 끄십시오.`, en: `Bay ${bay}: switch the unit off.` }),
} as const satisfies Record<string, (bay: string) => LocalText>;

export class ManualOutput implements Output {
  readonly name = "manual:";

  constructor(
    private readonly bay: string,
    /** Who stands there; left out, nobody can be asked. */
    private readonly operator: Operator | undefined,
  ) {}

  async isOn(): Promise<undefined> {
    return undefined;
  }

  switchOn(signal: AbortSignal): Promise<void> {
    return this.#ask("on", signal);
  }

  switchOff(signal: AbortSignal): Promise<void> {
    return this.#ask("off", signal);
  }

  async measure(): Promise<PowerReading> {
    return {};
  }

  async #ask(what: keyof typeof TEXTS, signal: AbortSignal): Promise<void> {
    if (this.operator === undefined) {
      throw new StationError("POWER_UNATTENDED", { details: { what: `${this.name} bay ${this.bay}` } });
    }
    await this.operator.ask({ text: TEXTS[what](this.bay), choices: [DONE] }, signal);
  }
}
