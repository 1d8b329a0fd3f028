/** Orders of stations that no MES is connected to. */
import { sampleValue } from "../../profiles/inputs.js";
import type { OrderSource } from "../../station/ports.js";
import { isSimulatorLink } from "../simulator.js";
import type { OrdersConfig } from "./config.js";

/** Whether values are made up that nobody gave: never those of a unit that is there. @param link undefined where each run has a simulated unit of its own */
export function areMadeUp(orders: OrdersConfig, link: string | undefined): boolean {
  return orders === "simulator" && (link === undefined || isSimulatorLink(link));
}

/** Nobody has more than was given: a missing input stops the run before the unit is touched. */
export const noOrders: OrderSource = { orderFor: async () => undefined };

/**
 * The simulator's order source makes values up by each input's sample.
 * @param random whole number from 0 to below its argument
 */
export function simulatorOrders(random: (below: number) => number): OrderSource {
  return {
    async orderFor(profile, _given, missing) {
      const wanted = profile.inputs.filter((input) => missing.includes(input.name));
      const inputs = Object.fromEntries(wanted.map((input) => [input.name, sampleValue(input, random)]));
      return { source: "simulator", inputs };
    },
  };
}
