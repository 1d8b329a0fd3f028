/** The station's SQLite file: runs with their journals and records, results owed to servers, and who holds which bay. */
import { keepHead, keptHeadFile } from "../audit/head-file.js";
import { auditMigration } from "../audit/migration.js";
import type { StoreDefinition, StoreSource } from "../db/store.js";
import { bayOperations } from "./bay-store.js";
import { historyOperations } from "./history-store.js";
import { journalOperations, LOAD_ECU, REQUEST_INDEX } from "./journal-store.js";
import { outboxOperations, sinksMigration } from "./outbox-store.js";
import { PROFILE_TABLES, profileOperations } from "./profile-store.js";
import { RECORD_TABLES } from "./record-tables.js";
import { retentionOperations } from "./retention-store.js";
import { sealOperations } from "./seal-store.js";
import { TEXT_TABLES } from "./text-index.js";
import { unitOperations } from "./unit-store.js";
import { USER_TABLES, userOperations } from "./user-store.js";
import { yieldOperations } from "./yield-store.js";

const migrations = [
  `CREATE TABLE run (
     run_id TEXT PRIMARY KEY,
     bay TEXT NOT NULL,
     profile TEXT NOT NULL,
     vin TEXT,
     ecu_id TEXT,
     serial TEXT,
     header TEXT NOT NULL,
     started_at INTEGER NOT NULL,
     resumed INTEGER NOT NULL DEFAULT 0,
     outcome TEXT,
     code TEXT,
     finished_at INTEGER,
     record TEXT
   ) STRICT;
   CREATE INDEX run_open ON run (bay) WHERE outcome IS NULL;
   CREATE INDEX run_time ON run (started_at, run_id);
   CREATE INDEX run_vin ON run (vin);
   CREATE INDEX run_ecu ON run (ecu_id);
   CREATE TABLE journal (
     seq INTEGER PRIMARY KEY,
     run_id TEXT NOT NULL REFERENCES run (run_id),
     step TEXT NOT NULL,
     event TEXT NOT NULL,
     at INTEGER NOT NULL,
     data TEXT NOT NULL
   ) STRICT;
   CREATE INDEX journal_run ON journal (run_id, seq);
   CREATE INDEX journal_load ON journal (${LOAD_ECU}) WHERE ${LOAD_ECU} IS NOT NULL;
   CREATE TABLE outbox (
     seq INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     run_id TEXT NOT NULL REFERENCES run (run_id),
     ecu_id TEXT NOT NULL,
     result TEXT NOT NULL,
     state TEXT NOT NULL DEFAULT 'waiting',
     attempts INTEGER NOT NULL DEFAULT 0,
     next_at INTEGER NOT NULL DEFAULT 0,
     last_error TEXT,
     settled_at INTEGER
   ) STRICT;
   CREATE INDEX outbox_waiting ON outbox (seq) WHERE state = 'waiting';
   CREATE TABLE bay_claim (
     bay TEXT PRIMARY KEY,
     owner TEXT NOT NULL,
     pid INTEGER NOT NULL,
     process TEXT NOT NULL,
     at INTEGER NOT NULL
   ) STRICT;`,
  auditMigration("records", ["run", "outbox"]),
  PROFILE_TABLES,
  sinksMigration,
  RECORD_TABLES,
  USER_TABLES,
  REQUEST_INDEX,
  TEXT_TABLES,
];

export const store = {
  migrations,
  operations: {
    ...journalOperations,
    ...bayOperations,
    ...outboxOperations,
    ...historyOperations,
    ...profileOperations,
    ...userOperations,
    ...yieldOperations,
    ...retentionOperations,
    ...sealOperations,
    ...unitOperations,
  },
  // What people ask, and what goes through many runs. What a run asks is answered between its own commits.
  reads: ["historyList", "historyRecords", "historyShow", "oldRuns", "outboxUnsettled", "yieldOf"],
  remains: keptHeadFile,
  committed: keepHead,
} satisfies StoreDefinition;

export type RecordsDefinition = typeof store;

export const recordsSource: StoreSource<RecordsDefinition> = {
  definition: store,
  module: new URL("./store.js", import.meta.url),
};
