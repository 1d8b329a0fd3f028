/** What a run ends with where one of its frames meets a fault: one table, first row that fits. */

import type { Result } from "./cases.js";
import type { Phase, Place } from "./places.js";
import type { Fault } from "./wire.js";

type End = Result["end"];

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

/** Steps that settle by themselves what a lost frame left open: the station asks the ECU, and repeats what is not there. */
const SETTLED: readonly Phase[] = ["install", "loadKey"];
/** Requests that may reach the ECU twice: the session repeats them. */
const REPEATED: readonly Phase[] = ["prepare", "read", "csr", "prove", "mac", "lock", "readBack"];

/** A wrong bit in what ISO-TP and UDS go by: the message is lost, or taken for another one. */
const GARBLED: readonly End[] = [
  ...([
    "UDS_TIMEOUT",
    "UDS_UNEXPECTED_RESPONSE",
    "UDS_NEGATIVE_RESPONSE",
    "ISOTP_WRONG_SN",
    "ISOTP_TIMEOUT_CR",
  ] as const),
  ...(["ISOTP_TIMEOUT_BS", "ISOTP_INVALID_FS", "ISOTP_BUFFER_OVFLW"] as const),
];

/**
 * A wrong bit in the data, which no CRC saw, can be told from a wrong ECU by nobody: the check that finds it, or PASS where what it
 * changed does not matter or was read again.
 */
const WRONG_DATA: Readonly<Record<Phase, readonly End[]>> = {
  identify: ["PASS", "ECU_WRONG_KIND", "ECU_LOST_STATE", "KMS_REJECTED", "TARGET_KEY_REFUSED"],
  security: ["PASS", "UDS_ACCESS_DENIED"],
  // The ECU's clock and its VIN.
  prepare: ["PASS", "TARGET_CERT_REFUSED", "ECU_LOST_STATE"],
  read: ["PASS", "TARGET_CERT_REFUSED"],
  keyPair: ["PASS", "TARGET_CSR_INVALID"],
  csr: ["PASS", "TARGET_CSR_INVALID"],
  install: ["PASS", "TARGET_CERT_REFUSED"],
  prove: ["PASS", "TARGET_PROOF_FAILED"],
  loadKey: ["PASS", "TARGET_KEY_REFUSED", "TARGET_KEY_MISMATCH"],
  mac: ["PASS", "TARGET_SYNC_MISMATCH", "TARGET_KEY_REFUSED"],
  lock: ["PASS"],
  reset: ["PASS"],
  return: ["PASS"],
  finish: ["PASS", "ECU_LOST_STATE", "ECU_WRONG_KIND"],
  readBack: ["PASS", "ECU_LOST_STATE"],
  teardown: ["PASS"],
};

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

  { faults: ["corrupt"], frames: ({ bit = 0, used }) => bit >> 3 >= used, ends: ["PASS"] },
];

/** The ends that the table allows. */
export function expectedEnds(fault: Fault, place: Result["place"]): readonly End[] {
  const row = ROWS.find(
    ({ faults, phases, frames }) =>
      faults.includes(fault) && (phases?.includes(place.phase) ?? true) && (frames?.(place) ?? true),
  );
  if (row !== undefined) return row.ends;
  return fault === "corrupt" ? [...WRONG_DATA[place.phase], ...GARBLED] : [];
}
