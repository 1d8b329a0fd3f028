import { describe, expect, it } from "vitest";
import { createSheDevice, memoryStorage } from "../../../firmware-sim/she/index.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { type Vector, vectors } from "./published.js";

/** A device whose MASTER_ECU_KEY has the vector's authorising value. */
function deviceFor(vector: Vector, withMaster: boolean) {
  const key = { slot: 1, key: vector.authKey, counter: 0, flags: 0, verifyOnly: false };
  return createSheDevice({
    uid: fromHex(vector.uid),
    blankKey: fromHex(vector.authKey),
    secretKey: new Uint8Array(16).fill(0x5e),
    storage: memoryStorage({ version: 1, keys: withMaster ? [key] : [], prngSeed: "00".repeat(16) }),
    random: (length) => new Uint8Array(length),
  });
}

describe("4.9: M1 to M5 and the constants", () => {
  it.each(vectors.filter((v) => v.id !== "V5").map((v) => [v.id, v] as const))("%s", async (id, v) => {
    const device = deviceFor(v, id !== "V7");
    const { erc, m4, m5 } = await device.loadKey({ m1: fromHex(v.m1), m2: fromHex(v.m2), m3: fromHex(v.m3) });
    expect({ erc, m4: toHex(m4), m5: toHex(m5) }).toEqual({ erc: "ERC_NO_ERROR", m4: v.m1 + v.m4star, m5: v.m5 });
  });

  it("V5 addresses slot 0, which no SHE takes as a target: ERC_KEY_INVALID", async () => {
    const v = vectors.find((x) => x.id === "V5");
    expect(v).toBeDefined();
    if (v === undefined) return;
    const { erc, m4, m5 } = await deviceFor(v, true).loadKey({
      m1: fromHex(v.m1),
      m2: fromHex(v.m2),
      m3: fromHex(v.m3),
    });
    expect({ erc, m4: toHex(m4), m5: toHex(m5) }).toEqual({
      erc: "ERC_KEY_INVALID",
      m4: "00".repeat(32),
      m5: "00".repeat(16),
    });
  });
});
