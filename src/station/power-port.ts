/** The port of what feeds the unit at a bay. */

/** As measured at the output, V and A; what a supply cannot measure is left out. */
export interface PowerReading {
  readonly voltage?: number;
  readonly current?: number;
}

/** What feeds the unit at a bay. @throws StationError POWER_*; the signal's reason where that ends first */
export interface PowerSupply {
  /** Gives the unit power, from cold where the bay switches off at the end of a run. */
  on(signal: AbortSignal): Promise<PowerReading>;
  /** Takes the power away, for as long as the bay is configured, and gives it back. */
  cycle(signal: AbortSignal): Promise<PowerReading>;
  /** The run is over: switches off, or leaves it on, as the bay is configured. Comes behind a call that is still at work. */
  end(signal: AbortSignal): Promise<void>;
}
