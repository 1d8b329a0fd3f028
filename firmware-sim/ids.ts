/** Identifiers of several ECUs on one bus: those of the first, and a step from each to the next. */

import { endpointsOf } from "../src/ecu/transport/isotp/addressing.js";
import { isoTpOptionsOf } from "../src/ecu/transport/isotp/options.js";
import type { EcuProfile } from "../src/profiles/loader.js";
import type { ProfileCan } from "../src/profiles/schema.js";
import { usage } from "./inputs.js";

/** What tells one ECU from another: identifiers, or an address that identifiers are made of. */
export type BusIds = { readonly requestId: number; readonly responseId: number } | { readonly ecuAddress: number };

const FORM = "expected REQUEST:RESPONSE[:STEP], or ADDRESS[:STEP] where identifiers are made of addresses, in hex";
const DEFAULT_STEP = 1;
const LARGEST = { identifier11: 0x7ff, identifier29: 0x1fffffff, address: 0xff } as const;

/**
 * A profile for each of `count` ECUs on one bus.
 * @param text `REQUEST:RESPONSE[:STEP]` or `ADDRESS[:STEP]`, hex; left out: the profile's own for the first one, step 1
 * @throws StationError USAGE: no CAN section, not of that form, out of range, or one identifier twice
 */
export function profilesOnOneBus(
  profile: EcuProfile,
  count: number,
  text?: string,
): { profile: EcuProfile; ids: BusIds }[] {
  const { can } = profile;
  if (can === undefined) throw usage(`--share-bus: ${profile.name} has no can section`);
  const { first, step } = readIds(can, text);
  const all = Array.from({ length: count }, (_, i) => {
    const ids = Object.fromEntries(Object.entries(first).map(([name, id]) => [name, id + i * step])) as BusIds;
    const largest = "ecuAddress" in ids ? LARGEST.address : extended(can) ? LARGEST.identifier29 : LARGEST.identifier11;
    const over = Object.values(ids).find((id) => id > largest);
    if (over !== undefined)
      throw usage(`--ids: ECU ${i + 1} of ${count} would have ${hex(over)}, above ${hex(largest)}`);
    return { profile: { ...profile, can: { ...can, ...ids } }, ids };
  });
  checkApart(all.map((each) => each.profile.can));
  return all;
}

function readIds(can: ProfileCan, text: string | undefined): { first: BusIds; step: number } {
  const own: BusIds =
    "requestId" in can ? { requestId: can.requestId, responseId: can.responseId } : { ecuAddress: can.ecuAddress };
  if (text === undefined) return { first: own, step: DEFAULT_STEP };
  const numbers = text.split(":").map((part) => (/^(0x)?[0-9a-f]{1,8}$/i.test(part) ? Number.parseInt(part, 16) : -1));
  const names = Object.keys(own);
  const step = numbers[names.length] ?? DEFAULT_STEP;
  if (numbers.includes(-1) || numbers.length < names.length || numbers.length > names.length + 1 || step === 0)
    throw usage(`--ids ${JSON.stringify(text)}: ${FORM}`);
  const first = Object.fromEntries(names.map((name, i) => [name, numbers[i] ?? 0])) as BusIds;
  return { first, step };
}

const extended = (can: ProfileCan): boolean => "extendedIds" in can && can.extendedIds;
const hex = (id: number): string => id.toString(16).toUpperCase();

/** No identifier of one ECU is another one's, nor the functional one. */
function checkApart(sections: readonly ProfileCan[]): void {
  const used = new Map<string, number>();
  sections.forEach((can, i) => {
    const { rx, tx, functionalRx } = endpointsOf(isoTpOptionsOf(can, "ecu").addressing);
    for (const { id, prefix } of [rx, tx]) {
      const key = `${id}/${prefix.join()}`;
      const owner = used.get(key);
      if (owner !== undefined || (id === functionalRx?.id && `${id}/${functionalRx.prefix.join()}` === key))
        throw usage(
          `--ids: ECU ${i + 1} would have ${hex(id)}, which ${owner === undefined ? "is functional" : `ECU ${owner + 1} has`}; give --ids with other identifiers, e.g. 600:680`,
        );
      used.set(key, i);
    }
  });
}
