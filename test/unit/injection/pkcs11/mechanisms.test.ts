import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenAes } from "../../../../src/injection/pkcs11/aes.js";
import type { Mechanisms } from "../../../../src/injection/pkcs11/calls.js";
import { usesOf } from "../../../../src/injection/pkcs11/target.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { cmac, FLAG } from "../../../../src/she/codec/index.js";
import { FakeBench } from "./fake-bench.js";
import { erc, load, setOf, withMaster } from "./rig.js";

const COMPOSED: Mechanisms = { cmac: "CKM_AES_CBC", cipher: "CKM_AES_CBC" };
const key = { label: "key", id: "aa", purpose: "mac", kept: true } as const;

describe("a token without CKM_AES_CMAC", () => {
  it.each([
    ["", "bb1d6929e95937287fa37d129b756746"],
    ["6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"],
    [
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
      "dfa66747de9ae63030ca32611497c827",
    ],
  ])("makes the CMACs of RFC 4493 of %s by its CBC", async (message, wanted) => {
    const aes = new TokenAes(new FakeBench(), COMPOSED);
    const handle = aes.put(fromHex("2b7e151628aed2a6abf7158809cf4f3c"), key);
    expect(toHex(await aes.cmac(handle, fromHex(message)))).toBe(wanted);
  });

  it("makes the CMAC of any message", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.uint8Array({ maxLength: 100 }),
        async (value, message) => {
          const aes = new TokenAes(new FakeBench(), COMPOSED);
          const wanted = toHex(cmac(value, message));
          expect(toHex(await aes.cmac(aes.put(value, key), message))).toBe(wanted);
        },
      ),
    );
  });
});

describe("a profile's choice of mechanisms", () => {
  it.each<Mechanisms>([
    COMPOSED,
    { cmac: "CKM_AES_CMAC", cipher: "CKM_AES_ECB" },
    { cmac: "CKM_AES_CBC", cipher: "CKM_AES_ECB" },
  ])("changes nothing of what is loaded: %j", async (mechanisms) => {
    const slots = await withMaster(new FakeBench(), 0, { mechanisms });
    const { m4, m5 } = setOf({ keyId: 4 });
    expect(await load(slots, { keyId: 4, flags: FLAG.KEY_USAGE })).toEqual({ erc: "ERC_NO_ERROR", value: { m4, m5 } });
    expect(await erc(slots, { keyId: 4, counter: 1 })).toBe("ERC_KEY_UPDATE_ERROR");
    expect((await slots.generateMac(4, fromHex("00"))).erc).toBe("ERC_NO_ERROR");
  });

  it("says what the token must be able to do", () => {
    expect(usesOf({ cmac: "CKM_AES_CMAC", cipher: "CKM_AES_CBC" })).toEqual(["signing", "cmac", "cbc"]);
    expect(usesOf({ cmac: "CKM_AES_CBC", cipher: "CKM_AES_ECB" })).toEqual(["signing", "cbc", "ecb"]);
    expect(usesOf(COMPOSED)).toEqual(["signing", "cbc"]);
  });
});
