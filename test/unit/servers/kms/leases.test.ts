import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate, openDatabase } from "../../../../src/db/database.js";
import { store } from "../../../../src/servers/kms/store/store.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { SetClock } from "../../station/set-clock.js";
import {
  type Answer,
  type Bench,
  ecuId,
  masterPost,
  openKms,
  result,
  secOcPost,
  supplierPost,
  uid,
} from "./helpers.js";

const LEASE = 60_000;
const SUCCESS = { ResultStatus: "Success" };
const leased = (seconds: number) => ({
  ResultStatus: "OperationFailed",
  ResultReason: "LEASED",
  ResultMessage: `Another station works on this ECU, for at most ${seconds} s more.`,
});

let kms: Bench;
let clock: VirtualClock;
beforeEach(async () => {
  clock = new VirtualClock();
  kms = await openKms({ clock, config: { lease: LEASE } });
});
afterEach(() => kms.close());

/** What makes a station: an address, and the header that it may send. */
interface Station {
  readonly from?: string;
  readonly id?: string;
}
const A: Station = { from: "10.0.0.1" };
const B: Station = { from: "10.0.0.2" };

const headersOf = ({ id }: Station, more: Record<string, string>) =>
  id === undefined ? more : { "x-station-id": id, ...more };
const post = (station: Station, body: unknown = masterPost(), headers: Record<string, string> = {}) =>
  kms.send("POST", "key", body, headersOf(station, headers), station.from);
const put = (station: Station, body: unknown = result("EcuMasterKey"), headers: Record<string, string> = {}) =>
  kms.send("PUT", "key", body, headersOf(station, headers), station.from);
const about = (answer: Answer) => ({ "x-correlation-id": String(answer.headers["x-correlation-id"]) });

test.each<[string, Station, Station]>([
  ["by address", A, B],
  ["by id behind one address", { id: "line-1" }, { id: "line-2" }],
  ["by id, where only one has it", { id: "line-1" }, {}],
])("the second of two stations is refused while the first's lease lives: told apart %s", async (_, first, second) => {
  expect((await post(first)).body).toMatchObject(SUCCESS);
  const refused = await post(second);
  expect([refused.status, refused.body]).toEqual([200, leased(60)]);
  expect(refused.headers["x-correlation-id"]).toBeUndefined();
  expect((await post(second, secOcPost())).body).toEqual(leased(60));
  expect((await post(first, supplierPost())).body).toMatchObject(SUCCESS);
  expect((await post(second, masterPost(2))).body).toMatchObject(SUCCESS);
});

test("the lease ends with the result of the last open set, whatever it is", async () => {
  await post(A);
  await post(A, secOcPost());
  await put(A);
  expect((await post(B)).body).toEqual(leased(60));
  await put(A, result("SecOCKey", 1, "OperationFailed", "4"));
  expect((await post(B)).body).toMatchObject(SUCCESS);
  expect((await post(A)).body).toEqual(leased(60));
});

test("a set that a newer one of its slot has replaced holds nothing up", async () => {
  await post(A);
  const second = await post(A);
  await put(A, result("EcuMasterKey"), about(second));
  expect((await post(B)).body).toMatchObject(SUCCESS);
});

test("it ends by time, counted from the station's last request, and the text says how long that is", async () => {
  await post(A);
  await clock.advance(LEASE - 1);
  expect((await post(B)).body).toEqual(leased(1));
  await kms.send("POST", "sync", masterPost(), {}, A.from);
  await clock.advance(LEASE - 1);
  expect((await post(B)).body).toEqual(leased(1));
  await put(A, result("EcuMasterKey", 1, "OperationFailed", undefined));
  await post(A, secOcPost());
  await clock.advance(LEASE - 1_500);
  expect((await post(B)).body).toEqual(leased(2));
  await clock.advance(1_500);
  expect((await post(B)).body).toMatchObject(SUCCESS);
});

test("what another station asks for does not lengthen it", async () => {
  await post(A);
  await clock.advance(LEASE / 2);
  await post(B);
  await kms.send("POST", "sync", masterPost(), {}, B.from);
  await put(B, result("EcuMasterKey", 1, "OperationFailed"), { "x-correlation-id": "nobody's" });
  await clock.advance(LEASE / 2);
  expect((await post(B)).body).toMatchObject(SUCCESS);
});

test("the same station goes on: with a lost answer, after its restart, and with results that never came", async () => {
  const station = { id: "line-1" };
  const once = { "idempotency-key": "run:1" };
  const first = await post(station, masterPost(), once);
  expect((await post(station, masterPost(), once)).body).toEqual(first.body);
  for (let i = 0; i < 3; i++) expect((await post(station)).body).toMatchObject(SUCCESS);
  expect((await post(B)).body).toEqual(leased(60));
});

test("a client that says nothing about itself is one station, whatever it leaves open", async () => {
  for (const body of [masterPost(), masterPost(), secOcPost(), supplierPost(), masterPost()])
    expect((await kms.send("POST", "key", body)).body).toMatchObject(SUCCESS);
});

test("a lost answer is repeated to whoever brings its key, even where another station took over", async () => {
  const once = { "idempotency-key": "run:1" };
  const first = await post(A, masterPost(), once);
  await clock.advance(LEASE);
  expect((await post(B)).body).toMatchObject(SUCCESS);
  expect((await post(A, masterPost(), once)).body).toEqual(first.body);
  expect((await post(A)).body).toEqual(leased(60));
});

