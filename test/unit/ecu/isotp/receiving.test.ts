import { describe, expect, it } from "vitest";
import { bench, RESPONSE, run } from "./bench.js";

const LONG = run(0, 20);
const FF = "1014000102030405";
const CF1 = "21060708090a0b0c";
const CF2 = "220d0e0f10111213";

describe("receiving", () => {
  it("takes single frames, padded or not, and says when they came", async () => {
    const b = bench();
    await b.clock.advance(12);
    await b.hear("0322f190", "037ef190cccccccc", "0711223344556677");
    expect(b.events).toEqual(["message 22f190", "message 7ef190", "message 11223344556677"]);
    expect(b.messages[0]).toMatchObject({ at: 12, functional: false });
  });

  it.each(["", "00", "0011223344556677", "08112233445566", "0322f1", "0f11223344556677"])(
    "ignores the single frame '%s'",
    async (frame) => {
      const b = bench();
      await b.hear(frame);
      expect(b.events).toEqual([]);
      expect(b.wire).toEqual([]);
    },
  );

  it("answers a first frame with what it wants, and says that a message has begun", async () => {
    const b = bench({ padding: 0xaa, BS: 8, STmin: 0xf5 }, "ecu");
    await b.hear(FF);
    expect(b.wire).toEqual(["3008f5aaaaaaaaaa"]);
    expect(b.events).toEqual(["start 20"]);
    expect(b.link.sent[0]?.id).toBe(RESPONSE);
    await b.clock.advance(5);
    await b.hear(CF1, CF2);
    expect(b.events).toEqual(["start 20", `message ${LONG}`]);
    expect(b.messages[0]?.at).toBe(5);
    expect(b.clock.pending).toBe(0);
  });

  it("cuts the padding of the last frame off", async () => {
    const b = bench();
    await b.hear("1009000102030405", "21060708cccccccc");
    expect(b.events).toEqual(["start 9", "message 000102030405060708"]);
  });

  it("sends a flow control a block and none after the last frame", async () => {
    const b = bench({ BS: 1 });
    await b.hear(FF, CF1, CF2);
    expect(b.wire).toEqual(["300100", "300100"]);
    expect(b.events).toContain(`message ${LONG}`);
  });

  it("takes a message by the escape length", async () => {
    const b = bench();
    const cf = Array.from({ length: 586 }, (_, i) => `2${((i + 1) & 15).toString(16)}00112233445566`);
    await b.hear("100000001000abab", ...cf);
    expect(b.events[0]).toBe("start 4096");
    expect(b.messages[0]?.data).toHaveLength(4_096);
  });

  it.each(["1007112233445566", "1000000000001122", "1000000000ff1122", "100000000fff1122", "10141122334455"])(
    "ignores the first frame %s",
    async (frame) => {
      const b = bench();
      await b.hear(frame);
      expect(b.events).toEqual([]);
      expect(b.wire).toEqual([]);
    },
  );

  it("answers a message that is too long with OVFLW, keeps nothing, and goes on", async () => {
    const b = bench({ maxMessage: 100, padding: 0 });
    await b.hear("1065000102030405");
    expect(b.wire).toEqual(["3200000000000000"]);
    await b.hear(CF1, "021122");
    expect(b.events).toEqual(["message 1122"]);
    const big = bench();
    await big.hear("1000ffffffff0001");
    expect(big.wire).toEqual(["320000"]);
  });

  it("says WAIT while it may not take the message, N_WFTmax times at most", async () => {
    let ready = false;
    const b = bench({ admit: () => (ready ? "accept" : "wait"), waitPause: 50, timing: { N_WFTmax: 3 } });
    await b.hear(FF);
    await b.clock.advance(60);
    ready = true;
    await b.clock.advance(50);
    expect(b.link.sent.map((sent) => [sent.hex, sent.at])).toEqual([
      ["310000", 0],
      ["310000", 50],
      ["300000", 100],
    ]);
    await b.hear(CF1, CF2);
    expect(b.events).toContain(`message ${LONG}`);
    ready = false;
    await b.hear(FF);
    await b.clock.advance(500);
    expect(b.wire.slice(3)).toEqual(["310000", "310000", "310000"]);
    expect(b.events.at(-1)).toBe("ISOTP_WFT_OVRN");
  });

  it("answers OVFLW when the message is not admitted", async () => {
    const b = bench({ admit: () => "overflow" });
    await b.hear(FF, CF1, CF2);
    expect(b.wire).toEqual(["320000"]);
    expect(b.events).toEqual(["start 20"]);
  });

  it("waits N_Br before its flow control, and takes no consecutive frame before it", async () => {
    const b = bench({ timing: { N_Br: 20 } });
    await b.hear(FF, CF1);
    await b.clock.advance(20);
    expect(b.link.sent.map((sent) => sent.at)).toEqual([20]);
    await b.hear(CF1, CF2);
    expect(b.events).toEqual(["start 20", `message ${LONG}`]);
  });

  it("takes a consecutive frame that overtakes the confirmation of the flow control", async () => {
    const b = bench();
    b.link.held = true;
    await b.hear(FF, CF1, CF2);
    b.link.confirm();
    await b.clock.advance(0);
    expect(b.events).toEqual(["start 20", `message ${LONG}`]);
    expect(b.clock.pending).toBe(0);
  });

  it("gives up after N_Cr, counted from the flow control and from each frame", async () => {
    const b = bench({ timing: { N_Cr: 100 } });
    await b.hear(FF);
    await b.clock.advance(99);
    await b.hear(CF1);
    await b.clock.advance(99);
    expect(b.events).toEqual(["start 20"]);
    await b.clock.advance(1);
    expect(b.events).toEqual(["start 20", "ISOTP_TIMEOUT_CR"]);
    await b.hear(CF2);
    expect(b.events).toHaveLength(2);
  });

  it("gives up after N_Ar when its flow control is not confirmed", async () => {
    const b = bench({ timing: { N_Ar: 30 } });
    b.link.held = true;
    await b.hear(FF);
    await b.clock.advance(30);
    expect(b.events).toEqual(["start 20", "ISOTP_TIMEOUT_A"]);
  });

  it("gives up on a wrong sequence number, and ignores the rest", async () => {
    const b = bench();
    await b.hear(FF, CF2, CF1, CF2);
    expect(b.events).toEqual(["start 20", "ISOTP_WRONG_SN"]);
    expect(b.clock.pending).toBe(0);
  });

  it("gives up on a repeated frame", async () => {
    const b = bench();
    await b.hear(FF, CF1, CF1);
    expect(b.events).toEqual(["start 20", "ISOTP_WRONG_SN"]);
  });

  it("ignores a consecutive frame that is too short for its place", async () => {
    const b = bench();
    await b.hear(FF, "210607", CF1, "220d0e", CF2);
    expect(b.events).toEqual(["start 20", `message ${LONG}`]);
  });
});

