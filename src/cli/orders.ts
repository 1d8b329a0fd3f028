/** Order sources: where inputs come from that neither the scan nor the command line gave. */
import { sampleValue } from "../profiles/inputs.js";
import type { OrderSource } from "../station/ports.js";

/** Nobody has more than was given: a missing input stops the run before the unit is touched. */
export const noOrders: OrderSource = { inputsFor: async () => ({}) };

/**
 * The simulator's order source makes values up by each input's sample.
 * @param random whole number from 0 to below its argument
 */
export function simulatorOrders(random: (below: number) => number): OrderSource {
  return {
    async inputsFor(profile, _given, missing) {
      const wanted = profile.inputs.filter((input) => missing.includes(input.name));
      return Object.fromEntries(wanted.map((input) => [input.name, sampleValue(input, random)]));
    },
  };
}
