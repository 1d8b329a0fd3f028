import { expect, test } from "vitest";
import { fromHex } from "../../../../src/shared/bytes.js";
import { cbcDecrypt, kdf, parseM2Plain, updateConstants } from "../../../../src/she/codec/index.js";
import { type Answer, openKms, REGISTRY, result, secOcPost, supplierPost, uid } from "./helpers.js";

/** The counter in M2 of a set that the all-zero factory key authorises. */
function counterOf(answer: Answer): number {
  const k1 = kdf(new Uint8Array(16), updateConstants(0).enc);
  const plain = parseM2Plain(cbcDecrypt(k1, fromHex(answer.body.Records?.M2 ?? "")));
  expect(plain.padding).toBe(true);
  return plain.counter;
}

test("counters start at 1, go up by 1, and are each slot's own", async () => {
  const kms = await openKms();
  for (const expected of [1, 2, 3]) expect(counterOf(await kms.send("POST", "key", supplierPost(1)))).toBe(expected);
  expect(counterOf(await kms.send("POST", "key", supplierPost(2)))).toBe(1);
  expect(counterOf(await kms.send("POST", "key", secOcPost(1)))).toBe(1);
  expect(counterOf(await kms.send("POST", "key", { ...supplierPost(1), Phase: "Dev" }))).toBe(1);
  await kms.close();
});

test.each([
  ["a floor above the last", ["0", "10", "0x20", "5"], [1, 10, 32, 33]],
  ["a floor that is reached", ["3", "3", "4", "100"], [3, 4, 5, 100]],
  ["hex in capitals and a JSON number", ["0XfF", 300], [255, 300]],
  ["the largest", ["268435455"], [268435455]],
])("the Counter is a floor: %s", async (_name, floors, expected) => {
  const kms = await openKms();
  for (const [i, floor] of floors.entries())
    expect(counterOf(await kms.send("POST", "key", { ...secOcPost(1), Counter: floor }))).toBe(expected[i]);
  await kms.close();
});

test("a slot whose counter is used up gets no further key", async () => {
  const kms = await openKms();
  await kms.send("POST", "key", secOcPost(1, "4", "0xfffffff"));
  expect((await kms.send("POST", "key", secOcPost(1))).body).toEqual({
    ResultStatus: "OperationFailed",
    ResultReason: "INVALID",
    ResultMessage: "The update counter of this key slot is used up.",
  });
  await kms.close();
});

test("the registry may say what counter an ECU holds already", async () => {
  const kms = await openKms({ registry: `${REGISTRY}\necus: [{ uid: "${uid(1)}", counters: { D: 41 } }]` });
  expect(counterOf(await kms.send("POST", "key", supplierPost(1)))).toBe(42);
  expect(counterOf(await kms.send("POST", "key", supplierPost(1)))).toBe(43);
  await kms.close();
});

test("parallel requests never share a counter, and a restart hands none out twice", async () => {
  const first = await openKms({ onDisk: true });
  const ask = (kms: typeof first, n: number) =>
    Promise.all(Array.from({ length: n }, (_, i) => kms.send("POST", "key", supplierPost(i % 2))));
  const before = await ask(first, 40);
  await first.close();
  const second = await openKms({ onDisk: true, dir: first.dir });
  const after = await ask(second, 40);
  const seen = [...before, ...after].map((answer) => `${answer.body.Records?.M1} ${counterOf(answer)}`);
  expect(new Set(seen).size).toBe(80);
  expect(Math.max(...[...before, ...after].map(counterOf))).toBe(40);
  await second.close();
});

test("two KMS processes on one store never share a counter", async () => {
  const first = await openKms({ onDisk: true });
  const second = await openKms({ onDisk: true, dir: first.dir });
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? first : second).send("POST", "key", supplierPost(1))),
  );
  expect(new Set(answers.map(counterOf)).size).toBe(30);
  await kmsClose(first, second);
});

async function kmsClose(...benches: { close(): Promise<void> }[]): Promise<void> {
  for (const bench of benches) await bench.close();
}

test("a restart keeps keys, results and idempotency", async () => {
  const first = await openKms({ onDisk: true });
  const headers = { "idempotency-key": "before" };
  const before = await first.send("POST", "key", secOcPost(1), headers);
  await first.send("PUT", "key", result("SecOCKey", 1, "Success", "4"));
  await first.close();
  const second = await openKms({ onDisk: true, dir: first.dir });
  expect((await second.send("POST", "key", secOcPost(1), headers)).body).toEqual(before.body);
  // The cluster's key is the same for an ECU that comes after the restart.
  const other = await second.send("POST", "key", secOcPost(2));
  expect(other.body.Records?.KeySyncValue).toBe(before.body.Records?.KeySyncValue);
  await second.close();
});
