import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { kdf, updateConstants } from "../../../src/she/codec/index.js";
import { buildUpdate } from "../../../src/she/update/index.js";

interface Vector {
  id: string;
  source: string;
  uid: string;
  authId: number;
  authKey: string;
  keyId: number;
  newKey: string;
  counter: number;
  flags: number;
  k1?: string;
  k2?: string;
  k3?: string;
  k4?: string;
  m1: string;
  m2: string;
  m3: string;
  m4star: string;
  m5: string;
}
const file = new URL("../../vectors/she-published.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: Vector[] };

describe("buildUpdate reproduces the published memory-update vectors", () => {
  it.each(vectors.map((v) => [v.id, v] as const))("%s", (_, v) => {
    const set = buildUpdate({
      uid: fromHex(v.uid),
      authKeyId: v.authId,
      authKey: fromHex(v.authKey),
      keyId: v.keyId,
      newKey: fromHex(v.newKey),
      counter: v.counter,
      flags: v.flags,
    });
    const hex = Object.fromEntries(Object.entries(set).map(([name, bytes]) => [name, toHex(bytes)]));
    expect(hex).toEqual({ m1: v.m1, m2: v.m2, m3: v.m3, m4: v.m1 + v.m4star, m5: v.m5 });
  });

  it("derives the printed K1 to K4 of V1", () => {
    const v1 = vectors.find((v) => v.k1 !== undefined);
    const { enc, mac } = updateConstants(0);
    expect(v1).toBeDefined();
    if (v1 === undefined) return;
    expect(toHex(kdf(fromHex(v1.authKey), enc))).toBe(v1.k1);
    expect(toHex(kdf(fromHex(v1.authKey), mac))).toBe(v1.k2);
    expect(toHex(kdf(fromHex(v1.newKey), enc))).toBe(v1.k3);
    expect(toHex(kdf(fromHex(v1.newKey), mac))).toBe(v1.k4);
  });
});
