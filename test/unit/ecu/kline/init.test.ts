import { describe, expect, it } from "vitest";
import type { KlineInit } from "../../../../src/ecu/link/link.js";
import { createKline } from "../../../../src/ecu/transport/kline/kline.js";
import type { KlineOptions } from "../../../../src/ecu/transport/kline/options.js";
import { fromHex } from "../../../../src/shared/bytes.js";
import { BYTE_MS, Wire } from "./wire.js";

const TESTER = { role: "tester", own: 0xf1, peer: 0x10 } as const;

/** A tester and an ECU that is a script: after each of the tester's messages it says the next line (hex), 30 ms later. */
function wake(
  init: KlineInit,
  lines: readonly string[],
  more: { offset?: number; options?: Partial<KlineOptions> } = {},
) {
  const wire = new Wire();
  const { offset = 0 } = more;
  const tester = createKline(wire.end("tester", { init, offset }), { ...TESTER, ...more.options }, wire.clock);
  const ecu = wire.end("ecu");
  let heard = "";
  const left = [...lines];
  ecu.onData((chunk) => {
    heard += Buffer.from(chunk).toString("hex");
    const [asked, answer] = (left[0] ?? "").split(" > ");
    if (asked === undefined || asked === "" || !heard.endsWith(asked)) return;
    left.shift();
    if (answer !== undefined) wire.clock.timer(30, () => void ecu.write(fromHex(answer)));
  });
  return { wire, tester, ecu };
}

const TESTER_PRESENT = "023e00";
const START = "c133f18166 > 83f110c16b8f3f";

describe("the fast init", () => {
  it("is 300 ms of silence, 25 ms low, 25 ms high, and StartCommunication at 10,400 baud", async () => {
    const { wire, tester } = wake("fast", [START]);
    await wire.clock.drive(tester.send(fromHex("3e00")));
    expect(wire.edges).toEqual([
      { at: 300, low: true },
      { at: 325, low: false },
    ]);
    const first = wire.sent.find(({ from }) => from === "tester");
    expect(first).toEqual({ at: 350, from: "tester", byte: 0xc1 });
    expect(wire.sentBy("tester")).toBe("c133f181668210f13e00c1");
  });

  it("leaves P4min between the tester's bytes, and P3min before the first request", async () => {
    const { wire, tester } = wake("fast", [START]);
    await wire.clock.drive(tester.send(fromHex("3e00")));
    const at = wire.sent.filter(({ from }) => from === "tester").map((byte) => byte.at);
    for (const [i, time] of at.slice(1, 5).entries()) expect(time - (at[i] ?? 0)).toBeCloseTo(5 + BYTE_MS, 6);
    const answered = (wire.sent.filter(({ from }) => from === "ecu").at(-1)?.at ?? 0) + BYTE_MS;
    expect((at[5] ?? 0) - answered).toBeCloseTo(55, 6);
  });

  it("makes its low pulse longer by the offset of an adapter that cuts it", async () => {
    const { wire, tester } = wake("fast", [START], { offset: 2.5 });
    await wire.clock.drive(tester.send(fromHex("3e00")));
    expect(wire.edges.map(({ at }) => at)).toEqual([300, 327.5]);
  });

  it("counts from the edge and not from the order to make it", async () => {
    const { wire, tester } = wake("fast", [START]);
    wire.breakDelay = 4;
    await wire.clock.drive(tester.send(fromHex("3e00")));
    const [low, high] = wire.edges.map(({ at }) => at);
    expect(low).toBe(304);
    expect(wire.sent[0]?.at).toBe(354);
    // The driver is as slow on the way up: offset=-4 sets that right.
    expect(high).toBe(333);
  });

  it("is addressed to the ECU alone where the profile says so", async () => {
    const { wire, tester } = wake("fast", ["8110f18103 > 83f110c16b8f3f"], {
      options: { startAddressing: "physical" },
    });
    await wire.clock.drive(tester.send(fromHex("3e00")));
    expect(wire.sentBy("tester")).toMatch(/^8110f18103/);
  });

  it("takes header forms from the key bytes", async () => {
    const { wire, tester } = wake("fast", ["c133f18166 > 83f110c1658f39"]);
    await wire.clock.drive(tester.send(fromHex("3e00")));
    expect(wire.sentBy("tester")).toBe(`c133f18166${TESTER_PRESENT}40`);
    expect(tester.maxMessage).toBe(63);
    await expect(wire.clock.drive(tester.send(new Uint8Array(64)))).rejects.toMatchObject({ code: "KLINE_TOO_LONG" });
  });

  it("is tried three times, and then said to have failed with the pulse that was measured", async () => {
    const { wire, tester } = wake("fast", []);
    const work = wire.clock.drive(tester.send(fromHex("3e00")));
    await expect(work).rejects.toMatchObject({
      code: "KLINE_INIT_FAILED",
      message: expect.stringContaining("pulse 25.0 of 50.0 ms"),
    });
    expect(wire.edges.filter(({ low }) => low)).toHaveLength(3);
  });

  it.each([
    ["key bytes of another protocol", "c133f18166 > 83f110c1080800", /08 08/],
    ["a refusal", "c133f18166 > 83f1107f811000", /refused with 10/],
  ])("fails on %s", async (_, line, what) => {
    const { wire, tester } = wake("fast", [fixed(line)], { options: { attempts: 1 } });
    const work = wire.clock.drive(tester.send(fromHex("3e00")));
    await expect(work).rejects.toMatchObject({ code: "KLINE_INIT_FAILED", message: expect.stringMatching(what) });
  });

  it("is done again after P3max without a byte, after a reset, and not otherwise", async () => {
    const { wire, tester } = wake("fast", [START, START, "8210f1110195 > 82f1105101d5", START]);
    const starts = () => wire.edges.filter(({ low }) => low).length;
    const send = (hex: string) => wire.clock.drive(tester.send(fromHex(hex)));
    await send("3e00");
    await wire.clock.advance(4_000);
    await send("3e00");
    expect(starts()).toBe(1);
    await wire.clock.advance(5_100);
    await send("3e00");
    await send("1101");
    expect(starts()).toBe(2);
    await wire.clock.advance(100);
    await send("3e00");
    expect(starts()).toBe(3);
  });

  it("lets the line go when its caller gives up amid the pulse", async () => {
    const { wire, tester } = wake("fast", [START]);
    const given = new AbortController();
    const work = tester.send(fromHex("3e00"), { signal: given.signal });
    work.catch(() => undefined);
    await wire.clock.advance(310);
    given.abort(new Error("no more"));
    await expect(wire.clock.drive(work)).rejects.toThrow("no more");
    expect(wire.edges.map(({ low }) => low)).toEqual([true, false]);
  });
});

