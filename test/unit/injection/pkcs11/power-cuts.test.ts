import { expect, it } from "vitest";
import { CertificateSlots } from "../../../../src/injection/pkcs11/certificate-slots.js";
import { toHex } from "../../../../src/shared/bytes.js";
import { CKA, CKO } from "../../../../src/token/cryptoki.js";
import { FakeBench, PowerCut } from "./fake-bench.js";
import { erc, KEY, load, OTHER, slotsIn, UID, withMaster } from "./rig.js";

/** Has the power go at the nth change of `work` in a token that `prepare` made; true where the work ended before that. */
async function cutAt(bench: FakeBench, n: number, work: () => Promise<unknown>): Promise<boolean> {
  bench.cutAt = bench.changes + n;
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof PowerCut) return false;
    throw error;
  } finally {
    bench.reopen();
  }
}

it("a load that is cut off at any change leaves the old key whole or the new one, and the next load works", async () => {
  const seen = new Set<string>();
  for (let n = 0; ; n++) {
    const bench = new FakeBench();
    const slots = await withMaster(bench);
    const first = await load(slots, { keyId: 4, newKey: OTHER, flags: 2 });
    const ended = await cutAt(bench, n, () => load(slots, { keyId: 4, counter: 2, newKey: KEY, flags: 2 }));
    const after = slotsIn(bench);
    const isNew =
      toHex(after.lastLoad(4)?.m4 ?? new Uint8Array()) !==
      toHex(first.erc === "ERC_NO_ERROR" ? first.value.m4 : new Uint8Array());
    seen.add(isNew ? "new" : "old");
    expect((await after.generateMac(4, KEY)).erc).toBe("ERC_NO_ERROR");
    // The slot authorises by the key it holds, and its counter is that key's.
    const authKey = isNew ? KEY : OTHER;
    expect(await erc(after, { keyId: 4, authKeyId: 4, authKey, counter: isNew ? 2 : 1 })).toBe("ERC_KEY_UPDATE_ERROR");
    expect(await erc(after, { keyId: 4, authKeyId: 4, authKey, counter: 3, flags: 2 })).toBe("ERC_NO_ERROR");
    expect(bench.labels(CKO.DATA)).toEqual([`${UID} KEY_1`, `${UID} MASTER_ECU_KEY`]);
    expect(bench.labels(CKO.SECRET_KEY)).toHaveLength(6);
    if (ended) break;
    expect(n).toBeLessThan(50);
  }
  expect(seen).toEqual(new Set(["old", "new"]));
});

it("a first load that is cut off leaves the slot empty or filled", async () => {
  for (let n = 0; ; n++) {
    const bench = new FakeBench();
    const ended = await cutAt(bench, n, () => withMaster(bench));
    const filled = slotsIn(bench).filled() === 0b10;
    expect(slotsIn(bench).lastLoad(1) !== undefined).toBe(filled);
    if (!filled) await withMaster(bench);
    expect(await erc(slotsIn(bench), { keyId: 4 })).toBe("ERC_NO_ERROR");
    if (ended) break;
  }
});

it("a record whose writing was torn counts for nothing", async () => {
  const bench = new FakeBench();
  const slots = await withMaster(bench);
  const [whole] = bench.find([{ type: CKA.CLASS, value: CKO.DATA }]);
  const object = bench.objects.get(whole?.toString() ?? "");
  const value = object?.get(CKA.VALUE) as Buffer;
  const raised = Buffer.from(value.toString().replace('"sequence":1', '"sequence":9'));
  for (const torn of [Buffer.alloc(0), value.subarray(0, 40), value.subarray(0, -20), raised])
    bench.create([...(object ?? [])].map(([type, held]) => ({ type, value: type === CKA.VALUE ? torn : held })));
  expect(await erc(slots, { keyId: 4 })).toBe("ERC_NO_ERROR");
  expect(await erc(slots, { keyId: 1, counter: 2 })).toBe("ERC_NO_ERROR");
  expect(bench.labels(CKO.DATA)).toEqual([`${UID} KEY_1`, `${UID} MASTER_ECU_KEY`]);
});

it("a slot whose record names keys that are gone is told, not taken for empty", async () => {
  const bench = new FakeBench();
  const slots = await withMaster(bench);
  for (const object of bench.find([{ type: CKA.CLASS, value: CKO.SECRET_KEY }])) bench.destroy(object);
  await expect(load(slots, { keyId: 4 })).rejects.toMatchObject({ code: "TOKEN_OBJECTS_INVALID" });
});

it("a certificate whose installation is cut off at any change leaves the old one or the new one, each beside its key", async () => {
  const certificate = (spki: Uint8Array, name: string) => {
    const bytes = new Uint8Array(Buffer.from(name));
    return { value: bytes, subject: bytes, issuer: bytes, serial: bytes, spki };
  };
  const cas = (name: string) => [{ ...certificate(new Uint8Array(), name), id: "aa" }];
  const seen = new Set<string>();
  for (let n = 0; ; n++) {
    const bench = new FakeBench();
    const slots = new CertificateSlots(bench, UID);
    const old = await slots.makePair(0, "P-256");
    expect(slots.install(0, certificate(old.spki, "old"), cas("issuer"), cas("root"))).toBe("DONE");
    const fresh = await slots.makePair(0, "P-256");
    const install = async () => slots.install(0, certificate(fresh.spki, "new"), cas("issuer 2"), cas("root"));
    const ended = await cutAt(bench, n, install);
    const held = slots.certificate(0);
    const isNew = Buffer.from(held?.value ?? []).toString() === "new";
    seen.add(isNew ? "new" : "old");
    expect(held).toMatchObject(isNew ? fresh : old);
    // The same leaf again is harmless.
    expect(await install()).toBe("DONE");
    expect(slots.certificate(0)).toMatchObject(fresh);
    expect(bench.labels(CKO.CERTIFICATE)).toEqual([`${UID} cert-0`, `${UID} cert-0 anchor`, `${UID} cert-0 issuer`]);
    await slots.makePair(0, "P-256");
    expect(bench.labels(CKO.PRIVATE_KEY)).toHaveLength(2);
    if (ended) break;
    expect(n).toBeLessThan(50);
  }
  expect(seen).toEqual(new Set(["old", "new"]));
});

it("a leaf for another key is refused", async () => {
  const bench = new FakeBench();
  const slots = new CertificateSlots(bench, UID);
  await slots.makePair(0, "P-256");
  const bytes = new Uint8Array(4);
  const leaf = { value: bytes, subject: bytes, issuer: bytes, serial: bytes, spki: bytes };
  expect(slots.install(0, leaf, [], [])).toBe("KEY_MISMATCH");
  expect(slots.certificate(0)).toBeUndefined();
  expect(slots.filled()).toBe(0);
});
