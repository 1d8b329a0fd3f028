/** Faults that a simulated ECU is given on purpose: small behaviours that compose. Spec: `NAME[:VALUE[:VALUE]]`, several with commas. */
import type { Admission } from "../../src/ecu/transport/isotp/options.js";
import type { Profile } from "../../src/profiles/schema.js";
import { StationError } from "../../src/shared/errors.js";
import type { EcuLabels } from "../dids.js";
import { REQUEST_RESULTS, START_ROUTINE } from "../routines.js";
import type { Interference } from "../uds/server.js";

export interface Fault {
  /** As it was given. */
  readonly spec: string;
  /** Between the server and the tester; made once for each ECU, with counters of its own. */
  readonly interfere?: (profile: Profile) => Interference;
  /** What flow control says to a segmented request of `length` bytes, or to its next block; made once for each ECU. */
  readonly admit?: () => (length: number) => Admission;
  /** Changes what the ECU says it is. */
  readonly label?: (labels: EcuLabels) => EcuLabels;
}

interface FaultRow {
  /** How it is written, for help and messages. */
  readonly form: string;
  readonly about: string;
  make(values: readonly string[], spec: string): Omit<Fault, "spec">;
}

/** N_WFTmax of the ECU: no more FC.WAIT in a row. */
const MOST_WAITS = 10;
const ROUTINE_CONTROL = 0x31;
const POSITIVE = 0x40;
/** Place of the status byte in an answer of service 31. */
const STATUS = 4;
const M4 = STATUS + 1;
/** Place of M1's last byte (ID, AuthID) in `31 01 id M1 M2 M3`. */
const M1_IDS = 4 + 15;

export const FAULTS: Readonly<Record<string, FaultRow>> = {
  "wrong-m4": {
    form: "wrong-m4[:SLOT]",
    about: "M4 of a load that was stored comes wrong, also when it is read again; SLOT hex, left out: every slot",
    make([slotText], spec) {
      const slot = slotText === undefined ? undefined : hex(slotText, 0xf, "SLOT", spec);
      return {
        interfere: ({ routines }) => ({
          answer: (request, answer) =>
            isRoutine(answer, routines.loadKey, 0x00) && (slot === undefined || loadedSlot(request) === slot)
              ? flip(answer, M4 + 16)
              : answer,
        }),
      };
    },
  },
  "wrong-proof": {
    form: "wrong-proof",
    about: "the signature of a proof of possession does not verify",
    make: () => ({
      interfere: ({ routines }) => ({
        answer: (_, answer) =>
          isRoutine(answer, routines.provePossession, 0x00) ? flip(answer, answer.length - 1) : answer,
      }),
    }),
  },
  "wrong-kind": {
    form: "wrong-kind",
    about: "the system name (F197) is another ECU's",
    make: () => ({ label: (labels) => ({ ...labels, systemName: `NOT-${labels.systemName}` }) }),
  },
  "silent-after": {
    form: "silent-after:N",
    about: "nothing is answered after N requests (TesterPresent not counted), for good",
    make([text], spec) {
      const limit = decimal(text, 0, 1_000_000_000, "N", spec);
      return { interfere: () => ({ request: (_, count) => (count > limit ? "silent" : undefined) }) };
    },
  },
  nrc: {
    form: "nrc:SID:NRC[:TIMES]",
    about: "requests of service SID are refused with NRC and not served, the first TIMES of them (hex, hex, decimal)",
    make([sidText, nrcText, timesText], spec) {
      const sid = hex(sidText, 0xff, "SID", spec);
      const nrc = hex(nrcText, 0xff, "NRC", spec);
      const times = optionalTimes(timesText, spec);
      return {
        interfere() {
          let left = times;
          return { request: ([first]) => (first === sid && left-- > 0 ? { nrc } : undefined) };
        },
      };
    },
  },
  "drop-answer": {
    form: "drop-answer:ROUTINE[:TIMES]",
    about: "routine ROUTINE (hex id) is run, but its answer never comes, the first TIMES of them",
    make([idText, timesText], spec) {
      const id = hex(idText, 0xffff, "ROUTINE", spec);
      const times = optionalTimes(timesText, spec);
      return {
        interfere() {
          let left = times;
          return {
            answer: (_, answer) =>
              isRoutine(answer, id) && answer[1] === START_ROUTINE && left-- > 0 ? undefined : answer,
          };
        },
      };
    },
  },
  "flow-wait": {
    form: "flow-wait:N",
    about: `N times FC.WAIT, 200 ms each, before each FC.CTS (1-${MOST_WAITS})`,
    make([text], spec) {
      const count = decimal(text, 1, MOST_WAITS, "N", spec);
      return {
        admit() {
          let left = count;
          return () => {
            if (left-- > 0) return "wait";
            left = count;
            return "accept";
          };
        },
      };
    },
  },
  "flow-overflow": {
    form: "flow-overflow:LENGTH",
    about: "requests longer than LENGTH bytes are refused by FC.OVFLW",
    make([text], spec) {
      const longest = decimal(text, 0, 65_535, "LENGTH", spec);
      return { admit: () => (length) => (length > longest ? "overflow" : "accept") };
    },
  },
  slow: {
    form: "slow:MS",
    about: "every request takes MS longer; 0x78 comes as it must",
    make([text], spec) {
      const delay = decimal(text, 0, 600_000, "MS", spec);
      return { interfere: () => ({ delay }) };
    },
  },
};

