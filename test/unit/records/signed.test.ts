import { spawnSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../../src/db/database.js";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { canonicalJson } from "../../../src/records/canonical.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import { deleteOldRuns } from "../../../src/records/retention.js";
import { revokeUnit } from "../../../src/records/revocation.js";
import { createSealer, type Sealer } from "../../../src/records/seal.js";
import { isSignedBy, openStationKey, type StationKey, signedBytes, verifyingKey } from "../../../src/records/sign.js";
import { unitRecord } from "../../../src/records/unit-record.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { RunHeader, RunRecord, StepRecord } from "../../../src/station/ports.js";
import { ran } from "../cli/io-helper.js";

let folder: string;
let stores: StoreHost;
let records: Records;
let key: StationKey;
let sealer: Sealer;
const clock = new VirtualClock();
const DAY = 86_400_000;
const TRACE = { file: "a.log", bytes: 3, sha256: "ab".repeat(32) };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "signed-"));
  stores = inlineStores();
  records = await openRecords({ stores, file: join(folder, "records.sqlite"), clock });
  key = await openStationKey(join(folder, "station.key"));
  sealer = await createSealer({
    store: records.store,
    key,
    clock,
    traces: async (run) => (run === "a" ? [TRACE] : []),
  });
});
afterEach(async () => {
  await stores.close();
  rmSync(folder, { recursive: true, force: true });
});

const ecu = (n: number) => n.toString(16).padStart(54, "0");

const certificate = (dn: string, serial: string): StepRecord => ({
  step: "cert:one",
  state: "done",
  startedAt: 0,
  ms: 1,
  facts: { type: "ccu-sha256", slot: 0, dn, serial },
});

function runOf(runId: string, unit: number, more: Partial<RunRecord> = {}): RunRecord {
  const header: RunHeader = {
    runId,
    station: "s",
    bay: "1",
    operator: "kim",
    link: "sim:",
    profile: { name: "evcc", version: 1, hash: "0".repeat(64) },
    inputs: { vin: `VIN${unit}` },
    expectedEcuId: undefined,
    startedAt: clock.now() + Number.parseInt(runId, 36),
    programVersion: "1",
    plan: ["open"],
  };
  const identity = { ecuId: ecu(unit), serialNumber: `SN${unit}`, vin: `VIN${unit}` } as never;
  const times = { startedAt: header.startedAt, finishedAt: header.startedAt + 5 };
  const rest = { steps: [], timers: {}, resumed: 0, owed: 0, outcome: "PASS" } as const;
  return { schema: 1, runId, header, identity, ...times, ...rest, ...more };
}

async function finished(record: RunRecord): Promise<void> {
  await records.runs.begin(record.header);
  await records.runs.finish(record);
  await sealer.sealBay("1");
}

const verify = () => ran(["records", "verify", "--data", folder, "--json"]);

async function tamper(sql: string): Promise<void> {
  const database = openDatabase(join(folder, "records.sqlite"));
  await database.exec("PRAGMA foreign_keys = OFF");
  await database.exec(sql);
  database.close();
}

describe("the station's key", () => {
  it("is made once, for its user alone", async () => {
    expect(statSync(join(folder, "station.key")).mode & 0o777).toBe(0o600);
    expect((await openStationKey(join(folder, "station.key"))).id).toBe(key.id);
    writeFileSync(join(folder, "other.key"), "no key");
    await expect(openStationKey(join(folder, "other.key"))).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });

  it("signs what OpenSSL verifies with the exported public key", async (context) => {
    await finished(runOf("a", 1));
    const record = (await records.history.show("a"))?.record;
    if (record?.signature === undefined) throw new Error("not signed");
    expect(record.traces).toEqual([TRACE]);
    const at = (name: string) => join(folder, name);
    writeFileSync(at("pub.pem"), (await ran(["records", "key", "--data", folder])).out);
    writeFileSync(at("signed"), signedBytes(record));
    writeFileSync(at("sig"), Buffer.from(record.signature.value, "base64"));
    const openssl = (file: string) =>
      spawnSync("openssl", [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        at("pub.pem"),
        "-rawin",
        "-in",
        at(file),
        "-sigfile",
        at("sig"),
      ]);
    const checked = openssl("signed");
    if (checked.error !== undefined && process.env.STATION_REQUIRE !== "1") context.skip("openssl is not installed");
    expect(checked.status).toBe(0);
    writeFileSync(at("changed"), readFileSync(at("signed"), "utf8").replace("PASS", "FAIL"));
    expect(openssl("changed").status).not.toBe(0);
  });

  it("does not sign for another record", () => {
    const signed = key.sign(unitRecord(runOf("a", 1)));
    const own = verifyingKey(
      createPublicKey({ key: Buffer.from(key.spki, "base64"), type: "spki", format: "der" }),
      "",
    );
    expect(isSignedBy(signed, own)).toBe(true);
    expect(isSignedBy({ ...signed, outcome: "FAIL" }, own)).toBe(false);
  });
});