describe("unexpected frames", () => {
  it("amid a reception: a single frame ends it and counts", async () => {
    const b = bench();
    await b.hear(FF, CF1, "027e00", CF2);
    expect(b.events).toEqual(["start 20", "ISOTP_UNEXP_PDU", "message 7e00"]);
    expect(b.clock.pending).toBe(0);
  });

  it("amid a reception: a first frame begins anew", async () => {
    const b = bench();
    await b.hear(FF, CF1, FF, CF1, CF2);
    expect(b.events).toEqual(["start 20", "ISOTP_UNEXP_PDU", "start 20", `message ${LONG}`]);
    expect(b.wire).toEqual(["300000", "300000"]);
  });

  it("amid a reception: flow control and unknown frames are ignored", async () => {
    const b = bench();
    await b.hear(FF, "300000", CF1, "4000", "ff", "f011223344556677", "320000", CF2);
    expect(b.events).toEqual(["start 20", `message ${LONG}`]);
  });

  it("idle: consecutive, flow control and unknown frames are ignored", async () => {
    const b = bench();
    await b.hear(CF1, "300000", "5011", "e0", "027e00");
    expect(b.events).toEqual(["message 7e00"]);
    expect(b.wire).toEqual([]);
  });

  it("a first frame that is not to be taken does not end a reception", async () => {
    const b = bench();
    await b.hear(FF, CF1, "1007112233445566", CF2);
    expect(b.events).toEqual(["start 20", `message ${LONG}`]);
  });

  it("while sending: single and segmented messages are received (full duplex)", async () => {
    const b = bench();
    const outcome = b.send(run(100, 20));
    await b.hear("027e00", FF, CF1);
    expect(outcome).toEqual({});
    await b.hear("300000", CF2);
    expect(outcome).toEqual({ at: 0 });
    expect(b.events).toEqual(["message 7e00", "start 20", `message ${LONG}`]);
    expect(b.wire).toEqual(["1014646566676869", "300000", "216a6b6c6d6e6f70", "2271727374757677"]);
  });

  it("of other identifiers, 29 bit or remote, are not ours", async () => {
    const b = bench();
    b.link.receive(0x7e9, "027e00");
    b.link.receive(RESPONSE, "027e00", { extended: true });
    b.link.receive(RESPONSE, "027e00", { remote: true });
    await b.clock.advance(0);
    expect(b.events).toEqual([]);
  });
});

