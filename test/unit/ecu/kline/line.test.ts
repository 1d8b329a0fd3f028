import { describe, expect, it } from "vitest";
import { createKline } from "../../../../src/ecu/transport/kline/kline.js";
import type { ReceivedMessage } from "../../../../src/ecu/transport/transport.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { BYTE_MS, type Passing, Wire } from "./wire.js";

const TESTER = { role: "tester", own: 0xf1, peer: 0x10 } as const;
const ECU = { role: "ecu", own: 0x10, peer: 0xf1 } as const;

function pair(echo: "line" | "none" = "line") {
  const wire = new Wire();
  const tester = createKline(wire.end("tester", { echo }), TESTER, wire.clock);
  const ecu = createKline(wire.end("ecu", { echo }), ECU, wire.clock);
  const asked: ReceivedMessage[] = [];
  const answered: ReceivedMessage[] = [];
  ecu.onMessage((message) => asked.push(message));
  tester.onMessage((message) => answered.push(message));
  return { wire, tester, ecu, asked, answered };
}

/** Hits the `n`-th byte (from 1) on one of the ways. */
function hit(wire: Wire, from: Passing["from"], to: Passing["to"], n: number, bytes: (byte: number) => number[]): void {
  let count = 0;
  wire.fault = (passing) =>
    passing.from === from && passing.to === to && ++count === n ? { bytes: bytes(passing.byte) } : undefined;
}

describe("the wire that both sides share", () => {
  it("carries messages of any length both ways, and no echo is taken for a message", async () => {
    const { wire, tester, ecu, asked, answered } = pair();
    for (const length of [1, 63, 64, 255]) {
      const data = Uint8Array.from({ length }, (_, i) => i * 7);
      await wire.clock.drive(tester.send(data));
      await wire.clock.drive(ecu.send(data));
      expect([asked.pop()?.data, answered.pop()?.data]).toEqual([data, data]);
    }
    expect([asked, answered]).toEqual([[], []]);
  });

  it("confirms a request when its last byte has come back", async () => {
    const { wire, tester } = pair();
    const at = await wire.clock.drive(tester.send(fromHex("3e00")));
    expect(at).toBeCloseTo((wire.sent.at(-1)?.at ?? 0) + BYTE_MS, 6);
  });

  it("confirms a request by its time where nothing comes back", async () => {
    const { wire, tester, asked } = pair("none");
    wire.fault = ({ from, to }) => (from === to ? { bytes: [] } : undefined);
    const at = await wire.clock.drive(tester.send(fromHex("3e00")));
    expect(at).toBeCloseTo((wire.sent.at(-1)?.at ?? 0) + BYTE_MS, 6);
    await wire.clock.advance(1);
    expect(asked.map(({ data }) => toHex(data))).toEqual(["3e00"]);
  });

  it("is silent for P2min before a response and for P3min before a request", async () => {
    const { wire, tester, ecu } = pair();
    await wire.clock.drive(tester.send(fromHex("3e00")));
    await wire.clock.drive(ecu.send(fromHex("7e00")));
    await wire.clock.drive(tester.send(fromHex("3e00")));
    const gaps = wire.sent.flatMap(({ at, from }, i) => {
      const before = wire.sent[i - 1];
      return before === undefined || before.from === from ? [] : [at - before.at - BYTE_MS];
    });
    expect(gaps[0]).toBeCloseTo(25, 6);
    expect(gaps[1]).toBeCloseTo(55, 6);
  });

  it("is waited for while an ECU gives its answer in several parts", async () => {
    const { wire, tester, ecu, answered } = pair();
    await wire.clock.drive(tester.send(fromHex("3e00")));
    const parts = Promise.all(["6201", "6202", "6203"].map((hex) => ecu.send(fromHex(hex))));
    await wire.clock.drive(Promise.all([tester.send(fromHex("3e00")), parts]));
    expect(answered.map(({ data }) => toHex(data))).toEqual(["6201", "6202", "6203"]);
    const order = wire.sent.map(({ from }) => from).filter((from, i, all) => from !== all[i - 1]);
    expect(order).toEqual(["tester", "ecu", "tester"]);
  });

  it("that never falls silent is busy", async () => {
    const { wire, tester } = pair();
    const noise = wire.end("ecu");
    const babble = () => {
      void noise.write(Uint8Array.of(0x55));
      wire.clock.timer(30, babble);
    };
    babble();
    await expect(wire.clock.drive(tester.send(fromHex("3e00")))).rejects.toMatchObject({ code: "KLINE_BUSY" });
  });

  it("takes functional requests to the functional address, and none of other ECUs", async () => {
    const { wire, tester, asked } = pair();
    await wire.clock.drive(tester.send(fromHex("3e80"), { functional: true }));
    const stranger = createKline(wire.end("tester"), { ...TESTER, peer: 0x11 }, wire.clock);
    await wire.clock.drive(stranger.send(fromHex("3e00")));
    await wire.clock.advance(10);
    expect(asked.map(({ data, functional }) => [toHex(data), functional])).toEqual([["3e80", true]]);
  });
});

