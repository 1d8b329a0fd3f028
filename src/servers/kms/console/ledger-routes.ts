/** The ledger's pages: ECUs by their UID, and one ECU. */
import { PHASES } from "../../../contract/kms.js";
import { ECUS_PAGE, ecuPage, ecusPage, LEDGER_LIMIT } from "./ledger-pages.js";
import { messagePage } from "./pages.js";
import type { AddRoute, ConsoleOptions } from "./routing.js";

const UID = /^[0-9a-f]{30}$/;
const UID_START = /^[0-9a-f]{0,30}$/;

export function addLedgerRoutes(add: AddRoute, { store, registry }: ConsoleOptions): void {
  add("GET", "/ecus", async ({ visit, query }) => {
    const typed = query.get("uid") ?? "";
    const prefix = typed.replaceAll(" ", "").toLowerCase();
    const fallback = (await registry.current()).registry.phase;
    const phase = PHASES.find((name) => name === query.get("phase")) ?? fallback;
    const problem = !UID_START.test(prefix);
    const given = query.get("after") ?? "";
    const after = UID.test(given) ? given : "";
    const limit = ECUS_PAGE + 1;
    const found = problem ? [] : await store.call("ledgerEcus", { phase, prefix, after, limit });
    const rows = found.slice(0, ECUS_PAGE);
    const page = ecusPage(visit, { phase, typed, rows, more: found.length > rows.length, problem });
    return { page, status: problem ? 422 : 200 };
  });
  add("GET", "/ecu", async ({ visit, query }) => {
    const uid = query.get("uid") ?? "";
    const phase = PHASES.find((name) => name === query.get("phase"));
    const known = phase !== undefined && UID.test(uid);
    const ledger = known ? await store.call("ledger", { phase, uid, limit: LEDGER_LIMIT }) : undefined;
    if (phase === undefined || ledger === undefined || ledger.slots.length === 0)
      return { status: 404, page: messagePage(visit, "notFound") };
    return { page: ecuPage(visit, phase, uid, ledger) };
  });
}