/** The line with the checksum that its answer must have. */
function fixed(line: string): string {
  const [asked = "", answer = ""] = line.split(" > ");
  const bytes = fromHex(answer);
  bytes[bytes.length - 1] = bytes.subarray(0, -1).reduce((sum, byte) => (sum + byte) & 0xff, 0);
  return `${asked} > ${Buffer.from(bytes).toString("hex")}`;
}

describe("the init at 5 baud", () => {
  /** The ECU after the stop bit: 55 and key bytes within W1 to W3, and ~33 once it has ~KB2. */
  function slow(inverted = "cc") {
    const made = wake("5baud", []);
    const { wire, ecu } = made;
    // A UART reads the bits of its own address as bytes.
    wire.clock.timer(1_000, () => void ecu.write(fromHex("00")));
    wire.clock.timer(2_300 + 100, () => void ecu.write(fromHex("55")));
    wire.clock.timer(2_300 + 110, () => void ecu.write(fromHex("6b")));
    wire.clock.timer(2_300 + 115, () => void ecu.write(fromHex("8f")));
    let answered = false;
    ecu.onData(([byte]) => {
      if (byte !== 0x70 || answered) return;
      answered = true;
      wire.clock.timer(30, () => void ecu.write(fromHex(inverted)));
    });
    return made;
  }

  it("is the address bit by bit, 200 ms each, the lowest first", async () => {
    const { wire, tester } = slow();
    await wire.clock.drive(tester.send(fromHex("3e00")));
    expect(wire.edges.map(({ at, low }) => [at - 300, low])).toEqual([
      [0, true],
      [200, false],
      [600, true],
      [1_000, false],
      [1_400, true],
      [1_800, false],
    ]);
    expect(wire.sentBy("tester")).toBe("708210f13e00c1");
  });

  it("sends the complement of key byte 2 after W4min", async () => {
    const { wire, tester } = slow();
    await wire.clock.drive(tester.send(fromHex("3e00")));
    const kb2 = wire.sent.find(({ byte }) => byte === 0x8f);
    const complement = wire.sent.find(({ from }) => from === "tester");
    expect((complement?.at ?? 0) - (kb2?.at ?? 0) - BYTE_MS).toBeCloseTo(25, 6);
  });

  it("fails where the ECU gives another address back", async () => {
    const { wire, tester } = slow("cd");
    await expect(wire.clock.drive(tester.send(fromHex("3e00")))).rejects.toMatchObject({ code: "KLINE_INIT_FAILED" });
  });

  it("fails where nobody gives the sync byte", async () => {
    const { wire, tester } = wake("5baud", [], { options: { attempts: 1 } });
    await expect(wire.clock.drive(tester.send(fromHex("3e00")))).rejects.toMatchObject({
      code: "KLINE_INIT_FAILED",
      message: expect.stringContaining("no sync byte 55 within W1"),
    });
  });
});
