/** Who is on a bus: `doctor --link URL --profile P` asks all ECUs at once, and changes nothing in any of them. */
import { isKlineUrl } from "../../ecu/link/kline/open.js";
import type { CanLink } from "../../ecu/link/link.js";
import { openLink } from "../../ecu/link/open.js";
import { createIsoTp } from "../../ecu/transport/isotp/isotp.js";
import { isoTpOptionsOf } from "../../ecu/transport/isotp/options.js";
import { encodeRequest } from "../../ecu/uds/call.js";
import { type FunctionalAnswer, type Responder, requestFunctional } from "../../ecu/uds/functional.js";
import { UDS } from "../../ecu/uds/tables/messages.js";
import { nrcName } from "../../ecu/uds/tables/nrc.js";
import { TESTER_PRESENT } from "../../ecu/uds/tables/services.js";
import { evaluateExpect } from "../../profiles/expect.js";
import type { Profile, ProfileCan } from "../../profiles/schema.js";
import type { Clock } from "../../shared/clock.js";
import { StationError } from "../../shared/errors.js";
import type { Finding } from "./checks.js";

/** Request identifiers of ISO 15765-4 for functional addressing, and those of its eight ECUs (responses 8 above). */
const OBD_FUNCTIONAL = 0x7df;
const OBD_FIRST = 0x7e0;
const OBD_ECUS = 8;
const OBD_RESPONSE = 8;

/** Where the profile's ECU and others that answer the same functional request may be. */
export function placesOf(can: ProfileCan): readonly ProfileCan[] {
  if (can.addressing === "normal" && !can.extendedIds && can.functionalId === OBD_FUNCTIONAL) {
    const others = Array.from({ length: OBD_ECUS }, (_, i) => OBD_FIRST + i)
      .filter((id) => id !== can.requestId && id + OBD_RESPONSE !== can.responseId)
      .map((id) => ({ ...can, requestId: id, responseId: id + OBD_RESPONSE }));
    return [can, ...others];
  }
  if (can.addressing === "normal-fixed" || can.addressing === "mixed-29") {
    const others = Array.from({ length: 0x100 }, (_, address) => address)
      .filter((address) => address !== can.ecuAddress && address !== can.testerAddress)
      .map((ecuAddress) => ({ ...can, ecuAddress }));
    return [can, ...others];
  }
  // Nothing says where others would answer.
  return [can];
}

export function placeName(can: ProfileCan): string {
  return "requestId" in can ? `${id(can.requestId, 3)}/${id(can.responseId, 3)}` : `address ${id(can.ecuAddress, 2)}`;
}

const id = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, "0");

/** @throws StationError LINK_* */
export async function checkEcus(url: string, profile: Profile, clock: Clock, signal: AbortSignal): Promise<Finding[]> {
  const { can, name } = profile;
  if (isKlineUrl(url) || can === undefined)
    throw new StationError("LINK_UNSUPPORTED", {
      details: { what: `${url}: who is on the bus can be asked on CAN alone, by profile ${name}'s can section` },
    });
  const dataRate = can.fd === undefined ? {} : { dataBitrate: can.fd.dataBitrate };
  const link = await openLink(url, { clock, bitrate: can.bitrate, ...dataRate, signal });
  try {
    return await findEcus(link, profile, can, clock, signal);
  } finally {
    await link.close();
  }
}

/** The same on an open link. */
export async function findEcus(
  link: CanLink,
  { uds, dids, expect: { systemName } }: Profile,
  can: ProfileCan,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding[]> {
  const responders = placesOf(can).map((place) => ({
    name: placeName(place),
    transport: createIsoTp(link, isoTpOptionsOf(place, "station"), clock),
  }));
  try {
    const ask = (request: Uint8Array, who: readonly Responder[]) => requestFunctional(who, request, uds, clock, signal);
    const present = encodeRequest(UDS.testerPresent, { zeroSubFunction: TESTER_PRESENT });
    const named = encodeRequest(UDS.readDataByIdentifier, {
      dataIdentifiers: [{ dataIdentifier: dids.systemName }],
    });
    const there = await ask(present, responders);
    const names = await ask(named, responders);
    const found = responders
      .map(({ name }) => name)
      .filter((name) => [...there, ...names].some((one) => one.name === name));
    const own = placeName(can);
    const text = (name: string) => nameOf(names.find((answer) => answer.name === name));
    const findings = found.map((name) => ecuFinding(name, text(name), name === own, systemName));
    return found.includes(own) ? findings : [nobody(own), ...findings];
  } finally {
    for (const { transport } of responders) transport.close();
  }
}

/** The text behind 62 and the identifier; or why there is none. */
function nameOf(answer: FunctionalAnswer | undefined): string {
  if (answer?.response === undefined) return answer?.nrc === undefined ? "gives no name" : nrcName(answer.nrc);
  return [...answer.response.subarray(3)]
    .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?"))
    .join("");
}

function ecuFinding(place: string, text: string, own: boolean, wanted: string): Finding {
  const finding = { name: "ecu", needed: true, what: `${place} ${text}` };
  if (!own) {
    const todo = "the profile is for another one: take it off the line, or mind which unit is meant";
    return { ...finding, state: "FAILED", todo };
  }
  if (evaluateExpect(wanted, text)) return { ...finding, state: "OK" };
  return {
    ...finding,
    state: "FAILED",
    todo: `the profile expects ${wanted}: connect that unit, or choose its profile`,
  };
}

function nobody(place: string): Finding {
  const todo = "check plug, supply and ignition line, bit rate and termination";
  return { name: "ecu", state: "MISSING", needed: true, what: `nobody answers at ${place}`, todo };
}
