-- The records store as schema version 7 had it.
BEGIN;
CREATE TABLE run (
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
   , station TEXT, sealed INTEGER) STRICT;
CREATE TABLE journal (
     seq INTEGER PRIMARY KEY,
     run_id TEXT NOT NULL REFERENCES run (run_id),
     step TEXT NOT NULL,
     event TEXT NOT NULL,
     at INTEGER NOT NULL,
     data TEXT NOT NULL
   ) STRICT;
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
   , sink TEXT NOT NULL DEFAULT 'kms', at INTEGER NOT NULL DEFAULT 0, reason TEXT) STRICT;
CREATE TABLE bay_claim (
     bay TEXT PRIMARY KEY,
     owner TEXT NOT NULL,
     pid INTEGER NOT NULL,
     process TEXT NOT NULL,
     at INTEGER NOT NULL
   ) STRICT;
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
CREATE TABLE profile_version (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    kept_at INTEGER NOT NULL
  ) STRICT;
CREATE TABLE profile_approval (
    hash TEXT NOT NULL REFERENCES profile_version (hash),
    person TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (hash, person)
  ) STRICT;
CREATE TABLE run_certificate (
    run_id TEXT NOT NULL REFERENCES run (run_id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    dn TEXT NOT NULL,
    serial TEXT,
    PRIMARY KEY (run_id, name)
  ) STRICT, WITHOUT ROWID;
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
CREATE TABLE page_user (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    pin TEXT NOT NULL,
    badge TEXT UNIQUE,
    locked INTEGER NOT NULL DEFAULT 0
  ) STRICT;
CREATE TABLE page_tries (
    name TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    locked_until INTEGER NOT NULL
  ) STRICT;
INSERT INTO run (run_id, bay, profile, vin, ecu_id, serial, header, started_at, resumed, outcome, code, finished_at, record, station, sealed) VALUES ('20261122T095019814Z-ac0827e428', 'sim-9041-516015207', 'evcc', 'KMHW64X80FT753789', 'ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf', 'SN87132A3ACF', '{"runId":"20261122T095019814Z-ac0827e428","bay":"sim-9041-516015207","link":"sim:","profile":{"name":"evcc","version":1,"hash":"ae6745a1dfd2e2a6ea2fc18fef3215b08d4441a23b31965ae94ef853af517edd","file":"/work/main/hw-profiles/evcc.yaml"},"inputs":{"vin":"KMHW64X80FT753789","pcid":"KM87W4PZT0A1895086","evccid":"KM77BSA0UZCJ8UVU3094","vehicleCode":"SX2","localCode":"KR","brandCode":"HMC"},"startedAt":1795341019814,"programVersion":"0.1.0","plan":["open","identify","unlock","vin","clock","cert:prov-2","cert:prov-20","cert:vehicle-20","key:master","key:secoc-4","key:secoc-5","key:secoc-6","key:secoc-7","key:secoc-8","key:secoc-9","key:secoc-a","key:secoc-b","key:secoc-c","key:supplier","sync:supplier","lock","verify"]}', 1795341019814, 0, 'PASS', NULL, 1795341023284, '{"certificates":[{"dn":"cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM","name":"prov-2","notAfter":"2056-11-22T14:59:59.000Z","operation":"issue","serial":"4f6dc4f63fa83f20c755c0d8b2a6780f3d7aebfb","sha256":"034220eee90f72ceaef9fdef7bef2db9d033ad4781a050f9eca806155f127391","slot":0,"type":"prov-15118-2"},{"dn":"cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM20","name":"prov-20","notAfter":"2056-11-22T14:59:59.000Z","operation":"issue","serial":"7cf216ded41739921493dc77b1cda0b1a4d9aafe","sha256":"8fa6ce55b80f5cdc7df61f3c6a12992ac5ebb278cc8167ac6f93b347964fd2a6","slot":1,"type":"prov-15118-20"},{"dn":"cn=KM77BSA0UZCJ8UVU3094,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=EV","name":"vehicle-20","notAfter":"2056-11-22T14:59:59.000Z","operation":"issue","serial":"7f5190423af10932948ac4a2372820915babaa52","sha256":"7473190a3d71541087794ba48c36c3a7595ffd9a3e03a2cbd98810f985f78f0c","slot":2,"type":"vehicle-15118-20"}],"finishedAt":1795341023284,"header":{"bay":"sim-9041-516015207","inputs":{"brandCode":"HMC","evccid":"KM77BSA0UZCJ8UVU3094","localCode":"KR","pcid":"KM87W4PZT0A1895086","vehicleCode":"SX2","vin":"KMHW64X80FT753789"},"link":"sim:","plan":["open","identify","unlock","vin","clock","cert:prov-2","cert:prov-20","cert:vehicle-20","key:master","key:secoc-4","key:secoc-5","key:secoc-6","key:secoc-7","key:secoc-8","key:secoc-9","key:secoc-a","key:secoc-b","key:secoc-c","key:supplier","sync:supplier","lock","verify"],"profile":{"file":"/work/main/hw-profiles/evcc.yaml","hash":"ae6745a1dfd2e2a6ea2fc18fef3215b08d4441a23b31965ae94ef853af517edd","name":"evcc","version":1},"programVersion":"0.1.0","runId":"20261122T095019814Z-ac0827e428","startedAt":1795341019814},"identity":{"ecuId":"ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf","hwVersion":"HW-1.0","partNumber":"91950-EV000","serialNumber":"SN87132A3ACF","state":{"certificateSlots":7,"keySlots":16370,"lifeCycle":"locked"},"swVersion":"SW-1.0","systemName":"EVCC","vin":"KMHW64X80FT753789"},"keys":[{"correlationId":"11625d2b-6cf5-46d8-8e44-024f43bd7f2f","keyId":"1","m4":"00030001b216fbb4fae287132a3acf115c6a39cb529c48efbf9057b0b6b577d5","m5":"20fe0ff376d97ea039d048c75f81d137","name":"master","slot":"1","type":"EcuMasterKey"},{"correlationId":"7c5a61fe-c025-4060-8c4b-37dde0e15de3","counter":1,"keyId":"4","m4":"00030001b216fbb4fae287132a3acf4150f26c23b308d8a13b3f03aea7355df0","m5":"364103f21e5337ef5350cfc59d6ab32f","name":"secoc-4","slot":"4","type":"SecOCKey"},{"correlationId":"38678349-9ca4-434a-a432-eb925f44f802","counter":1,"keyId":"5","m4":"00030001b216fbb4fae287132a3acf5157f3dc26ced03f533ac574fd0dca9190","m5":"00de6a088dbb3bc294027862e184989e","name":"secoc-5","slot":"5","type":"SecOCKey"},{"correlationId":"1b9078a8-28b5-413a-861e-2eebc0d6535a","counter":1,"keyId":"6","m4":"00030001b216fbb4fae287132a3acf61a0b14543ef271826c3321d15d191a772","m5":"b84585ab607774ff7bac8889c577791d","name":"secoc-6","slot":"6","type":"SecOCKey"},{"correlationId":"c6e8569a-2eca-465f-bddc-a23bace64d9e","counter":1,"keyId":"7","m4":"00030001b216fbb4fae287132a3acf715f48628a69721578b84b3cb3a11982bf","m5":"4a88ddbe1e4e24a5322517b52393d272","name":"secoc-7","slot":"7","type":"SecOCKey"},{"correlationId":"db93d3be-284b-4d8c-887d-d608b9318924","counter":1,"keyId":"8","m4":"00030001b216fbb4fae287132a3acf81be0acb0dd1584467d3b150b5bd823360","m5":"e0b8f8f996c9933bd166cde683619a8c","name":"secoc-8","slot":"8","type":"SecOCKey"},{"correlationId":"6603db2b-9ff5-4662-a021-5bf84019ca76","counter":1,"keyId":"9","m4":"00030001b216fbb4fae287132a3acf91ea09d39b40e86379c0eb514843e0d44b","m5":"4e7c45a743d28f931c5a429fa8ee78aa","name":"secoc-9","slot":"9","type":"SecOCKey"},{"correlationId":"30acb0c7-3bb4-479b-892b-0827a4d0ed20","counter":1,"keyId":"A","m4":"00030001b216fbb4fae287132a3acfa1fb1c6cfbcbfc96066e17d4a5a7759aa4","m5":"d5ca80271fa048dcade588ad382b30d7","name":"secoc-a","slot":"A","type":"SecOCKey"},{"correlationId":"50d77a0b-dd7b-4c19-9e6c-b3cfb6d63f87","counter":1,"keyId":"B","m4":"00030001b216fbb4fae287132a3acfb1f8a6f7a778e2fa501d431f8a0482f2ba","m5":"f8fd3f4288967023b575d39025c7672b","name":"secoc-b","slot":"B","type":"SecOCKey"},{"correlationId":"b9caea8a-65db-46fc-b17f-0abb763a88ca","counter":1,"keyId":"C","m4":"00030001b216fbb4fae287132a3acfc162e977b41185fa911844b4ca283ec080","m5":"36f5c88618c5d796fce7b23040487a24","name":"secoc-c","slot":"C","type":"SecOCKey"},{"correlationId":"5d9723b6-87fd-42cc-ba93-e5721b23b1ad","keyId":"D","m4":"00030001b216fbb4fae287132a3acfd15755b7ee15278157fad03f00d1c09326","m5":"838f006130845c9e6fd155c2d3192447","name":"supplier","slot":"D","type":"SupplierSymmKey"}],"outcome":"PASS","owed":0,"resumed":0,"runId":"20261122T095019814Z-ac0827e428","schema":1,"startedAt":1795341019814,"steps":[{"facts":{},"ms":1592.6888669999998,"startedAt":1795341019973,"state":"done","step":"open"},{"facts":{"certificateSlots":0,"ecuId":"ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf","hwVersion":"HW-1.0","keySlots":0,"lifeCycle":"production","partNumber":"91950-EV000","serialNumber":"SN87132A3ACF","swVersion":"SW-1.0","systemName":"EVCC","vin":null},"ms":30.863751000000775,"startedAt":1795341021567,"state":"done","step":"identify"},{"facts":{},"ms":18.868805000000066,"startedAt":1795341021599,"state":"done","step":"unlock"},{"facts":{"vin":"KMHW64X80FT753789"},"ms":11.511109000000033,"startedAt":1795341021619,"state":"done","step":"vin"},{"facts":{"time":"2026-11-22T09:50:23.000Z"},"ms":10.006271000000197,"startedAt":1795341021631,"state":"done","step":"clock"},{"facts":{"dn":"cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM","notAfter":"2056-11-22T14:59:59.000Z","operation":"issue","proof":"sha256","serial":"4f6dc4f63fa83f20c755c0d8b2a6780f3d7aebfb","sha256":"034220eee90f72ceaef9fdef7bef2db9d033ad4781a050f9eca806155f127391","slot":0,"type":"prov-15118-2"},"ms":134.7832639999997,"startedAt":1795341021642,"state":"done","step":"cert:prov-2"},{"facts":{"dn":"cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM20","notAfter":"2056-11-22T14:59:59.000Z","operation":"issue","proof":"sha512","serial":"7cf216ded41739921493dc77b1cda0b1a4d9aafe","sha256":"8fa6ce55b80f5cdc7df61f3c6a12992ac5ebb278cc8167ac6f93b347964fd2a6","slot":1,"type":"prov-15118-20"},"ms":183.87785200000053,"startedAt":1795341021778,"state":"done","step":"cert:prov-20"},{"facts":{"dn":"cn=KM77BSA0UZCJ8UVU3094,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=EV","notAfter":"2056-11-22T14:59:59.000Z","operation":"issue","proof":"sha512","serial":"7f5190423af10932948ac4a2372820915babaa52","sha256":"7473190a3d71541087794ba48c36c3a7595ffd9a3e03a2cbd98810f985f78f0c","slot":2,"type":"vehicle-15118-20"},"ms":157.204882,"startedAt":1795341021963,"state":"done","step":"cert:vehicle-20"},{"facts":{"attempt":1,"correlationId":"11625d2b-6cf5-46d8-8e44-024f43bd7f2f","keyId":"1","m4":"00030001b216fbb4fae287132a3acf115c6a39cb529c48efbf9057b0b6b577d5","m5":"20fe0ff376d97ea039d048c75f81d137","reportId":"20261122T095019814Z-ac0827e428:key:master:1:report","slot":"1","type":"EcuMasterKey"},"ms":47.61770499999966,"startedAt":1795341022121,"state":"done","step":"key:master"},{"facts":{"attempt":1,"correlationId":"7c5a61fe-c025-4060-8c4b-37dde0e15de3","counter":1,"keyId":"4","m4":"00030001b216fbb4fae287132a3acf4150f26c23b308d8a13b3f03aea7355df0","m5":"364103f21e5337ef5350cfc59d6ab32f","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-4:1:report","slot":"4","type":"SecOCKey"},"ms":85.36525100000017,"startedAt":1795341022169,"state":"done","step":"key:secoc-4"},{"facts":{"attempt":1,"correlationId":"38678349-9ca4-434a-a432-eb925f44f802","counter":1,"keyId":"5","m4":"00030001b216fbb4fae287132a3acf5157f3dc26ced03f533ac574fd0dca9190","m5":"00de6a088dbb3bc294027862e184989e","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-5:1:report","slot":"5","type":"SecOCKey"},"ms":51.06194599999981,"startedAt":1795341022255,"state":"done","step":"key:secoc-5"},{"facts":{"attempt":1,"correlationId":"1b9078a8-28b5-413a-861e-2eebc0d6535a","counter":1,"keyId":"6","m4":"00030001b216fbb4fae287132a3acf61a0b14543ef271826c3321d15d191a772","m5":"b84585ab607774ff7bac8889c577791d","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-6:1:report","slot":"6","type":"SecOCKey"},"ms":55.69659800000045,"startedAt":1795341022306,"state":"done","step":"key:secoc-6"},{"facts":{"attempt":1,"correlationId":"c6e8569a-2eca-465f-bddc-a23bace64d9e","counter":1,"keyId":"7","m4":"00030001b216fbb4fae287132a3acf715f48628a69721578b84b3cb3a11982bf","m5":"4a88ddbe1e4e24a5322517b52393d272","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-7:1:report","slot":"7","type":"SecOCKey"},"ms":31.245420000000195,"startedAt":1795341022363,"state":"done","step":"key:secoc-7"},{"facts":{"attempt":1,"correlationId":"db93d3be-284b-4d8c-887d-d608b9318924","counter":1,"keyId":"8","m4":"00030001b216fbb4fae287132a3acf81be0acb0dd1584467d3b150b5bd823360","m5":"e0b8f8f996c9933bd166cde683619a8c","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-8:1:report","slot":"8","type":"SecOCKey"},"ms":25.544930000000022,"startedAt":1795341022394,"state":"done","step":"key:secoc-8"},{"facts":{"attempt":1,"correlationId":"6603db2b-9ff5-4662-a021-5bf84019ca76","counter":1,"keyId":"9","m4":"00030001b216fbb4fae287132a3acf91ea09d39b40e86379c0eb514843e0d44b","m5":"4e7c45a743d28f931c5a429fa8ee78aa","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-9:1:report","slot":"9","type":"SecOCKey"},"ms":38.36727599999995,"startedAt":1795341022421,"state":"done","step":"key:secoc-9"},{"facts":{"attempt":1,"correlationId":"30acb0c7-3bb4-479b-892b-0827a4d0ed20","counter":1,"keyId":"A","m4":"00030001b216fbb4fae287132a3acfa1fb1c6cfbcbfc96066e17d4a5a7759aa4","m5":"d5ca80271fa048dcade588ad382b30d7","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-a:1:report","slot":"A","type":"SecOCKey"},"ms":26.716851000000133,"startedAt":1795341022459,"state":"done","step":"key:secoc-a"},{"facts":{"attempt":1,"correlationId":"50d77a0b-dd7b-4c19-9e6c-b3cfb6d63f87","counter":1,"keyId":"B","m4":"00030001b216fbb4fae287132a3acfb1f8a6f7a778e2fa501d431f8a0482f2ba","m5":"f8fd3f4288967023b575d39025c7672b","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-b:1:report","slot":"B","type":"SecOCKey"},"ms":47.006303999999545,"startedAt":1795341022486,"state":"done","step":"key:secoc-b"},{"facts":{"attempt":1,"correlationId":"b9caea8a-65db-46fc-b17f-0abb763a88ca","counter":1,"keyId":"C","m4":"00030001b216fbb4fae287132a3acfc162e977b41185fa911844b4ca283ec080","m5":"36f5c88618c5d796fce7b23040487a24","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:key:secoc-c:1:report","slot":"C","type":"SecOCKey"},"ms":130.73023700000067,"startedAt":1795341022534,"state":"done","step":"key:secoc-c"},{"facts":{"attempt":1,"correlationId":"5d9723b6-87fd-42cc-ba93-e5721b23b1ad","keyId":"D","m4":"00030001b216fbb4fae287132a3acfd15755b7ee15278157fad03f00d1c09326","m5":"838f006130845c9e6fd155c2d3192447","reportId":"20261122T095019814Z-ac0827e428:key:supplier:1:report","slot":"D","type":"SupplierSymmKey"},"ms":101.99666800000068,"startedAt":1795341022665,"state":"done","step":"key:supplier"},{"facts":{"keyId":"D","proof":"CMAC","reportId":"20261122T095019814Z-ac0827e428:sync:supplier:1:report","slot":"D","type":"SupplierSymmKey"},"ms":31.649731999999858,"startedAt":1795341022768,"state":"done","step":"sync:supplier"},{"facts":{},"ms":10.83599199999935,"startedAt":1795341022800,"state":"done","step":"lock"},{"facts":{"certificateSlots":7,"keySlots":16370,"lifeCycle":"locked"},"ms":470.6467309999998,"startedAt":1795341022811,"state":"done","step":"verify"}]}', NULL, NULL);
INSERT INTO run (run_id, bay, profile, vin, ecu_id, serial, header, started_at, resumed, outcome, code, finished_at, record, station, sealed) VALUES ('20251122T095019814Z-ac0827e428', 'sim-9041-516015207', 'evcc', 'KMHW64X80FT753789', 'ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf', 'SN87132A3ACF', '{"runId":"20251122T095019814Z-ac0827e428","bay":"sim-9041-516015207","link":"sim:","profile":{"name":"evcc","version":1,"hash":"ae6745a1dfd2e2a6ea2fc18fef3215b08d4441a23b31965ae94ef853af517edd","file":"/work/main/hw-profiles/evcc.yaml"},"inputs":{"vin":"KMHW64X80FT753789","pcid":"KM87W4PZT0A1895086","evccid":"KM77BSA0UZCJ8UVU3094","vehicleCode":"SX2","localCode":"KR","brandCode":"HMC"},"startedAt":1795341019814,"programVersion":"0.1.0","plan":["open","identify","unlock","vin","clock","cert:prov-2","cert:prov-20","cert:vehicle-20","key:master","key:secoc-4","key:secoc-5","key:secoc-6","key:secoc-7","key:secoc-8","key:secoc-9","key:secoc-a","key:secoc-b","key:secoc-c","key:supplier","sync:supplier","lock","verify"]}', 1795341018814, 0, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (1, '20261122T095019814Z-ac0827e428', 'open', 'started', 1795341019974, '{}');
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (2, '20261122T095019814Z-ac0827e428', 'open', 'finished', 1795341021557, '{"ms":1583.9084899999998}');
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (3, '20261122T095019814Z-ac0827e428', 'identify', 'started', 1795341021567, '{}');
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (4, '20261122T095019814Z-ac0827e428', 'identify', 'finished', 1795341021594, '{"partNumber":"91950-EV000","hwVersion":"HW-1.0","swVersion":"SW-1.0","systemName":"EVCC","serialNumber":"SN87132A3ACF","ecuId":"ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf","vin":null,"lifeCycle":"production","keySlots":0,"certificateSlots":0,"ms":26.998767000000043}');
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (5, '20261122T095019814Z-ac0827e428', 'unlock', 'started', 1795341021599, '{}');
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (6, '20261122T095019814Z-ac0827e428', 'unlock', 'finished', 1795341021610, '{"ms":10.686641000000236}');
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (23, '20261122T095019814Z-ac0827e428', 'key:master', 'started', 1795341022121, '{}');
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (24, '20261122T095019814Z-ac0827e428', 'key:master', 'noted', 1795341022146, '{"load":{"reportId":"20261122T095019814Z-ac0827e428:key:master:1:report","ecuId":"ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf","slot":1,"type":"EcuMasterKey","keyId":"1","m4":"00030001b216fbb4fae287132a3acf115c6a39cb529c48efbf9057b0b6b577d5","m5":"20fe0ff376d97ea039d048c75f81d137","correlationId":"11625d2b-6cf5-46d8-8e44-024f43bd7f2f"}}');
INSERT INTO journal (seq, run_id, step, event, at, data) VALUES (25, '20261122T095019814Z-ac0827e428', 'key:master', 'finished', 1795341022161, '{"type":"EcuMasterKey","keyId":"1","slot":"1","attempt":1,"m4":"00030001b216fbb4fae287132a3acf115c6a39cb529c48efbf9057b0b6b577d5","m5":"20fe0ff376d97ea039d048c75f81d137","reportId":"20261122T095019814Z-ac0827e428:key:master:1:report","correlationId":"11625d2b-6cf5-46d8-8e44-024f43bd7f2f","ms":39.770526999999674}');
INSERT INTO outbox (seq, id, run_id, ecu_id, result, state, attempts, next_at, last_error, settled_at, sink, at, reason) VALUES (1, '20261122T095019814Z-ac0827e428:key:master:1:report', '20261122T095019814Z-ac0827e428', 'ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf', '{"kind":"key","type":"EcuMasterKey","ecuId":"ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf","keyId":"1","status":"Success","message":"","correlationId":"11625d2b-6cf5-46d8-8e44-024f43bd7f2f"}', 'delivered', 1, 1795341022161, NULL, 1795341022195, 'kms', 1795341019814, NULL);
INSERT INTO outbox (seq, id, run_id, ecu_id, result, state, attempts, next_at, last_error, settled_at, sink, at, reason) VALUES (2, '20261122T095019814Z-ac0827e428:key:secoc-4:1:report', '20261122T095019814Z-ac0827e428', 'ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf', '{"kind":"key","type":"SecOCKey","ecuId":"ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf","keyId":"4","status":"Success","message":"","correlationId":"7c5a61fe-c025-4060-8c4b-37dde0e15de3"}', 'delivered', 1, 1795341022249, NULL, 1795341022283, 'kms', 1795341019814, NULL);
INSERT INTO outbox (seq, id, run_id, ecu_id, result, state, attempts, next_at, last_error, settled_at, sink, at, reason) VALUES (3, '20261122T095019814Z-ac0827e428:key:secoc-5:1:report', '20261122T095019814Z-ac0827e428', 'ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf', '{"kind":"key","type":"SecOCKey","ecuId":"ffb51b50a19b89c3ffb02c3500030001b216fbb4fae287132a3acf","keyId":"5","status":"Success","message":"","correlationId":"38678349-9ca4-434a-a432-eb925f44f802"}', 'waiting', 1, 1795341022303, NULL, NULL, 'kms', 1795341019814, NULL);
INSERT INTO audit (seq, at, actor, action, subject, outcome, details, hash) VALUES (1, 1795344489179, 'ecustation', 'begin', 'records', 'begun', '{"chain":"f69cb077-ca9a-402f-983d-208d8fb18467","before":{"run":2,"outbox":3},"brought":0}', '28f5c9cf16fe7e61ad375e3d3d3fc7d5846a10488e0c0101996a6df6da8b0450');
INSERT INTO audit_head (name, seq, hash) VALUES ('chain', 1, '28f5c9cf16fe7e61ad375e3d3d3fc7d5846a10488e0c0101996a6df6da8b0450');
INSERT INTO run_certificate (run_id, name, type, dn, serial) VALUES ('20261122T095019814Z-ac0827e428', 'prov-2', 'prov-15118-2', 'cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM', '4f6dc4f63fa83f20c755c0d8b2a6780f3d7aebfb');
INSERT INTO run_certificate (run_id, name, type, dn, serial) VALUES ('20261122T095019814Z-ac0827e428', 'prov-20', 'prov-15118-20', 'cn=KM87W4PZT0A1895086,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM20', '7cf216ded41739921493dc77b1cda0b1a4d9aafe');
INSERT INTO run_certificate (run_id, name, type, dn, serial) VALUES ('20261122T095019814Z-ac0827e428', 'vehicle-20', 'vehicle-15118-20', 'cn=KM77BSA0UZCJ8UVU3094,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=EV', '7f5190423af10932948ac4a2372820915babaa52');
CREATE INDEX run_open ON run (bay) WHERE outcome IS NULL;
CREATE INDEX run_time ON run (started_at, run_id);
CREATE INDEX journal_run ON journal (run_id, seq);
CREATE INDEX journal_load ON journal (json_extract(data, '$.load.ecuId')) WHERE json_extract(data, '$.load.ecuId') IS NOT NULL;
CREATE INDEX outbox_unsettled ON outbox (sink, seq) WHERE state IN ('waiting', 'quarantined');
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
CREATE INDEX run_certificate_serial ON run_certificate (serial);
CREATE INDEX run_certificate_dn ON run_certificate (type, dn);
CREATE INDEX audit_record ON audit (action, subject, seq) WHERE action IN ('finish', 'seal', 'delete', 'key');
CREATE INDEX journal_request ON journal (json_extract(data, '$.request.dn')) WHERE json_extract(data, '$.request.dn') IS NOT NULL;
PRAGMA user_version = 7;
COMMIT;
