import { describe, expect, it } from "vitest";
import { memoryStorage } from "../../../firmware-sim/she/index.js";
import { toHex } from "../../../src/shared/bytes.js";
import { BLANK, BLOCK, load, makeDevice, withMaster, ZERO } from "./rig.js";

describe("4.7, 4.8.11: errors", () => {
  it("other commands are ERC_BUSY meanwhile, GET_STATUS and CANCEL never (4.8.11)", async () => {
    let finish: () => void = () => undefined;
    const written = new Promise<void>((resolve) => (finish = resolve));
    const memory = memoryStorage();
    const device = makeDevice({
      storage: { load: memory.load, save: (state) => written.then(() => memory.save(state)) },
    });
    const loading = load(device, { keyId: 1, authKey: BLANK });
    expect(await device.encEcb(4, BLOCK)).toEqual({ erc: "ERC_BUSY", data: new Uint8Array(16) });
    expect((await load(device, { keyId: 4 })).erc).toBe("ERC_BUSY");
    expect(device.getStatus().sreg & 1).toBe(1);
    finish();
    expect((await loading).erc).toBe("ERC_NO_ERROR");
    expect(device.getStatus().sreg & 1).toBe(0);
    expect((await device.cancel()).erc).toBe("ERC_NO_ERROR");
  });
});

describe("4.7.18: CMD_CANCEL in LOAD_KEY", () => {
  it("CANCEL before the physical write keeps the old value, during it the new one is there", async () => {
    const before = await withMaster();
    const loading = load(before, { keyId: 4 });
    await before.cancel();
    expect((await loading).erc).toBe("ERC_GENERAL_ERROR");
    expect((await before.encEcb(4, BLOCK)).erc).toBe("ERC_KEY_EMPTY");

    const memory = memoryStorage();
    let started: () => void = () => undefined;
    const writing = new Promise<void>((resolve) => (started = resolve));
    let finish: () => void = () => undefined;
    const written = new Promise<void>((resolve) => (finish = resolve));
    const during = makeDevice({
      storage: {
        load: memory.load,
        save: async (state) => {
          started();
          await written;
          await memory.save(state);
        },
      },
    });
    const late = load(during, { keyId: 4, authKeyId: 4, authKey: BLANK });
    await writing;
    const cancelled = during.cancel();
    finish();
    await cancelled;
    const { erc, m4 } = await late;
    expect([erc, toHex(m4)]).toEqual(["ERC_GENERAL_ERROR", ZERO(32)]);
    expect((await during.encEcb(4, BLOCK)).erc).toBe("ERC_NO_ERROR");
  });
});