/** Most values that a form names, so that one too many is refused. */
function valueCount(row: FaultRow): number {
  return row.form.split(":").length - 1;
}

/** Reads `--fault` specs, each of which may hold several with commas. @throws StationError USAGE */
export function parseFaults(specs: readonly string[]): Fault[] {
  return specs
    .flatMap((text) => text.split(","))
    .map((part) => {
      const spec = part.trim();
      const [name = "", ...values] = spec.split(":");
      const row = Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
      if (row === undefined) throw bad(spec, `known are ${Object.keys(FAULTS).join(", ")}`);
      if (values.length > valueCount(row)) throw bad(spec, `expected ${row.form}`);
      return { spec, ...row.make(values, spec) };
    });
}

function bad(spec: string, what: string): StationError {
  return new StationError("USAGE", { details: { what: `--fault ${JSON.stringify(spec)}: ${what}` } });
}

function hex(text: string | undefined, maximum: number, name: string, spec: string): number {
  const value = /^(0x)?[0-9a-f]{1,4}$/i.test(text ?? "") ? Number.parseInt(text ?? "", 16) : Number.NaN;
  if (!(value <= maximum)) throw bad(spec, `${name} must be hex, at most ${maximum.toString(16).toUpperCase()}`);
  return value;
}

function decimal(text: string | undefined, minimum: number, maximum: number, name: string, spec: string): number {
  const value = /^\d{1,10}$/.test(text ?? "") ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum))
    throw bad(spec, `${name} must be a whole number from ${minimum} to ${maximum}`);
  return value;
}

function optionalTimes(text: string | undefined, spec: string): number {
  return text === undefined ? Number.POSITIVE_INFINITY : decimal(text, 1, 1_000_000, "TIMES", spec);
}

function isRoutine(answer: Uint8Array, id: number, status?: number): boolean {
  const [sid, , high = 0, low = 0] = answer;
  return (
    sid === ROUTINE_CONTROL + POSITIVE &&
    high * 0x100 + low === id &&
    (status === undefined || answer[STATUS] === status)
  );
}

function loadedSlot(request: Uint8Array): number | undefined {
  const results = ((request[1] ?? 0) & 0x7f) === REQUEST_RESULTS;
  return results ? request[4] : (request[M1_IDS] ?? 0) >> 4;
}

function flip(answer: Uint8Array, at: number): Uint8Array {
  const out = answer.slice();
  out[at] = (out[at] ?? 0) ^ 0x01;
  return out;
}
