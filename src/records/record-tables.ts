/** The step of the schema that brings searchable, signed records and what became of units. */

/** Rows of the audit log about records. The schema indexes them by this very text, and queries need it for the index to serve them. */
export const RECORD_ROWS = "action IN ('finish', 'seal', 'delete', 'key')";

export const RECORD_TABLES = `
  ALTER TABLE run ADD COLUMN station TEXT;
  ALTER TABLE run ADD COLUMN sealed INTEGER;
  DROP INDEX run_vin;
  DROP INDEX run_ecu;
  CREATE INDEX run_vin ON run (vin, started_at, run_id);
  CREATE INDEX run_ecu ON run (ecu_id, started_at, run_id);
  CREATE INDEX run_serial ON run (serial, started_at, run_id);
  CREATE INDEX run_outcome ON run (outcome, started_at, run_id);
  CREATE INDEX run_code ON run (code, started_at, run_id);
  CREATE INDEX run_station ON run (station, started_at, run_id);
  CREATE INDEX run_bay ON run (bay, started_at, run_id);
  CREATE INDEX run_bay_outcome ON run (bay, outcome, started_at, run_id);
  CREATE INDEX run_bay_code ON run (bay, code, started_at, run_id);
  CREATE INDEX run_unsealed ON run (bay) WHERE sealed = 0;
  CREATE INDEX outbox_run ON outbox (run_id);
  CREATE TABLE run_certificate (
    run_id TEXT NOT NULL REFERENCES run (run_id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    dn TEXT NOT NULL,
    serial TEXT,
    PRIMARY KEY (run_id, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX run_certificate_serial ON run_certificate (serial);
  CREATE INDEX run_certificate_dn ON run_certificate (type, dn);
  INSERT INTO run_certificate (run_id, name, type, dn, serial)
    SELECT run.run_id, substr(step.value ->> '$.step', 6), step.value ->> '$.facts.type', step.value ->> '$.facts.dn',
      step.value ->> '$.facts.serial'
    FROM run, json_each(run.record, '$.steps') AS step
    WHERE step.value ->> '$.step' LIKE 'cert:%' AND step.value ->> '$.facts.dn' IS NOT NULL
      AND step.value ->> '$.facts.type' IS NOT NULL;
  CREATE TABLE unit_state (
    ecu_id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE revocation (
    ecu_id TEXT NOT NULL,
    type TEXT NOT NULL,
    dn TEXT NOT NULL,
    serials TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (ecu_id, type, dn)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX audit_record ON audit (action, subject, seq) WHERE ${RECORD_ROWS};`;
