import { describe, expect, it } from "vitest";
import { SheConsole } from "../../../firmware-sim/she/console.js";
import { noStore } from "../../../firmware-sim/she/console-state.js";
import { memoryStorage } from "../../../firmware-sim/she/index.js";
import { toHex } from "../../../src/shared/bytes.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { buildUpdate } from "../../../src/she/update/index.js";
import { BLANK, BLOCK, KEY, load, MASTER, makeDevice, UID, ZERO } from "./rig.js";

const LOAD_TIME = 250;

describe("4.8.11: a command takes its latency", () => {
  it("keeps the SHE busy for so long, and nothing is stored before", async () => {
    const clock = new VirtualClock();
    const storage = memoryStorage();
    const device = makeDevice({ storage, pace: { clock, latencies: { LOAD_KEY: LOAD_TIME } } });
    const loading = load(device, { keyId: 1, authKey: BLANK });
    await clock.advance(LOAD_TIME - 1);
    expect(device.getStatus().sreg).toBe(1);
    expect((await device.rnd()).erc).toBe("ERC_BUSY");
    expect(storage.load()).toBeUndefined();
    await clock.advance(1);
    expect((await loading).erc).toBe("ERC_NO_ERROR");
    expect(device.getStatus().sreg).toBe(0);
    expect((await device.rnd()).erc).toBe("ERC_RNG_SEED");
  });

  it("CANCEL ends it at once with outputs of 0; the old key stays and the same update can be sent again (4.7.18)", async () => {
    const clock = new VirtualClock();
    const device = makeDevice({ pace: { clock, latencies: { LOAD_KEY: LOAD_TIME } } });
    const update = { keyId: 4, authKeyId: 4, authKey: BLANK };
    const loading = load(device, update);
    await clock.advance(LOAD_TIME / 2);
    expect(await device.cancel()).toEqual({ erc: "ERC_NO_ERROR" });
    expect(await loading).toEqual({ erc: "ERC_GENERAL_ERROR", m4: new Uint8Array(32), m5: new Uint8Array(16) });
    expect(clock.pending).toBe(0);
    expect((await device.encEcb(4, BLOCK)).erc).toBe("ERC_KEY_EMPTY");
    expect((await clock.drive(load(device, update))).erc).toBe("ERC_NO_ERROR");
  });

  it("a latency outside 0..60000 ms is refused", () => {
    const clock = new VirtualClock();
    expect(() => makeDevice({ pace: { clock, latencies: { RND: 60_001 } } })).toThrow("latency of RND");
  });
});

describe("the console of a device with latencies", () => {
  const { m1, m2, m3 } = buildUpdate({
    uid: UID,
    authKeyId: 1,
    authKey: BLANK,
    keyId: 1,
    newKey: MASTER,
    counter: 1,
    flags: 0,
  });
  const LOAD = { cmd: "LOAD_KEY", M1: toHex(m1), M2: toHex(m2), M3: toHex(m3) };

  async function open() {
    const clock = new VirtualClock();
    const session = new SheConsole(noStore, clock);
    await session.start();
    const begin = (line: object) => session.begin(JSON.stringify(line));
    await begin({ cmd: "NEW", uid: toHex(UID), latencies: { CMD_LOAD_KEY: LOAD_TIME, rnd: 0 } }).answer;
    return { clock, begin };
  }

  it("takes the next lines while a command is under way: BUSY, status, and WAIT for its end", async () => {
    const { clock, begin } = await open();
    const loading = begin(LOAD);
    expect(loading.alone).toBe(false);
    expect(await begin({ cmd: "ENC_ECB", keyId: 4, data: toHex(KEY) }).answer).toEqual({
      erc: "ERC_BUSY",
      result: ZERO(16),
    });
    expect(await begin({ cmd: "GET_STATUS" }).answer).toMatchObject({ result: "01", bits: ["BUSY"] });
    const waiting = begin({ cmd: "WAIT" });
    expect(waiting.alone).toBe(true);
    await clock.advance(LOAD_TIME);
    expect(await waiting.answer).toEqual({ erc: "ERC_NO_ERROR" });
    expect(await loading.answer).toMatchObject({ erc: "ERC_NO_ERROR" });
  });

  it.each(["CANCEL", "RESET"])("%s stops it", async (cmd) => {
    const { begin } = await open();
    const loading = begin(LOAD);
    expect(await begin({ cmd }).answer).toMatchObject({ erc: "ERC_NO_ERROR" });
    expect(await loading.answer).toEqual({ erc: "ERC_GENERAL_ERROR", M4: ZERO(32), M5: ZERO(16) });
    expect(await begin({ cmd: "GET_STATUS" }).answer).toMatchObject({ result: "00" });
  });

  it.each([
    [{ FLY: 1 }, 'latencies: "FLY" is none of'],
    [{ LOAD_KEY: -1 }, "LOAD_KEY: an integer 0..60000 wanted"],
    [[5], "latencies: an object wanted"],
  ])("NEW with latencies %j is an error", async (latencies, text) => {
    const { begin } = await open();
    expect(await begin({ cmd: "NEW", latencies }).answer).toEqual({ error: expect.stringContaining(text) });
  });
});
