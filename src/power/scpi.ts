/** An output of an instrument that speaks SCPI (SCPI-1999, IEEE 488.2). */
import { StationError } from "../shared/errors.js";
import type { PowerReading } from "../station/ports.js";
import { SCPI_COMMANDS, type ScpiCommand } from "./config.js";
import type { Dialogue, Instrument } from "./instrument.js";
import type { Output } from "./supply.js";

export interface ScpiSettings {
  /** V and A. */
  readonly voltage: number;
  readonly current: number;
  /** Of an instrument with several outputs. */
  readonly channel: number | undefined;
  readonly commands: Readonly<Partial<Record<ScpiCommand, string | undefined>>>;
}

/** Part of a value that an instrument may round it by, and least V or A. */
const ROUNDING = { part: 0.01, least: 0.02 } as const;
/** Errors that are read at most to empty an instrument's queue. */
const MAX_ERRORS = 32;

export class ScpiOutput implements Output {
  readonly name: string;

  constructor(
    private readonly instrument: Instrument,
    private readonly settings: ScpiSettings,
  ) {
    const { channel } = settings;
    this.name = channel === undefined ? instrument.name : `${instrument.name}, output ${channel}`;
  }

  isOn(signal: AbortSignal): Promise<boolean> {
    return this.#use(signal, (dialogue) => this.#askOn(dialogue));
  }

  switchOn(signal: AbortSignal): Promise<void> {
    return this.#use(signal, async (dialogue) => {
      await dialogue.tell("*CLS");
      for (const name of ["voltage", "current"] as const) await dialogue.tell(this.#command(name, this.settings[name]));
      await this.#assertNoError(dialogue);
      await this.#assertSet(dialogue, "voltage", "askVoltage", "V");
      await this.#assertSet(dialogue, "current", "askCurrent", "A");
      await this.#switch(dialogue, true);
    });
  }

  switchOff(signal: AbortSignal): Promise<void> {
    return this.#use(signal, async (dialogue) => {
      await dialogue.tell("*CLS");
      await this.#switch(dialogue, false);
    });
  }

  measure(signal: AbortSignal): Promise<PowerReading> {
    return this.#use(signal, async (dialogue) => ({
      voltage: await this.#number(dialogue, "measureVoltage"),
      current: await this.#number(dialogue, "measureCurrent"),
    }));
  }

  #use<T>(signal: AbortSignal, work: (dialogue: Dialogue) => Promise<T>): Promise<T> {
    return this.instrument.use(signal, async (dialogue) => {
      if (this.settings.channel !== undefined) await dialogue.tell(this.#command("select"));
      return work(dialogue);
    });
  }

  async #switch(dialogue: Dialogue, on: boolean): Promise<void> {
    await dialogue.tell(this.#command(on ? "on" : "off"));
    await this.#assertNoError(dialogue);
    if ((await this.#askOn(dialogue)) !== on) throw this.#refused(`its output is ${on ? "off" : "on"} all the same`);
  }

  async #askOn(dialogue: Dialogue): Promise<boolean> {
    const command = this.#command("askOn");
    const answer = (await dialogue.ask(command)).toUpperCase();
    if (answer === "ON") return true;
    if (answer === "OFF") return false;
    const value = Number(answer);
    if (answer === "" || (value !== 0 && value !== 1)) throw this.#refused(`${command} gave ${JSON.stringify(answer)}`);
    return value === 1;
  }

  async #assertSet(dialogue: Dialogue, name: "voltage" | "current", ask: ScpiCommand, unit: string): Promise<void> {
    const wanted = this.settings[name];
    const held = await this.#number(dialogue, ask);
    if (Math.abs(held - wanted) <= Math.max(ROUNDING.least, ROUNDING.part * wanted)) return;
    throw this.#refused(`it holds ${held} ${unit} where ${wanted} ${unit} was set`);
  }

  async #number(dialogue: Dialogue, ask: ScpiCommand): Promise<number> {
    const command = this.#command(ask);
    const answer = await dialogue.ask(command);
    // NR1, NR2 or NR3; 9.9E37 stands for a value that there is not.
    const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d+)?/i.test(answer) ? Number.parseFloat(answer) : Number.NaN;
    if (!(Math.abs(value) < 1e9)) throw this.#refused(`${command} gave ${JSON.stringify(answer.slice(0, 80))}`);
    return value;
  }

  /** Empties the queue; the first error counts. */
  async #assertNoError(dialogue: Dialogue): Promise<void> {
    let first: string | undefined;
    for (let i = 0; i < MAX_ERRORS; i++) {
      const answer = await dialogue.ask("SYST:ERR?");
      if (/^[+-]?0+\b/.test(answer)) break;
      first ??= answer;
    }
    if (first !== undefined) throw this.#refused(first.slice(0, 120));
  }

  #command(name: ScpiCommand, value?: number): string {
    const { commands, channel } = this.settings;
    const template = commands[name] ?? SCPI_COMMANDS[name];
    return template.replaceAll("{value}", String(value ?? "")).replaceAll("{channel}", String(channel ?? ""));
  }

  #refused(what: string): StationError {
    return new StationError("POWER_REFUSED", { details: { what: `${this.name}: ${what}` } });
  }
}