test("a result without a correlation id is the sender's open set's, else that of who holds the lease", async () => {
  const third = { from: "10.0.0.3" };
  await post(A, supplierPost());
  await clock.advance(LEASE);
  await post(B, supplierPost());
  await put(A, result("SupplierSymmKey"));
  // B's set is open yet.
  expect((await post(third, supplierPost())).body).toEqual(leased(60));
  await put(third, result("SupplierSymmKey"));
  expect((await post(third, supplierPost())).body).toMatchObject(SUCCESS);
});

test("results are taken from any station, and end the lease of the one whose set it was", async () => {
  const answer = await post(A);
  expect((await put(B, result("EcuMasterKey"), about(answer))).body).toMatchObject(SUCCESS);
  expect((await post(B)).body).toMatchObject(SUCCESS);
});

test("sync values are given to any station", async () => {
  await post(A);
  expect((await kms.send("POST", "sync", masterPost(), {}, B.from)).body).toMatchObject(SUCCESS);
});

test("phases have leases of their own", async () => {
  await post(A);
  expect((await post(B, { ...masterPost(), Phase: "Dev" })).body).toMatchObject(SUCCESS);
  expect((await post(A, { ...masterPost(), Phase: "Dev" })).body).toEqual(leased(60));
});

test("a request that gets no set takes no lease", async () => {
  await post(A, masterPost(), { "idempotency-key": "k" });
  await put(A);
  expect((await post(A, supplierPost(), { "idempotency-key": "k" })).body.ResultReason).toBe("INVALID");
  expect((await post(B, secOcPost(1, "4", "0xFFFFFFF"))).body).toMatchObject(SUCCESS);
  await put(B, result("SecOCKey", 1, "Success", "4"));
  expect((await post(A, secOcPost())).body.ResultReason).toBe("INVALID");
  expect((await post(B)).body).toMatchObject(SUCCESS);
});

test("of two first requests at once one gets the ECU", async () => {
  const both = await Promise.all([post(A), post(B)]);
  expect(both.map(({ body }) => body.ResultReason).sort()).toEqual(["", "LEASED"]);
});

test("an id that is none is refused by its name", async () => {
  const answer = await post({ id: "two words" });
  expect(answer.body).toMatchObject({
    ResultReason: "INVALID",
    ResultMessage: "The X-Station-Id header must be 1 to 200 visible ASCII characters.",
  });
});

test("a lease is there after a restart; a store of before has none, and its sets take results as ever", async () => {
  const disk = await openKms({ onDisk: true, clock, config: { lease: LEASE } });
  await disk.send("POST", "key", masterPost(), {}, A.from);
  await disk.close();
  const again = await openKms({ onDisk: true, dir: disk.dir, clock, config: { lease: LEASE } });
  expect((await again.send("POST", "key", masterPost(), {}, B.from)).body).toEqual(leased(60));
  const old = openDatabase(join(again.dir, "old.sqlite"));
  await migrate(old, store.migrations.slice(0, 3));
  await old.run(
    `INSERT INTO sets (id, phase, uid, slot, seq, counter, flags, verify_only, bank, state, auth, auth_slot, request, issued_at)
     VALUES ('s', 'Prod', ?, 1, 1, 1, 13, 0, 0, 'issued', '', 1, 'r', 0)`,
    uid(1),
  );
  await migrate(old, store.migrations);
  const asked = { actor: "b", ecuId: ecuId(1), type: "EcuMasterKey", keyId: 1, requestId: "r-1" };
  const taken = await store.operations.report(old, {
    ...{ phase: "Prod", uid: uid(1), slot: 1, id: "r", asked, station: "b", lease: LEASE, kind: "key" as const },
    ...{
      status: "Success" as const,
      message: "",
      correlation: null,
      idempotency: null,
      keysSince: 0,
      request: "r",
      at: 0,
    },
  });
  expect(taken).toEqual({ set: "s", receipt: null, repeated: false });
  old.close();
  await again.close();
});

test("a request that is repeated when its result is in leaves no lease behind", async () => {
  const key = { "idempotency-key": "a-1" };
  const first = await post(A, masterPost(), key);
  await put(A, result("EcuMasterKey"), about(first));
  expect((await post(A, masterPost(), key)).body).toEqual(first.body);
  const second = await post(B);
  expect(second.body).toMatchObject(SUCCESS);
  // Late on its way, behind another station's work.
  await put(B, result("EcuMasterKey"), about(second));
  expect((await post(A, masterPost(), key)).body).toEqual(first.body);
  expect((await post(B)).body).toMatchObject(SUCCESS);
});

test("a clock that was set back by hours keeps an ECU from others no longer than a lease lives", async () => {
  await kms.close();
  const set = new SetClock();
  kms = await openKms({ clock: set, config: { lease: LEASE } });
  await post(A);
  set.set(-9 * 3_600_000);
  expect((await post(B)).body).toEqual(leased(60));
  await set.advance(LEASE - 1_000);
  expect((await post(B)).body).toEqual(leased(1));
  await set.advance(1_000);
  expect((await post(B)).body).toMatchObject(SUCCESS);
});
