/** The bays of the configuration: their places, and what of it they share. */
import { type Static, Type } from "typebox";
import { parseLinkUrl } from "../ecu/link/url.js";
import { type PowerConfig, PowerSchema, powerFault } from "../power/config.js";
import { describe } from "../shared/errors.js";
import type { BayPlace } from "../station/bays/bays.js";
import { checkLink, isLastingUnit } from "./simulator.js";

const Text = Type.String({ minLength: 1 });

const BaySchema = Type.Object(
  {
    name: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$" }),
    link: Type.Optional(Text),
    /** By name, or a file relative to the configuration's. */
    profile: Type.Optional(Text),
    /** What feeds its units; docs/power.md. */
    power: Type.Optional(PowerSchema),
    /** Name in `tokens` by the name that a profile uses, for units of this bay. */
    tokens: Type.Optional(Type.Record(Text, Text)),
    /** s in which a unit should be done here; left out, the profile's. */
    takt: Type.Optional(Type.Number({ minimum: 1, maximum: 3_600 })),
  },
  { additionalProperties: false },
);

export const BaysSchema = Type.Array(BaySchema, { minItems: 1, maxItems: 64, default: [{ name: "1" }] });

export type BayConfig = Static<typeof BaySchema>;

/** What is wrong with a bay, and where; undefined where all are right. @param known the configuration's tokens, by their name */
export function bayFault(
  bays: readonly BayConfig[],
  known: Readonly<Record<string, unknown>>,
): { path: readonly (string | number)[]; what: string } | undefined {
  for (const [i, { name, link, power, tokens = {} }] of bays.entries()) {
    if (bays.findIndex((bay) => bay.name === name) !== i) return { path: [i, "name"], what: "is another bay's too" };
    try {
      if (link !== undefined) checkLink(link);
    } catch (error) {
      return { path: [i, "link"], what: describe(error) };
    }
    for (const [of, token] of Object.entries(tokens))
      if (!Object.hasOwn(known, token))
        return { path: [i, "tokens", of], what: `is ${token}, which tokens does not have` };
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

/** The configuration's bay whose unit is at that link; undefined where none is, or where each run has a unit of its own. */
export function bayAt(link: string, bays: readonly BayConfig[]): string | undefined {
  return isLastingUnit(link) ? bays.find((bay) => bay.link === link)?.name : undefined;
}

/** Schemes whose device serves one program at a time; the kernel and the simulators serve many. */
const EXCLUSIVE = new Set(["slcan", "slcan+tcp", "kline"]);

/** Bays at one adapter take turns. */
export function placeOf({ name, link }: BayConfig): BayPlace {
  const adapter = link === undefined ? undefined : parseLinkUrl(link);
  return { name, shares: adapter !== undefined && EXCLUSIVE.has(adapter.scheme) ? [adapter.rest] : [] };
}
