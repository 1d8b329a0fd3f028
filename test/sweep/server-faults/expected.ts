/** What a run ends with where one of its requests meets a fault: one table, the first row that fits. */
import type { ErrorCode } from "../../../src/shared/errors.js";
import {
  type Blow,
  BODY_FAULTS,
  CONNECTION_FAULTS,
  type Fault,
  type Kind,
  kindOf,
  type Mode,
  serverOf,
} from "./faults.js";

export type End = "PASS" | ErrorCode;
/** Ends of the vPKI's and of the KMS's requests. */
type Ends = readonly End[] | Readonly<Record<"vpki" | "kms", readonly End[]>>;

interface Row {
  readonly faults?: readonly Fault[];
  readonly kinds?: readonly Kind[];
  readonly modes?: readonly Mode[];
  /** Requests that no later one follows whose answer the run needs. */
  readonly last?: true;
  readonly ends: Ends;
}

const UNREACHABLE: Ends = { vpki: ["VPKI_UNREACHABLE"], kms: ["KMS_UNREACHABLE"] };
const FAULT: Ends = { vpki: ["VPKI_FAULT"], kms: ["KMS_FAULT"] };
const WRONG_CERTIFICATE: readonly Fault[] = CONNECTION_FAULTS.filter((fault) => fault !== "refuse");
const SILENT: readonly Fault[] = ["stall", "drip"];
const ERRORS: readonly Fault[] = ["500", "500-after-commit", "503", "redirect"];

const ROWS: readonly Row[] = [
  // What a wrong body says is believed or refused, and never asked for again.
  { faults: ["other-uid"], ends: ["KMS_FAULT"] },
  { faults: ["wrong-m4"], ends: ["TARGET_KEY_MISMATCH"] },
  { faults: ["wrong-value"], ends: ["TARGET_SYNC_MISMATCH"] },
  { faults: ["other-leaf"], ends: ["VPKI_CERT_INVALID"] },
  { faults: BODY_FAULTS, kinds: ["issue", "key", "sync"], ends: FAULT },

  { modes: ["second"], ends: ["PASS"] },

  // Each server is asked once for a sign of life, and nothing is touched without it; a redirect of the front page is one.
  { kinds: ["ping"], faults: ["redirect"], modes: ["once"], ends: ["PASS"] },
  { kinds: ["ping"], faults: ["redirect"], ends: FAULT },
  { kinds: ["ping"], ends: UNREACHABLE },

  // A result goes out again until it has arrived; a request beside it may need a connection at that very time.
  { kinds: ["report"], modes: ["once"], faults: WRONG_CERTIFICATE, ends: ["PASS", "KMS_UNREACHABLE"] },
  { kinds: ["report"], modes: ["once"], ends: ["PASS"] },
  { kinds: ["report"], last: true, ends: ["PASS"] },
  // What the master key authorises waits for its result, for as long as the outbox has patience.
  { kinds: ["report"], faults: SILENT, ends: ["OUTBOX_PENDING", "KMS_UNREACHABLE"] },

  { modes: ["once"], faults: WRONG_CERTIFICATE, ends: UNREACHABLE },
  { modes: ["once"], faults: ["redirect"], ends: FAULT },
  { modes: ["once"], ends: ["PASS"] },

  { faults: ERRORS, ends: FAULT },
  { ends: UNREACHABLE },
];

/** Where a request stands to the last one whose answer the run needs; a result goes out beside the run, so one may come either way. */
export type Order = "before" | "beside" | "behind";

/** The order of each of a run's requests, which are given as they came. */
export function ordersOf(requests: readonly string[]): ReadonlyMap<string, Order> {
  const lastNeeded = requests.findLastIndex((key) => kindOf(key) !== "report");
  const lastKey = requests.findLast((key) => key.startsWith("kms report key"));
  const order = (key: string, at: number) => (key === lastKey ? "beside" : at > lastNeeded ? "behind" : "before");
  return new Map(requests.map((key, at) => [key, order(key, at)]));
}

/** The ends that the table allows. */
export function expectedEnds(blow: Blow, order: Order): readonly End[] {
  if (order !== "beside") return endsOf(blow, order === "behind");
  return [...new Set([...endsOf(blow, false), ...endsOf(blow, true)])];
}

/** @param last true for a request whose fault leaves the verdict alone, lasting as it may be */
function endsOf({ fault, key, mode }: Blow, last: boolean): readonly End[] {
  const row = ROWS.find(
    (each) =>
      (each.faults?.includes(fault) ?? true) &&
      (each.kinds?.includes(kindOf(key)) ?? true) &&
      (each.modes?.includes(mode) ?? true) &&
      (each.last === undefined || last),
  );
  const ends = row?.ends ?? [];
  return "vpki" in ends ? ends[serverOf(key)] : ends;
}