describe("canonical JSON", () => {
  it("is the same for the same value, whatever the order of its members, and reads back", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("orders by UTF-16 units and has no white space (RFC 8785, 3.2.3)", () => {
    const value = {
      "\u20ac": 1,
      "\r": [2, { b: 1e21, a: null }],
      "1": "\u000f",
      "\ud83d\ude00": true,
      "\ufb33": undefined,
    };
    expect(canonicalJson(value)).toBe('{"\\r":[2,{"a":null,"b":1e+21}],"1":"\\u000f","\u20ac":1,"\ud83d\ude00":true}');
  });
});

describe("records verify", () => {
  it("holds for records that are signed, exported ones too", async () => {
    for (const id of ["a", "b", "c"]) await finished(runOf(id, 1));
    expect(JSON.parse((await verify()).out)).toMatchObject({
      ok: true,
      records: [{ records: 3, signed: 3, bad: null }],
    });
    for (const format of ["json", "jsonl"]) {
      const out = join(folder, `x.${format}`);
      expect((await ran(["records", "export", "--data", folder, "--format", format, "--out", out])).code).toBe(0);
      const checked = await ran(["records", "verify", "--data", folder, "--file", out]);
      expect([checked.code, checked.out]).toEqual([0, `OK      ${out}  3 records, 3 signed\n`]);
      writeFileSync(out, readFileSync(out, "utf8").replace('"operator":"kim"', '"operator":"lee"'));
      const changed = await ran(["records", "verify", "--data", folder, "--file", out]);
      expect([changed.code, changed.out]).toEqual([1, expect.stringMatching(/^BROKEN .* run c was changed/)]);
    }
  });

  it("misses the signature of an exported record, since whoever changes one may take it away", async () => {
    await finished(runOf("a", 1));
    const out = join(folder, "x.jsonl");
    await ran(["records", "export", "--data", folder, "--format", "jsonl", "--out", out]);
    const { signature: _, ...record } = JSON.parse(readFileSync(out, "utf8"));
    writeFileSync(out, `${JSON.stringify({ ...record, operator: "lee" })}\n`);
    const { code, out: told } = await ran(["records", "verify", "--data", folder, "--file", out]);
    expect([code, told]).toEqual([1, expect.stringMatching(/^BROKEN .* run a has no signature/)]);
  });

  it("holds for an exported chain, and misses rows that were cut off", async () => {
    await finished(runOf("a", 1));
    const out = join(folder, "chain.jsonl");
    await ran(["records", "export", "--data", folder, "--audit", "--out", out]);
    expect((await ran(["records", "verify", "--data", folder, "--file", out])).code).toBe(0);
    writeFileSync(out, `${readFileSync(out, "utf8").trimEnd().split("\n").slice(0, -1).join("\n")}\n`);
    expect((await ran(["records", "verify", "--data", folder, "--file", out])).code).toBe(1);
  });

  it.each([
    ["a changed record", `UPDATE run SET record = replace(record, 'kim', 'lee') WHERE run_id = 'b'`, /was changed/],
    ["a record that is gone", "DELETE FROM run WHERE run_id = 'b'", /is missing/],
  ])("names the run of %s", async (_, sql, what) => {
    for (const id of ["a", "b", "c"]) await finished(runOf(id, 1));
    await tamper(sql);
    const { code, out } = await verify();
    expect([code, JSON.parse(out).records[0].bad]).toEqual([1, { run: "b", what: expect.stringMatching(what) }]);
  });
});

describe("retention", () => {
  const prune = (retention: { days?: number; runs?: number }) =>
    deleteOldRuns(
      { store: records.store, clock, retention, forget: async () => undefined },
      new AbortController().signal,
    );

  it("deletes by count and by age, and the audit chain holds and says so", async () => {
    for (const id of ["a", "b", "c"]) await finished(runOf(id, 1));
    expect(await prune({})).toEqual([]);
    expect(await prune({ runs: 2 })).toEqual(["a"]);
    await clock.advance(3 * DAY);
    await finished(runOf("d", 1));
    expect(await prune({ days: 2 })).toEqual(["b", "c"]);
    expect(JSON.parse((await verify()).out)).toMatchObject({ ok: true, records: [{ records: 1, bad: null }] });
  });

  it("keeps what is owed, what is open and what nobody settled", async () => {
    const result = {
      kind: "key",
      type: "SecOCKey",
      ecuId: ecu(1),
      keyId: "4",
      status: "Success",
      message: "",
    } as const;
    const owing = runOf("a", 1);
    await records.runs.begin(owing.header);
    await records.runs.append("a", { step: "key:x", event: "finished", at: 0, data: {} }, [
      { id: "r1", result: { ...result, correlationId: undefined } },
    ]);
    await records.runs.finish(owing);
    const unsettled = runOf("b", 2);
    const load = { reportId: "r2", ecuId: ecu(2), slot: 4, type: "SecOCKey", keyId: "4", m4: "00", m5: "00" };
    await records.runs.begin(unsettled.header);
    await records.runs.append("b", { step: "key:x", event: "noted", at: 0, data: { load } });
    await records.runs.finish(unsettled);
    await records.runs.begin(runOf("c", 3).header);
    await finished(runOf("d", 4));
    await finished(runOf("e", 5));
    expect(await prune({ runs: 1 })).toEqual(["d"]);
    await records.store.call("outboxDelivered", { id: "r1", now: 0 });
    expect(await prune({ runs: 1 })).toEqual(["a"]);
  });
});

describe("revoke", () => {
  const vpki = (answers: Record<string, "revoked" | "already-revoked" | "unknown-dn">, asked: string[] = []) => ({
    asked,
    revoke: async (_type: unknown, dn: string) => {
      asked.push(dn);
      return answers[dn] ?? "revoked";
    },
  });
  const revoke = (unit: string, client: ReturnType<typeof vpki>, rework = false) =>
    revokeUnit(
      { store: records.store, vpki: client, clock },
      { unit, reason: "broken", rework, actor: "kim" },
      new AbortController().signal,
    );

  it("revokes each name once that the unit's records name, and is told what the vPKI said", async () => {
    await finished(runOf("a", 1, { steps: [certificate("cn=x", "01")] }));
    await finished(runOf("b", 1, { steps: [certificate("cn=x", "02")] }));
    await finished(runOf("c", 2, { steps: [certificate("cn=y", "03")] }));
    const client = vpki({});
    for (const unit of ["VIN1", ecu(1).toUpperCase(), "SN1"]) {
      const { ecuId, state, certificates } = await revoke(unit, client);
      expect([ecuId, state]).toEqual([ecu(1), "scrapped"]);
      expect(certificates).toEqual([{ type: "ccu-sha256", dn: "cn=x", serials: ["01", "02"], state: "revoked" }]);
    }
    expect(new Set(client.asked)).toEqual(new Set(["cn=x"]));
    expect(await records.ledger.past(ecu(1), "new")).toEqual({
      previous: "b",
      attempts: 2,
      passed: "b",
      scrapped: "broken",
      revoked: ["01", "02"],
    });
    await revoke("VIN1", client, true);
    expect((await records.ledger.past(ecu(1), "new"))?.scrapped).toBeUndefined();
  });

  it("leaves a name alone that another unit was given since", async () => {
    await finished(runOf("a", 1, { steps: [certificate("cn=x", "01")] }));
    await finished(runOf("b", 2, { steps: [certificate("cn=x", "02")] }));
    const client = vpki({});
    expect((await revoke("SN1", client)).certificates).toMatchObject([{ state: "kept", heldBy: ecu(2) }]);
    expect(client.asked).toEqual([]);
  });

  it("asks for an EcuID where a VIN names several units, and knows no other", async () => {
    await finished(runOf("a", 1));
    const other = runOf("b", 2);
    await finished({ ...other, header: { ...other.header, inputs: { vin: "VIN1" } } });
    await expect(revoke("VIN1", vpki({}))).rejects.toMatchObject({ code: "UNIT_AMBIGUOUS" });
    await expect(revoke("VIN9", vpki({}))).rejects.toMatchObject({ code: "UNIT_UNKNOWN" });
  });
});
