/** The power of the configuration's bays. */
import type { AppContext } from "../app.js";
import { PowerSupplies } from "../power/supplies.js";
import { withLimit } from "../shared/abort.js";
import { describe, StationError } from "../shared/errors.js";
import type { Operator, PowerSupply, RunLedger } from "../station/ports.js";
import type { BayConfig } from "./bays.js";

/** ms that a supply may take to switch off when the station starts. */
const START_LIMIT = 10_000;

export class BayPower {
  readonly #supplies: PowerSupplies;

  constructor(private readonly context: AppContext) {
    this.#supplies = new PowerSupplies(context.clock);
  }

  /** What feeds the units of a bay; undefined where nothing does, or the configuration has no such bay. */
  supplyOf(name: string | undefined, operator: Operator | undefined): PowerSupply | undefined {
    const bay = this.context.config.station.bays.find((each) => each.name === name);
    return bay?.power && this.#supplies.supplyOf(bay.name, bay.power, operator);
  }

  /** Switches off what a station that was killed left on; a bay at which another program works is left alone. Never rejects. */
  async offAtStart(ledger: RunLedger): Promise<void> {
    await Promise.all(this.context.config.station.bays.map((bay) => this.#offAtStart(bay, ledger)));
  }

  close(): Promise<void> {
    return this.#supplies.close();
  }

  async #offAtStart({ name, power }: BayConfig, ledger: RunLedger): Promise<void> {
    // Nobody stands at the bays yet.
    if (power === undefined || power.supply.startsWith("manual:")) return;
    const { clock, logger, signal } = this.context;
    const late = () =>
      new StationError("POWER_UNREACHABLE", { details: { what: `${power.supply}: ${START_LIMIT} ms` } });
    try {
      const release = await ledger.claim(name);
      try {
        const supply = this.#supplies.supplyOf(name, power);
        await withLimit(clock, START_LIMIT, signal, late, (own) => supply.end(own));
      } finally {
        await release();
      }
    } catch (error) {
      logger.warn("a bay's power was not switched off at the start", { bay: name, error: describe(error) });
    }
  }
}
