/** A place at a bus that holds one unit, or none: its power can fail, the unit can be taken out and another put in. */
import type { EcuProfile } from "../../src/profiles/loader.js";
import { toHex } from "../../src/shared/bytes.js";
import type { Clock, Timer } from "../../src/shared/clock.js";
import { StationError } from "../../src/shared/errors.js";
import { type Counters, newCounters } from "../counters.js";
import type { Ecu, EcuOptions } from "../ecu.js";
import type { EcuFacts } from "../facts.js";
import type { Fault } from "../faults/faults.js";
import { FaultSet } from "../faults/set.js";
import { FaultPowerCut } from "../faults/unit.js";
import { type Flash, type FlashOptions, PowerCut } from "../flash/flash.js";
import type { UnitOptions } from "../identity.js";

/** A unit as it lies on the table: its flash, and what it becomes where that is new. */
export interface Unit {
  flash(options: FlashOptions): Flash;
  readonly options: UnitOptions;
  /** Source of its EcuID. Default: random. */
  readonly random?: (length: number) => Uint8Array;
}

/** What the place gives to an ECU that starts in it. */
export type PlaceParts = Pick<EcuOptions, "flash" | "faults" | "counters" | "unit" | "unitRandom" | "onFatal">;

export interface PlaceOptions {
  readonly profile: EcuProfile;
  readonly clock: Clock;
  readonly wire: "can" | "kline";
  readonly faults: readonly Fault[];
  /** Starts an ECU on the bus of this place. */
  readonly start: (parts: PlaceParts) => Promise<Ecu>;
  /** An ECU stopped by itself for another reason than its power. */
  readonly onFatal: (error: unknown) => void;
}

export interface PlaceStatus {
  readonly power: "on" | "off";
  readonly unit: boolean;
  /** Hex; null while it has no power. */
  readonly ecuId: string | null;
  /** Specs. */
  readonly faults: readonly string[];
  readonly counters: Readonly<Counters>;
  /** null while it has no power. */
  readonly facts: EcuFacts | null;
}

/** Faults and counters belong to the place: they stay when power or unit change. */
export class Place {
  readonly faults: FaultSet;
  readonly #counters = newCounters();
  readonly #options: PlaceOptions;
  #unit: Unit | undefined;
  #ecu: Ecu | undefined;
  /** Bumped whenever the power goes: what an ECU of before still does must not reach the flash. */
  #life = 0;
  #restart: Timer | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  /** Ends when the ECUs of before are still. */
  #closing: Promise<unknown> = Promise.resolve();

  private constructor(options: PlaceOptions) {
    this.#options = options;
    this.faults = new FaultSet(options, options.faults);
  }

  /** With a unit that has power. @throws StationError as createEcu, and USAGE for a fault that the wire has not */
  static async open(options: PlaceOptions, unit: Unit): Promise<Place> {
    const place = new Place(options);
    await place.insert(unit);
    return place;
  }

  get status(): PlaceStatus {
    const ecu = this.#ecu;
    const { workingMs, longestMs, resettingMs } = this.#counters;
    const times = { workingMs: rounded(workingMs), longestMs: rounded(longestMs), resettingMs: rounded(resettingMs) };
    return {
      power: ecu === undefined ? "off" : "on",
      unit: this.#unit !== undefined,
      ecuId: ecu === undefined ? null : toHex(ecu.identity.ecuId),
      faults: this.faults.specs,
      counters: { ...this.#counters, ...times },
      facts: ecu?.facts() ?? null,
    };
  }

  /** Turns the power of the unit on or off at once, whatever it does: RAM is lost, the flash kept. @throws StationError as createEcu, USAGE without a unit */
  power(on: boolean): Promise<void> {
    if (!on) this.#cut();
    return this.#inTurn(async () => {
      await this.#closing;
      if (on) await this.#powerOn();
    });
  }

  /** Takes the unit out; nothing without one. */
  remove(): Promise<void> {
    this.#cut();
    return this.#inTurn(async () => {
      await this.#closing;
      this.#unit = undefined;
    });
  }

  /** Puts a unit in, in place of one that is there, and turns its power on. @throws StationError as createEcu; the place is empty then */
  async insert(unit: Unit): Promise<void> {
    await this.remove();
    return this.#inTurn(async () => {
      this.#unit = unit;
      try {
        await this.#powerOn();
      } catch (error) {
        this.#unit = undefined;
        throw error;
      }
    });
  }

  /** @throws StationError USAGE without power, or where the ECU keeps no trouble codes */
  setDtc(code: number, failed: boolean): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#ecu === undefined) throw refused("the unit has no power");
      await this.#ecu.setDtc(code, failed);
    });
  }

  async close(): Promise<void> {
    this.#restart?.cancel();
    const ecu = this.#ecu;
    this.#ecu = undefined;
    this.#leave(ecu);
    await this.#inTurn(() => this.#closing);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  #cut(): void {
    this.#life++;
    this.#restart?.cancel();
    const ecu = this.#ecu;
    this.#ecu = undefined;
    this.#leave(ecu);
  }

  /** Silent at once. What a fault holds is let go after that, so that nothing is answered any more. */
  #leave(ecu: Ecu | undefined): void {
    this.#closing = Promise.all([this.#closing, ecu?.close()]);
    this.faults.letGo();
  }

  async #powerOn(): Promise<void> {
    const unit = this.#unit;
    if (unit === undefined) throw refused("there is no unit in this place");
    if (this.#ecu !== undefined) return;
    const life = ++this.#life;
    const flash = unit.flash({
      onStep: async (step) => {
        if (life === this.#life) await this.faults.onStep(step);
        if (life !== this.#life) throw new PowerCut(step.count);
        if (step.kind === "write") this.#counters.flashWrites++;
      },
    });
    try {
      const ecu = await this.#options.start({
        flash,
        faults: this.faults,
        counters: this.#counters,
        unit: unit.options,
        ...(unit.random === undefined ? {} : { unitRandom: unit.random }),
        onFatal: (error) => this.#stopped(error, life),
      });
      if (life === this.#life) this.#ecu = ecu;
      else this.#leave(ecu);
    } catch (error) {
      await flash.close();
      if (!(error instanceof PowerCut)) throw error;
      this.#stopped(error, life);
    }
  }

  #stopped(error: unknown, life: number): void {
    if (life !== this.#life) return;
    this.#cut();
    const { clock, onFatal } = this.#options;
    if (!(error instanceof PowerCut)) onFatal(error);
    if (error instanceof FaultPowerCut && error.offFor !== undefined)
      this.#restart = clock.timer(error.offFor, () => void this.power(true).catch(onFatal));
  }
}

const refused = (what: string): StationError => new StationError("USAGE", { details: { what } });

/** µs are enough. */
const rounded = (ms: number): number => Math.round(ms * 1_000) / 1_000;
