/** How SQLite goes about what the program asks its stores while a line works: the tables grow for years. */
import { expect, it } from "vitest";
import { type Database, migrate, openDatabase, type Value } from "../../../src/db/database.js";
import type { StoreDefinition } from "../../../src/db/store.js";
import { store as records } from "../../../src/records/store.js";
import { kmsStore } from "../../../src/servers/kms/store/store.js";
import { vpkiStore } from "../../../src/servers/vpki/store/store.js";

const TABLES = "run|journal|outbox|run_certificate|audit|sets|reports|slots|checks|leases|certificates|idempotency";
/** The whole of such a table, or of an index that holds each of its rows. */
const WHOLE = new RegExp(
  `^SCAN (${TABLES})( |$)(?!USING (COVERING )?INDEX (outbox_unsettled|run_unsealed|journal_load)$)`,
);

const ECU = { phase: "Prod", uid: "ab", limit: 10 };
const SCOPE = { ca: "CA", crl: "a.crl" };

const ASKED: readonly (readonly [string, StoreDefinition, Readonly<Record<string, unknown>>])[] = [
  [
    "records",
    records,
    {
      interrupted: "1",
      unfinished: null,
      unsettled: "ab",
      askedBefore: { ecuId: "ab", dn: "cn=a", runId: "r" },
      outboxUnsettled: null,
      outboxState: "a",
      outboxWaiting: "kms",
      outboxCount: {},
      outboxLoad: null,
      historyShow: "r",
      unsealed: null,
      noteKey: { key: "k", spki: "", now: 0 },
      unitPast: { ecuId: "ab", runId: "r" },
      unitsNamed: "ab",
      unitCertificates: "ab",
    },
  ],
  ["KMS", kmsStore.definition, { ledgerEcus: { ...ECU, prefix: "a", after: "" }, ledger: ECU }],
  [
    "vPKI",
    vpkiStore.definition,
    {
      listCertificates: { type: "t", nameKey: "n" },
      certificateStates: { ca: "CA", serials: ["1"] },
      crlState: { ...SCOPE, now: 0 },
      crlEntries: { ...SCOPE, number: 1, after: "", limit: 10, past: undefined },
      beginCrl: { ...SCOPE, now: 0 },
    },
  ],
];

it.each(ASKED)("no question to the store of the %s goes through all it holds", async (_, definition, operations) => {
  const database = openDatabase(":memory:");
  await migrate(database, definition.migrations);
  for (const [name, args] of Object.entries(operations)) {
    const asked: [string, Value[]][] = [];
    const noting: Database = {
      get(sql, ...values) {
        asked.push([sql, values]);
        return database.get(sql, ...values);
      },
      all(sql, ...values) {
        asked.push([sql, values]);
        return database.all(sql, ...values);
      },
      run(sql, ...values) {
        asked.push([sql, values]);
        return database.run(sql, ...values);
      },
    };
    await definition.operations[name]?.(noting, args);
    expect(asked, name).not.toEqual([]);
    for (const [sql, values] of asked) {
      const steps = await database.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values);
      const whole = steps.map(({ detail }) => detail).filter((detail) => WHOLE.test(detail));
      expect(whole, `${name}: ${sql}`).toEqual([]);
    }
  }
  database.close();
});
