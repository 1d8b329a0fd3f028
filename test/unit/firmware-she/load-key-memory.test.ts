import { describe, expect, it } from "vitest";
import { memoryStorage } from "../../../firmware-sim/she/index.js";
import { toHex } from "../../../src/shared/bytes.js";
import { BLANK, BLOCK, KEY, load, makeDevice, OTHER, withMaster, ZERO } from "./rig.js";

describe("4.9.1: what is stored", () => {
  it("the state is saved before M4 and M5 are answered", async () => {
    const order: string[] = [];
    const memory = memoryStorage();
    const storage = {
      load: memory.load,
      save: async (state: Parameters<typeof memory.save>[0]) => {
        await memory.save(state);
        order.push("saved");
      },
    };
    const device = makeDevice({ storage });
    await load(device, { keyId: 1, authKey: BLANK }).then(() => order.push("answered"));
    expect(order).toEqual(["saved", "answered"]);
  });

  it("keys, counters and the last M4/M5 survive a restart, RAM_KEY does not", async () => {
    const storage = memoryStorage();
    const device = await withMaster({ storage });
    const loaded = await load(device, { keyId: 4, counter: 3 });
    await device.loadPlainKey(OTHER);
    const again = makeDevice({ storage });
    expect(await again.encEcb(4, BLOCK)).toEqual(await device.encEcb(4, BLOCK));
    expect(again.lastLoad(4)).toEqual({ m4: loaded.m4, m5: loaded.m5 });
    expect((await again.encEcb(14, BLOCK)).erc).toBe("ERC_KEY_EMPTY");
    expect((await load(again, { keyId: 4, counter: 3 })).erc).toBe("ERC_KEY_UPDATE_ERROR");
  });

  it("a refused load leaves the last M4/M5 alone; RAM_KEY's last until the reset", async () => {
    const device = await withMaster();
    const first = await load(device, { keyId: 4 });
    await load(device, { keyId: 4 });
    expect(device.lastLoad(4)?.m5).toEqual(first.m5);
    expect(device.lastLoad(5)).toBeUndefined();
    const ram = await load(device, { keyId: 14, authKeyId: 4, authKey: KEY, counter: 0 });
    expect(device.lastLoad(14)?.m5).toEqual(ram.m5);
    device.reset();
    expect(device.lastLoad(14)).toBeUndefined();
  });

  it("a failing memory answers ERC_MEMORY_FAILURE and keeps the old key", async () => {
    const memory = memoryStorage();
    let broken = false;
    const save: typeof memory.save = (state) => (broken ? Promise.reject(new Error("worn out")) : memory.save(state));
    const device = await withMaster({ storage: { load: memory.load, save } });
    await load(device, { keyId: 4 });
    broken = true;
    const { erc, m5 } = await load(device, { keyId: 4, newKey: OTHER, counter: 2 });
    expect([erc, toHex(m5)]).toEqual(["ERC_MEMORY_FAILURE", ZERO(16)]);
    broken = false;
    expect((await load(device, { keyId: 4, authKeyId: 4, authKey: KEY, counter: 2 })).erc).toBe("ERC_NO_ERROR");
  });
});
