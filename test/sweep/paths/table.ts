/** What can happen in each state of a run, and what in the world makes it happen: one table, state × event. */
import type { ErrorCode } from "../../../src/shared/errors.js";
import type { Identified } from "../../../src/station/run/steps/identify.js";

/** What strikes. `ecu`: a fault of the simulated ECU, set when the step begins. */
export type Strike =
  | { readonly kind: "ecu"; readonly fault: string }
  | { readonly kind: "unplug" }
  | { readonly kind: "refusal"; readonly server: "kms" | "vpki" }
  | { readonly kind: "no-input" }
  | { readonly kind: "silent-orders" }
  | { readonly kind: "no-link" }
  | { readonly kind: "silent-link" };

export type Way =
  | {
      readonly kind: "done";
      readonly name?: string;
      readonly identified?: (plan: readonly string[]) => Identified;
      /** What an earlier run left on this ECU. */
      readonly left?: "load" | "record";
    }
  | { readonly kind: "fault"; readonly name: string; readonly code: ErrorCode; readonly strike: Strike }
  | { readonly kind: "abort"; readonly name: string };

const DONE: Way = { kind: "done" };
const ABORT: Way = { kind: "abort", name: "abort" };
const fault = (name: string, code: ErrorCode, strike: Strike): Way => ({ kind: "fault", name, code, strike });
const ecu = (spec: string, code: ErrorCode) => fault(spec, code, { kind: "ecu", fault: spec });
const UNPLUGGED = fault("unplugged", "LINK_CLOSED", { kind: "unplug" });
const SILENT = ecu("silent-after:0", "UDS_TIMEOUT");
const refused = (server: "kms" | "vpki", code: ErrorCode) =>
  fault(`${server} refuses`, code, { kind: "refusal", server });

/** Where a step of the plan works on the ECU. */
const onEcu = (failure: Way, ...more: readonly Way[]): readonly Way[] => [
  DONE,
  failure,
  SILENT,
  UNPLUGGED,
  ...more,
  ABORT,
];

const TABLE: Readonly<Record<string, readonly Way[]>> = {
  checking: [
    DONE,
    fault("no VIN", "INPUT_MISSING", { kind: "no-input" }),
    fault("orders that never answer", "RUN_TIMEOUT", { kind: "silent-orders" }),
    ABORT,
  ],
  opening: [
    DONE,
    fault("no adapter", "LINK_OPEN_FAILED", { kind: "no-link" }),
    fault("an adapter that hangs", "RUN_TIMEOUT", { kind: "silent-link" }),
    ABORT,
  ],
  identifying: [
    { kind: "done", name: "a new unit", identified: (todo) => ({ todo, recover: false }) },
    {
      kind: "done",
      name: "with a load of another run unsettled",
      left: "load",
      identified: (todo) => ({ todo, recover: true }),
    },
    {
      kind: "done",
      name: "with all done but the record",
      left: "record",
      identified: () => ({ todo: [], recover: true }),
    },
    ecu("wrong-kind", "ECU_WRONG_KIND"),
    SILENT,
    UNPLUGGED,
    ABORT,
  ],
  unlocking: onEcu(ecu("nrc:27:35", "UDS_ACCESS_DENIED")),
  recovering: onEcu(ecu("nrc:31:22", "UDS_NEGATIVE_RESPONSE")),
  preparing: onEcu(ecu("nrc:2E:22", "UDS_NEGATIVE_RESPONSE")),
  certificates: onEcu(ecu("nrc:31:22", "UDS_NEGATIVE_RESPONSE"), refused("vpki", "VPKI_FAULT")),
  keys: onEcu(ecu("wrong-m4", "TARGET_KEY_MISMATCH"), refused("kms", "KMS_FAULT")),
  sync: onEcu(ecu("nrc:31:22", "UDS_NEGATIVE_RESPONSE"), refused("kms", "KMS_FAULT")),
  locking: onEcu(ecu("nrc:31:22", "UDS_NEGATIVE_RESPONSE")),
  verifying: onEcu(ecu("nrc:11:22", "UDS_NEGATIVE_RESPONSE")),
};

/** The rows of a state. @throws Error for a state that the table does not know: the machine has a new one */
export function rowsOf(state: string, todo: readonly string[], recover: boolean): readonly Way[] {
  const rows = TABLE[state];
  if (rows === undefined) throw new Error(`the table has no row for the state ${state}`);
  // Where nothing is unsettled nothing is asked of the ECU; and it has the VIN of the run that left a load.
  const idle = (state === "recovering" && todo.length === 0) || (recover && todo[0] === "vin" && state === "preparing");
  return idle ? rows.filter(({ kind }) => kind !== "fault") : rows;
}
