import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/shared/bytes.js";
import { ecbEncrypt } from "../../../src/she/codec/index.js";
import { buildUpdate } from "../../../src/she/update/index.js";
import { BLOCK, KEY, load, makeDevice, OTHER, SECRET, UID, withMaster, ZERO } from "./rig.js";

describe("4.4.3.1, 4.7.8-9: RAM_KEY", () => {
  it("a plain key can be exported, and the blob loads it again by SECRET_KEY", async () => {
    const device = makeDevice();
    expect((await device.exportRamKey()).erc).toBe("ERC_KEY_EMPTY");
    await device.loadPlainKey(OTHER);
    const blob = await device.exportRamKey();
    const expected = buildUpdate({
      uid: UID,
      authKeyId: 0,
      authKey: SECRET,
      keyId: 14,
      newKey: OTHER,
      counter: 0,
      flags: 0,
    });
    expect({ ...blob, erc: undefined }).toEqual({ ...expected, erc: undefined });
    device.reset();
    const loaded = await device.loadKey(blob);
    expect(loaded).toEqual({ erc: "ERC_NO_ERROR", m4: blob.m4, m5: blob.m5 });
    expect((await device.encEcb(14, BLOCK)).data).toEqual(ecbEncrypt(OTHER, BLOCK));
  });

  it("a secure load clears the plain flag: ERC_KEY_INVALID and outputs of 0", async () => {
    const device = await withMaster();
    await load(device, { keyId: 4 });
    await device.loadPlainKey(OTHER);
    await load(device, { keyId: 14, authKeyId: 4, authKey: KEY, counter: 0 });
    const { erc, m1, m2, m3, m4, m5 } = await device.exportRamKey();
    expect([erc, ...[m1, m2, m3, m4, m5].map(toHex)]).toEqual(["ERC_KEY_INVALID", ...[16, 32, 16, 32, 16].map(ZERO)]);
  });
});
