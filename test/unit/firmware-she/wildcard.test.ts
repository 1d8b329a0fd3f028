import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/shared/bytes.js";
import { buildUpdate } from "../../../src/she/update/index.js";
import { KEY, load, MASTER, makeDevice, UID, WILDCARD, WILDCARD_UID, withMaster } from "./rig.js";

describe("4.4.4.2: UID", () => {
  it("a fresh slot takes it, and M4 carries the device's own UID", async () => {
    const device = await withMaster();
    const answer = await load(device, { keyId: 4, uid: WILDCARD_UID });
    const expected = buildUpdate({
      uid: WILDCARD_UID,
      deviceUid: UID,
      authKeyId: 1,
      authKey: MASTER,
      keyId: 4,
      newKey: KEY,
      counter: 1,
      flags: 0,
    });
    expect([answer.erc, toHex(answer.m4), toHex(answer.m5)]).toEqual([
      "ERC_NO_ERROR",
      toHex(expected.m4),
      toHex(expected.m5),
    ]);
  });

  it("no device has UID 0", () => {
    expect(() => makeDevice({ uid: WILDCARD_UID })).toThrow("wildcard");
  });
});

describe("4.4.1.4: WILDCARD flag", () => {
  it("a slot whose WILDCARD flag is set refuses it until an update by UID clears the flag", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4, flags: WILDCARD });
    expect((await load(device, { keyId: 4, uid: WILDCARD_UID, counter: 2 })).erc).toBe("ERC_KEY_UPDATE_ERROR");
    expect((await load(device, { keyId: 4, counter: 2 })).erc).toBe("ERC_NO_ERROR");
    expect((await load(device, { keyId: 4, uid: WILDCARD_UID, counter: 3 })).erc).toBe("ERC_NO_ERROR");
  });
});
