/** The schema of the KMS's store, version by version. */
import { auditMigration } from "../../../audit/migration.js";
import { CONSOLE_TABLES } from "./console.js";
import { REGISTRY_TABLES } from "./registry.js";

export const MIGRATIONS = [
  `CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL);
   CREATE TABLE clusters (id TEXT PRIMARY KEY, sealed TEXT NOT NULL);
   CREATE TABLE slots (
     phase TEXT NOT NULL, uid TEXT NOT NULL, slot INTEGER NOT NULL,
     last_counter INTEGER NOT NULL,
     current TEXT, current_counter INTEGER NOT NULL,
     PRIMARY KEY (phase, uid, slot));
   CREATE TABLE sets (
     id TEXT PRIMARY KEY,
     phase TEXT NOT NULL, uid TEXT NOT NULL, slot INTEGER NOT NULL, seq INTEGER NOT NULL,
     counter INTEGER NOT NULL, flags INTEGER NOT NULL, verify_only INTEGER NOT NULL, bank INTEGER NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('issued', 'failed', 'confirmed')),
     sealed TEXT, cluster TEXT REFERENCES clusters (id),
     auth TEXT NOT NULL, auth_slot INTEGER NOT NULL, auth_sealed TEXT,
     challenge TEXT,
     idempotency TEXT UNIQUE, request TEXT NOT NULL,
     issued_at INTEGER NOT NULL, resolved_at INTEGER,
     UNIQUE (phase, uid, slot, counter));
   CREATE UNIQUE INDEX sets_in_order ON sets (phase, uid, seq);
   CREATE TABLE checks (id TEXT PRIMARY KEY, set_id TEXT NOT NULL REFERENCES sets (id), issued_at INTEGER NOT NULL);
   CREATE TABLE reports (
     id TEXT PRIMARY KEY, kind TEXT NOT NULL, set_id TEXT NOT NULL REFERENCES sets (id),
     status TEXT NOT NULL, message TEXT NOT NULL,
     idempotency TEXT UNIQUE, request TEXT NOT NULL, reported_at INTEGER NOT NULL);`,
  // A report may belong to no set: set_id is NULL then, and the address says what it was about.
  `CREATE TABLE new_reports (
     id TEXT PRIMARY KEY, kind TEXT NOT NULL,
     phase TEXT NOT NULL, uid TEXT NOT NULL, slot INTEGER NOT NULL, set_id TEXT REFERENCES sets (id),
     status TEXT NOT NULL, message TEXT NOT NULL,
     idempotency TEXT UNIQUE, request TEXT NOT NULL, reported_at INTEGER NOT NULL);
   INSERT INTO new_reports
     SELECT r.id, r.kind, s.phase, s.uid, s.slot, r.set_id, r.status, r.message, r.idempotency, r.request, r.reported_at
     FROM reports r JOIN sets s ON s.id = r.set_id;
   DROP TABLE reports;
   ALTER TABLE new_reports RENAME TO reports;`,
  auditMigration("kms", ["sets", "reports"]),
  // Sets of before belong to no station, and what they prove was not kept.
  `CREATE TABLE leases (
     phase TEXT NOT NULL, uid TEXT NOT NULL, station TEXT NOT NULL, renewed_at BIGINT NOT NULL, ends_at BIGINT NOT NULL,
     PRIMARY KEY (phase, uid));
   ALTER TABLE sets ADD COLUMN station TEXT NOT NULL DEFAULT '';
   ALTER TABLE sets ADD COLUMN m4 TEXT;
   ALTER TABLE sets ADD COLUMN m5 TEXT;`,
  `${REGISTRY_TABLES}
   ${CONSOLE_TABLES}`,
  `CREATE INDEX sets_by_key_time ON sets (issued_at) WHERE idempotency IS NOT NULL;
   CREATE INDEX reports_by_key_time ON reports (reported_at) WHERE idempotency IS NOT NULL;`,
  "CREATE INDEX reports_by_ecu ON reports (phase, uid, reported_at)",
] as const;
