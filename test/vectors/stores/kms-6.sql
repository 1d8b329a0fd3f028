-- The kms store as schema version 6 had it.
BEGIN;
CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL);
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
     issued_at INTEGER NOT NULL, resolved_at INTEGER, station TEXT NOT NULL DEFAULT '', m4 TEXT, m5 TEXT,
     UNIQUE (phase, uid, slot, counter));
CREATE TABLE checks (id TEXT PRIMARY KEY, set_id TEXT NOT NULL REFERENCES sets (id), issued_at INTEGER NOT NULL);
CREATE TABLE "reports" (
     id TEXT PRIMARY KEY, kind TEXT NOT NULL,
     phase TEXT NOT NULL, uid TEXT NOT NULL, slot INTEGER NOT NULL, set_id TEXT REFERENCES sets (id),
     status TEXT NOT NULL, message TEXT NOT NULL,
     idempotency TEXT UNIQUE, request TEXT NOT NULL, reported_at INTEGER NOT NULL);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    details TEXT NOT NULL,
    hash TEXT NOT NULL
  );
CREATE TABLE audit_head (
    name TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
  );
CREATE TABLE leases (
     phase TEXT NOT NULL, uid TEXT NOT NULL, station TEXT NOT NULL, renewed_at BIGINT NOT NULL, ends_at BIGINT NOT NULL,
     PRIMARY KEY (phase, uid));
