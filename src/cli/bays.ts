/** The bays of the configuration: their places, and what of it they share. */
import { type Static, Type } from "typebox";
import { parseLinkUrl } from "../ecu/link/url.js";
import { type PowerConfig, PowerSchema, powerFault } from "../power/config.js";
import { describe } from "../shared/errors.js";
import type { BayPlace } from "../station/bays/bays.js";
import { checkLink } from "./simulator.js";

const Text = Type.String({ minLength: 1 });

const BaySchema = Type.Object(
  {
    name: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$" }),
    link: Type.Optional(Text),
    /** By name, or a file relative to the configuration's. */
    profile: Type.Optional(Text),
    /** What feeds its units; docs/power.md. */
    power: Type.Optional(PowerSchema),
    /** s in which a unit should be done here; left out, the profile's. */
    takt: Type.Optional(Type.Number({ minimum: 1, maximum: 3_600 })),
  },
  { additionalProperties: false },
);

export const BaysSchema = Type.Array(BaySchema, { minItems: 1, maxItems: 64, default: [{ name: "1" }] });

export type BayConfig = Static<typeof BaySchema>;

/** What is wrong with a bay, and where; undefined where all are right. */
export function bayFault(bays: readonly BayConfig[]): { path: readonly (string | number)[]; what: string } | undefined {
  for (const [i, { name, link, power }] of bays.entries()) {
    if (bays.findIndex((bay) => bay.name === name) !== i) return { path: [i, "name"], what: "is another bay's too" };
    try {
      if (link !== undefined) checkLink(link);
    } catch (error) {
      return { path: [i, "link"], what: describe(error) };
    }
    const fault = power && faultOf(power);
    if (fault !== undefined) return { path: [i, "power", ...fault.path], what: fault.what };
  }
  return undefined;
}

function faultOf(power: PowerConfig): ReturnType<typeof powerFault> {
  try {
    return powerFault(power);
  } catch (error) {
    return { path: ["supply"], what: describe(error) };
  }
}

/** Schemes whose device serves one program at a time; the kernel and the simulators serve many. */
const EXCLUSIVE = new Set(["slcan", "slcan+tcp", "kline"]);

/** Bays at one adapter take turns. */
export function placeOf({ name, link }: BayConfig): BayPlace {
  const adapter = link === undefined ? undefined : parseLinkUrl(link);
  return { name, shares: adapter !== undefined && EXCLUSIVE.has(adapter.scheme) ? [adapter.rest] : [] };
}