describe("an echo", () => {
  it("that is another byte ends the request at once, with what was sent and read", async () => {
    const { wire, tester } = pair();
    hit(wire, "tester", "tester", 2, (byte) => [byte ^ 0x20]);
    await expect(wire.clock.drive(tester.send(fromHex("22f190")))).rejects.toMatchObject({
      code: "KLINE_COLLISION",
      details: { what: "byte 2: sent 10, read 30" },
    });
    expect(wire.sent).toHaveLength(2);
  });

  it("that does not come ends the request, with how much of it came", async () => {
    const { wire, tester } = pair();
    wire.fault = ({ from, to }) => (from === to ? { bytes: [] } : undefined);
    await expect(wire.clock.drive(tester.send(fromHex("3e00")))).rejects.toMatchObject({
      code: "KLINE_NO_ECHO",
      details: { what: "0 of 6 bytes" },
    });
  });

  it("of a request that was given up is no message", async () => {
    const { wire, tester, answered } = pair();
    const given = new AbortController();
    const work = tester.send(fromHex("22f190f187"), { signal: given.signal });
    work.catch(() => undefined);
    await wire.clock.advance(70);
    given.abort(new Error("no more"));
    await expect(wire.clock.drive(work)).rejects.toThrow("no more");
    await wire.clock.advance(500);
    expect(answered).toEqual([]);
  });
});

describe("a line that is pulled", () => {
  it("ends what is under way, and everything after it", async () => {
    const { wire, tester } = pair();
    const ends: Error[] = [];
    tester.onClosed((error) => ends.push(error));
    const work = tester.send(fromHex("22f190"));
    work.catch(() => undefined);
    await wire.clock.advance(70);
    wire.unplug();
    await expect(wire.clock.drive(work)).rejects.toMatchObject({ code: "LINK_CLOSED" });
    await expect(wire.clock.drive(tester.send(fromHex("3e00")))).rejects.toMatchObject({ code: "LINK_CLOSED" });
    expect(ends).toHaveLength(1);
  });

  it("ends a request that the driver took and never gave back", async () => {
    const wire = new Wire();
    const stuck = { ...wire.end("tester"), write: () => new Promise<void>(() => undefined) };
    const tester = createKline(stuck, TESTER, wire.clock);
    const work = tester.send(fromHex("3e00"));
    work.catch(() => undefined);
    await wire.clock.advance(70);
    wire.unplug();
    await expect(wire.clock.drive(work)).rejects.toMatchObject({ code: "LINK_CLOSED" });
  });

  it("leaves no timer behind when it is closed", async () => {
    const { wire, tester, ecu } = pair();
    await wire.clock.drive(tester.send(fromHex("3e00")));
    tester.close();
    ecu.close();
    await wire.clock.advance(10);
    expect(wire.clock.pending).toBe(0);
  });
});
