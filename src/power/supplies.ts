/** The power supplies of a station: an instrument that feeds several bays is opened once, its outputs switched in turn. */
import { openSerial } from "../ecu/link/serial.js";
import type { ByteStream } from "../ecu/link/stream.js";
import { connectTcp, connectUnix } from "../ecu/link/tcp.js";
import { hostPort, type LinkUrl, numberParameter, parseLinkUrl } from "../ecu/link/url.js";
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import type { Operator, PowerSupply } from "../station/ports.js";
import { limitsOf, type PowerConfig } from "./config.js";
import { SimulatorOutput } from "./ecu-sim.js";
import { Instrument } from "./instrument.js";
import { ManualOutput } from "./manual.js";
import { ScpiOutput } from "./scpi.js";
import { BaySupply, type Output } from "./supply.js";

type OpenStream = (address: LinkUrl, clock: Clock, signal: AbortSignal) => Promise<ByteStream>;

const overTcp: OpenStream = (address, clock, signal) => {
  const { host, port } = hostPort(address, 1);
  return connectTcp(host, port, clock, signal);
};

const STREAMS: Readonly<Record<string, OpenStream>> = {
  scpi: (address, clock) => {
    const baudRate = numberParameter(address, "baud", 300, 4_000_000) ?? 9_600;
    return openSerial(address.rest, { baudRate }, clock);
  },
  "scpi+tcp": overTcp,
  "ecu-sim": (address, clock, signal) => connectUnix(address.rest, clock, signal),
  "ecu-sim+tcp": overTcp,
};

export class PowerSupplies {
  readonly #instruments = new Map<string, Instrument>();

  constructor(private readonly clock: Clock) {}

  /**
   * The power of a bay for one run; nothing is opened before it is used.
   * @param operator who stands at the bay
   */
  supplyOf(bay: string, config: PowerConfig, operator?: Operator): PowerSupply {
    const address = parseLinkUrl(config.supply);
    const { off, settle, atEnd = address.scheme === "manual" ? "keep" : "off" } = config;
    return new BaySupply(
      this.#output(bay, address, config, operator),
      { atEnd, off, settle, limits: limitsOf(config) },
      this.clock,
    );
  }

  async close(): Promise<void> {
    const all = [...this.#instruments.values()];
    this.#instruments.clear();
    await Promise.all(all.map((instrument) => instrument.close()));
  }

  #output(bay: string, address: LinkUrl, config: PowerConfig, operator: Operator | undefined): Output {
    if (address.scheme === "manual") return new ManualOutput(bay, operator);
    const instrument = this.#instrument(address, config.timeout);
    const { voltage, current, commands = {} } = config;
    if (voltage === undefined || current === undefined)
      return new SimulatorOutput(instrument, numberParameter(address, "ecu", 0, 255) ?? 0);
    const channel = numberParameter(address, "channel", 1, 64);
    return new ScpiOutput(instrument, { voltage, current, channel, commands });
  }

  #instrument(address: LinkUrl, timeout: number): Instrument {
    const name = `${address.scheme}:${address.rest}`;
    const known = this.#instruments.get(name);
    if (known !== undefined) return known;
    const open = STREAMS[address.scheme];
    if (open === undefined) throw new StationError("INTERNAL", { details: { what: `no supply is ${name}` } });
    const instrument = new Instrument({
      name,
      open: (signal) => open(address, this.clock, signal),
      timeout,
      clock: this.clock,
    });
    this.#instruments.set(name, instrument);
    return instrument;
  }
}