CREATE TABLE registry_version (name TEXT PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE registry (
    kind TEXT NOT NULL, id TEXT NOT NULL,
    version INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    changed_at BIGINT NOT NULL, changed_by TEXT NOT NULL,
    PRIMARY KEY (kind, id));
CREATE TABLE console_tries (name TEXT PRIMARY KEY, failures INTEGER NOT NULL, locked_until BIGINT NOT NULL);
CREATE TABLE console_sessions (
    id TEXT PRIMARY KEY, user_name TEXT NOT NULL, credential TEXT NOT NULL,
    begun_at BIGINT NOT NULL, seen_at BIGINT NOT NULL);
INSERT INTO marks (name, value) VALUES ('vault', '3dr+o/IT4HKSkK47lc7IPpQ0U5lA4EoJuAeMTo6O3I3Ys6HsBg==');
INSERT INTO clusters (id, sealed) VALUES ('Prod|4|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', 'LnA9qYjdfHf5rdShrhL5gFHXz+1mk0skViI/L9wjAY9k51cB/ETyxY/SxNE=');
INSERT INTO clusters (id, sealed) VALUES ('Prod|5|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', '2kGWS2RXwwtPbhbMyuBlxNB7QKH/cieuQ/RIvOLnCMcsIk+tlrJ6yTp6kZE=');
INSERT INTO clusters (id, sealed) VALUES ('Prod|6|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', 'dr7fe1ryVnVl+wTeeGCvxruK8MVrPcXw9F7VYjhU8d3rWCYZgyx7dinXKJ0=');
INSERT INTO clusters (id, sealed) VALUES ('Prod|7|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', 'pJr+ms95KhvGDw1ardtAhGJC1OO3cinqAYppFm0vU/vqc300BTbxbd9uZL4=');
INSERT INTO clusters (id, sealed) VALUES ('Prod|8|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', 'YSfmQ0tGTRw1xjUehcRiCxml+BmChyZ4rmygBibzJM5jgsNTN/VXzWY2jX4=');
INSERT INTO clusters (id, sealed) VALUES ('Prod|9|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', 'iQsiBcsWQi33dSDUu8SUIJqLwu6W84heVJ49iyeXd6Nx9W6YwvoyMSpC2Sc=');
INSERT INTO clusters (id, sealed) VALUES ('Prod|10|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', 'uYDFIGDAvzBaLanFSg9j56bUh81ENOEGP7Fl+7ChddXj8iznTxgEfsg9jkY=');
INSERT INTO clusters (id, sealed) VALUES ('Prod|11|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', 'uy2aUJpHf4DdUsLyCxDB9l4L+cdwribmk6Y4BNSJz8YD8a7bjFFQfSQkFCc=');
INSERT INTO clusters (id, sealed) VALUES ('Prod|12|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', 'KyaBN9wrBWW22NubT7zM/wnd+tExmiL/ROsOulte8ABIu7bRlj/DGOtneBM=');
INSERT INTO slots (phase, uid, slot, last_counter, current, current_counter) VALUES ('Prod', '00030001b216fbb4fae287132a3acf', 1, 1, '11625d2b-6cf5-46d8-8e44-024f43bd7f2f', 1);
INSERT INTO slots (phase, uid, slot, last_counter, current, current_counter) VALUES ('Prod', '00030001b216fbb4fae287132a3acf', 4, 1, '7c5a61fe-c025-4060-8c4b-37dde0e15de3', 1);
INSERT INTO slots (phase, uid, slot, last_counter, current, current_counter) VALUES ('Prod', '00030001b216fbb4fae287132a3acf', 5, 1, '38678349-9ca4-434a-a432-eb925f44f802', 1);
INSERT INTO sets (id, phase, uid, slot, seq, counter, flags, verify_only, bank, state, sealed, cluster, auth, auth_slot, auth_sealed, challenge, idempotency, request, issued_at, resolved_at, station, m4, m5) VALUES ('11625d2b-6cf5-46d8-8e44-024f43bd7f2f', 'Prod', '00030001b216fbb4fae287132a3acf', 1, 1, 1, 13, 0, 0, 'confirmed', 'jWRazTEFeMSCYQloQVfDHGc8ow3Hh4YT0fBdUnG8ThdExqsnTGnuanjfclo=', NULL, '', 1, 'Z2Pch/4rBnQpcvgR0u3eN6m2QfMhjnsiHvAcskweBngunXREPH4bx2mL8DE=', NULL, '20261122T095019814Z-ac0827e428:key:master:1', 'f30e30ac74f1bbd60f7b45c78f7476e68a850e2c51215f3bb5330c737d480c71', 1795341022134, 1795341022190, '', NULL, NULL);
INSERT INTO sets (id, phase, uid, slot, seq, counter, flags, verify_only, bank, state, sealed, cluster, auth, auth_slot, auth_sealed, challenge, idempotency, request, issued_at, resolved_at, station, m4, m5) VALUES ('7c5a61fe-c025-4060-8c4b-37dde0e15de3', 'Prod', '00030001b216fbb4fae287132a3acf', 4, 2, 1, 15, 0, 0, 'confirmed', NULL, 'Prod|4|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', '11625d2b-6cf5-46d8-8e44-024f43bd7f2f', 1, NULL, '000102030405060708090a0b0c0d0e0f', '20261122T095019814Z-ac0827e428:key:secoc-4:1', '94e4cadc3781e2d121a7c64efd0fa9502cabb160cd90bd6bca272f5c223ed41f', 1795341022201, 1795341022267, '', NULL, NULL);
INSERT INTO sets (id, phase, uid, slot, seq, counter, flags, verify_only, bank, state, sealed, cluster, auth, auth_slot, auth_sealed, challenge, idempotency, request, issued_at, resolved_at, station, m4, m5) VALUES ('38678349-9ca4-434a-a432-eb925f44f802', 'Prod', '00030001b216fbb4fae287132a3acf', 5, 3, 1, 15, 0, 0, 'confirmed', NULL, 'Prod|5|ce8159d49a8e436f25919fa39d5c04f429561f0f1d5d85de977cf375a30b6b52', '11625d2b-6cf5-46d8-8e44-024f43bd7f2f', 1, NULL, '000102030405060708090a0b0c0d0e0f', '20261122T095019814Z-ac0827e428:key:secoc-5:1', '75e8b653c1f3b2bcf867b880cb1e029ed2c14854f28fbf7d8a2bbd9a6d7034c4', 1795341022262, 1795341022318, '', NULL, NULL);
INSERT INTO reports (id, kind, phase, uid, slot, set_id, status, message, idempotency, request, reported_at) VALUES ('8334528b-a4fe-4788-bdfb-63484318b99f', 'key', 'Prod', '00030001b216fbb4fae287132a3acf', 1, '11625d2b-6cf5-46d8-8e44-024f43bd7f2f', 'Success', '', '20261122T095019814Z-ac0827e428:key:master:1:report', 'd0b8d0b5ce484c8aef1dc6cf5f91449032d7ba5c1d15b570089d08ddf5bc4f88', 1795341022190);
INSERT INTO reports (id, kind, phase, uid, slot, set_id, status, message, idempotency, request, reported_at) VALUES ('3baf5d8d-112d-4402-bb66-ee58777dbb3d', 'key', 'Prod', '00030001b216fbb4fae287132a3acf', 4, '7c5a61fe-c025-4060-8c4b-37dde0e15de3', 'Success', '', '20261122T095019814Z-ac0827e428:key:secoc-4:1:report', 'e2c5c32ca26c99cfd5a1d5c035157c7f9b0c59198b13585f03c79d40fefefdc3', 1795341022267);
INSERT INTO reports (id, kind, phase, uid, slot, set_id, status, message, idempotency, request, reported_at) VALUES ('42cdc335-87ed-4fbf-b59b-25ec13f70085', 'key', 'Prod', '00030001b216fbb4fae287132a3acf', 5, '38678349-9ca4-434a-a432-eb925f44f802', 'Success', '', '20261122T095019814Z-ac0827e428:key:secoc-5:1:report', '883505410ea31b253d10c07855032428c0ade75466381a94d38186c58681ccf2', 1795341022318);
INSERT INTO audit (seq, at, actor, action, subject, outcome, details, hash) VALUES (1, 1795344489253, 'ecustation', 'begin', 'kms', 'begun', '{"chain":"ce36d218-6971-43aa-b5d9-ff5e7b2d2bbb","before":{"sets":3,"reports":3},"brought":0}', 'f0597312c68f4311c89cbd39afb2fb060ab8ab8961e9e60bc119f2f5db6ae130');
INSERT INTO audit_head (name, seq, hash) VALUES ('chain', 1, 'f0597312c68f4311c89cbd39afb2fb060ab8ab8961e9e60bc119f2f5db6ae130');
CREATE UNIQUE INDEX sets_in_order ON sets (phase, uid, seq);
CREATE INDEX sets_by_key_time ON sets (issued_at) WHERE idempotency IS NOT NULL;
CREATE INDEX reports_by_key_time ON reports (reported_at) WHERE idempotency IS NOT NULL;
PRAGMA user_version = 6;
COMMIT;
