/** What a run ends with where one of its frames meets a fault: one table, first row that fits; wrong bits have their own. */

import type { Result } from "./cases.js";
import { endsOfWrongBit } from "./expected-corrupt.js";
import { type Phase, type Place, REPEATED, SETTLED } from "./places.js";
import type { Fault } from "./wire.js";

export type End = Result["end"];

interface Row {
  readonly faults: readonly Fault[];
  readonly phases?: readonly Phase[];
  readonly frames?: (place: Result["place"]) => boolean;
  readonly ends: readonly End[];
}

const frame =
  (half: Place["half"], ...kinds: readonly Place["kind"][]) =>
  (place: Place) =>
    place.half === half && kinds.includes(place.kind);
const amid = (half: Place["half"]) => (place: Place) => frame(half, "CF")(place) && !place.last;

const ROWS: readonly Row[] = [
  // The verdict is out when the session is closed, whatever becomes of that.
  { faults: ["drop", "duplicate", "delay", "corrupt", "swap", "unplug"], phases: ["teardown"], ends: ["PASS"] },
  { faults: ["unplug"], ends: ["LINK_CLOSED"] },

  // Whether an ECU is back is asked until it answers.
  { faults: ["drop", "duplicate", "delay", "swap"], phases: ["return", ...SETTLED, ...REPEATED], ends: ["PASS"] },
  // The answer itself follows in time.
  { faults: ["drop", "delay"], frames: ({ pending }) => pending, ends: ["PASS"] },
  { faults: ["delay"], frames: ({ announced, kind }) => announced && kind === "SF", ends: ["PASS"] },
  { faults: ["drop", "delay"], frames: frame("request", "SF", "CF"), ends: ["UDS_TIMEOUT"] },
  { faults: ["drop", "delay"], frames: frame("request", "FF", "FC"), ends: ["ISOTP_TIMEOUT_BS"] },
  { faults: ["drop", "delay"], frames: frame("response", "SF", "FF"), ends: ["UDS_TIMEOUT"] },
  // A last frame that is shorter than the others is no frame of the message while another one is due.
  {
    faults: ["drop", "delay", "swap"],
    frames: ({ lastButOne, half }) => lastButOne && half === "response",
    ends: ["ISOTP_WRONG_SN", "ISOTP_TIMEOUT_CR"],
  },
  { faults: ["drop", "delay"], frames: amid("response"), ends: ["ISOTP_WRONG_SN"] },
  { faults: ["drop", "delay"], frames: frame("response", "CF", "FC"), ends: ["ISOTP_TIMEOUT_CR"] },

  // The ECU gives a message up that came in the wrong order, and says nothing.
  { faults: ["duplicate", "swap"], frames: amid("request"), ends: ["UDS_TIMEOUT"] },
  { faults: ["duplicate", "swap"], frames: amid("response"), ends: ["ISOTP_WRONG_SN"] },
  { faults: ["duplicate", "swap"], ends: ["PASS"] },
];

/** The ends that the table allows. */
export function expectedEnds(fault: Fault, place: Result["place"]): readonly End[] {
  const row = ROWS.find(
    ({ faults, phases, frames }) =>
      faults.includes(fault) && (phases?.includes(place.phase) ?? true) && (frames?.(place) ?? true),
  );
  if (row !== undefined) return row.ends;
  return fault === "corrupt" ? endsOfWrongBit(place) : [];
}
