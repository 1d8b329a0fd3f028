import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compress, derive } from "./aes.js";
import { SheModel } from "./model.js";

interface Vector extends Record<"id" | "uid" | "authKey" | "newKey" | "m1" | "m2" | "m3" | "m4star" | "m5", string> {
  readonly authId: number;
  readonly keyId: number;
  readonly counter: number;
  readonly k1?: string;
  readonly k2?: string;
  readonly k3?: string;
  readonly k4?: string;
}
const file = new URL("../../vectors/she-published.json", import.meta.url);
const { vectors, primitives } = JSON.parse(readFileSync(file, "utf8")) as {
  vectors: Vector[];
  primitives: Record<"aesMp" | "prng" | "debug" | "bootMac", Record<string, string>>;
};

const SECRET = "2b7e151628aed2a6abf7158809cf4f3c";
const MASTER = "000102030405060708090a0b0c0d0e0f";
const bytes = (hex: string | undefined) => Buffer.from(hex ?? "", "hex");

function model(uid = "000000000000000000000000000001", prngSeed = "00".repeat(16)): SheModel {
  const common = { banks: 0, keyCount: 10, verifyOnly: false, secureBoot: false };
  return new SheModel({ uid, blankKey: "00".repeat(16), secretKey: SECRET, prngSeed, ...common });
}

describe("the model of the tests gives the published values", () => {
  it.each(vectors.map((vector) => [vector.id, vector] as const))("4.9.1: %s", (id, vector) => {
    const she = model(vector.uid);
    if (id !== "V7") she.slots.set(1, { key: bytes(vector.authKey), counter: 0, flags: new Set() });
    const answer = she.answer({ cmd: "LOAD_KEY", M1: vector.m1, M2: vector.m2, M3: vector.m3 });
    // V5 is a vector of the codec alone: slot 0 is no target.
    if (vector.keyId === 0) expect(answer.erc).toBe("ERC_KEY_INVALID");
    else expect(answer).toEqual({ erc: "ERC_NO_ERROR", M4: vector.m1 + vector.m4star, M5: vector.m5 });
  });

  it("4.3.3: AES-MP and the keys that it derives", () => {
    expect(compress(bytes(primitives.aesMp.message)).toString("hex")).toBe(primitives.aesMp.out);
    for (const { authKey, newKey, k1, k2, k3, k4 } of vectors) {
      if (k1 === undefined) continue;
      const derived = [
        derive(bytes(authKey), 1),
        derive(bytes(authKey), 2),
        derive(bytes(newKey), 1),
        derive(bytes(newKey), 2),
      ];
      expect(derived.map((key) => key.toString("hex"))).toEqual([k1, k2, k3, k4]);
    }
  });

  it("4.5: seed and state of the PRNG", () => {
    const { aesMp, prng } = primitives;
    const she = model(undefined, aesMp.message?.slice(0, 32));
    she.answer({ cmd: "INIT_RNG" });
    expect(she.seed.toString("hex")).toBe(prng.seed);
    expect(she.answer({ cmd: "RND" }).result).toBe(prng.state);
    she.answer({ cmd: "EXTEND_SEED", entropy: aesMp.message?.slice(32) });
    expect([she.seed, she.state].map((each) => each?.toString("hex"))).toEqual([prng.extendedSeed, prng.extendedState]);
  });

  it("4.7.19: CMD_DEBUG", () => {
    const she = model();
    she.slots.set(1, { key: bytes(MASTER), counter: 0, flags: new Set() });
    she.challenge = bytes(primitives.debug.challenge);
    expect(she.authorization().toString("hex")).toBe(primitives.debug.authorization);
  });

  it("4.10: BOOT_MAC", () => {
    const she = model();
    she.slots.set(2, { key: bytes(primitives.bootMac.key), counter: 0, flags: new Set() });
    expect(she.bootMac(bytes(primitives.bootMac.data)).toString("hex")).toBe(primitives.bootMac.mac);
  });
});