describe("CAN_DL of frames that 8 bytes hold", () => {
  // Padding to 8 (§10.4.2.1) and the optimised length (§10.4.2.2) exclude each other; a receiver that knows its peer may insist.
  const short = { SF: "023e00", FC: "300000", last: "21060708" };
  const full = { SF: "023e00cccccccccc", FC: "300000cccccccccc", last: "21060708cccccccc" };
  const between = { SF: "023e00cc", FC: "300000cc", last: "21060708cc" };
  it.each([
    ["any", short, true],
    ["any", full, true],
    ["any", between, true],
    ["padded", short, false],
    ["padded", full, true],
    ["padded", between, false],
    ["optimised", short, true],
    ["optimised", full, false],
    ["optimised", between, false],
  ] as const)("%s: %j is taken: %s", async (lengths, frames, taken) => {
    const b = bench({ lengths });
    const outcome = b.send(LONG);
    await b.hear(frames.SF, frames.FC, "1009000102030405", frames.last);
    expect(b.events).toEqual(taken ? ["message 3e00", "start 9", `message ${run(0, 9)}`] : ["start 9"]);
    expect(outcome.at).toBe(taken ? 0 : undefined);
  });
});

describe("functional addressing", () => {
  it("takes single frames only, and leaves a physical reception alone", async () => {
    const b = bench({}, "ecu");
    await b.hear(FF, CF1);
    b.link.receive(0x7df, "023e80");
    b.link.receive(0x7df, FF);
    b.link.receive(0x7df, CF2);
    b.link.receive(0x7df, "300000");
    await b.hear(CF2);
    expect(b.events).toEqual(["start 20", "message 3e80 functional", `message ${LONG}`]);
    expect(b.wire).toEqual(["300000"]);
  });
});

describe("CAN FD", () => {
  it("uses the escape length for single frames above 7 bytes and pads to a length that exists", async () => {
    const b = bench({ txDl: 64 }, "tester", 64);
    const outcome = b.send(run(0, 11));
    await b.clock.advance(0);
    expect(outcome).toEqual({ at: 0 });
    expect(b.wire).toEqual([`000b${run(0, 11)}cccccc`]);
    expect(b.link.sent[0]?.frame).toMatchObject({ fd: true, brs: false });
    b.send(run(0, 7));
    await b.clock.advance(0);
    expect(b.wire[1]).toBe(`07${run(0, 7)}`);
  });

  it("segments by TX_DL, and fills the last frame", async () => {
    const b = bench({ txDl: 12, padding: 0x55 }, "tester", 64);
    b.send(run(0, 25));
    await b.hear("300000");
    expect(b.wire).toEqual([`1019${run(0, 10)}`, `21${run(10, 11)}`, `22${run(21, 4)}555555`]);
  });

  it.each([
    ["000811223344556677885555", ["message 1122334455667788"]],
    ["0007112233445566775555aa", []],
    ["000b112233445566778899aa", []],
    ["0008112233445566778855555555555555", []],
    ["0108112233445566778855ff", []],
  ])("takes single frame %s only if its length is the shortest", async (frame, events) => {
    const b = bench({}, "tester", 64);
    await b.hear(frame);
    expect(b.events).toEqual(events);
  });

  it("takes RX_DL from the first frame, and ignores one whose message fits a single frame", async () => {
    const b = bench({}, "tester", 64);
    await b.hear(`100a${run(0, 10)}`);
    expect(b.events).toEqual([]);
    await b.hear(`100b${run(0, 10)}`, "210a");
    expect(b.events).toEqual(["start 11", `message ${run(0, 11)}`]);
  });

  it("takes frames of RX_DL alone until the last, which may be shorter", async () => {
    const b = bench({}, "tester", 64);
    await b.hear(`1019${run(0, 10)}`, `21${run(10, 7)}`, `21${run(10, 15)}`, `21${run(10, 11)}`);
    expect(b.events).toEqual(["start 25"]);
    await b.hear(`22${run(21, 4)}cc${"cc".repeat(10)}`, `22${run(21, 4)}cc`);
    expect(b.events).toEqual(["start 25", `message ${run(0, 25)}`]);
  });

  it("ignores a first frame of a length that no TX_DL has", async () => {
    const b = bench({}, "tester", 64);
    await b.hear(`1019${run(0, 7)}`, `1019${run(0, 8)}`);
    expect(b.events).toEqual([]);
  });

  it("sends CAN FD frames of 8 bytes where it is asked for", async () => {
    const b = bench({ fd: true, brs: true, padding: 0xaa }, "tester", 64);
    b.send(run(0, 8));
    await b.hear("300000");
    expect(b.wire).toEqual([`1008${run(0, 6)}`, `21${run(6, 2)}aaaaaaaaaa`]);
    expect(b.link.sent.every(({ frame }) => frame.fd === true && frame.brs === true)).toBe(true);
  });

  it("is refused on a link without it", () => {
    expect(() => bench({ txDl: 64 })).toThrow(/CAN FD/);
  });
});
