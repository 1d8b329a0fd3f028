import { describe, expect, it } from "vitest";
import { bench, FUNCTIONAL, REQUEST, run } from "./bench.js";

const TWENTY = run(0, 20);

describe("sending", () => {
  it("confirms a single frame", async () => {
    const b = bench();
    const outcome = b.send("22f190");
    await b.clock.advance(0);
    expect(b.wire).toEqual(["0322f190"]);
    expect(outcome).toEqual({ at: 0 });
  });

  it("confirms at the time of the adapter's confirmation, not of the write", async () => {
    const b = bench({ padding: 0xcc });
    b.link.held = true;
    const outcome = b.send("3e00");
    await b.clock.advance(30);
    expect(b.wire).toEqual(["023e00cccccccccc"]);
    expect(outcome).toEqual({});
    b.link.confirm();
    await b.clock.advance(0);
    expect(outcome).toEqual({ at: 30 });
  });

  it("sends 7 bytes in one frame and 8 in two", async () => {
    const b = bench();
    b.send(run(1, 7));
    await b.clock.advance(0);
    expect(b.wire).toEqual(["0701020304050607"]);
    b.send(run(1, 8));
    await b.hear("300000");
    expect(b.wire.slice(1)).toEqual(["1008010203040506", "210708"]);
  });

  it("waits for flow control after the first frame and then sends all when BS is 0", async () => {
    const b = bench({ padding: 0xcc });
    const outcome = b.send(TWENTY);
    await b.clock.advance(999);
    expect(b.wire).toEqual(["1014000102030405"]);
    await b.hear("300000aaaaaaaaaa");
    expect(b.wire.slice(1)).toEqual(["21060708090a0b0c", "220d0e0f10111213"]);
    expect(outcome).toEqual({ at: 999 });
  });

  it("takes a flow control that overtakes the confirmation of the first frame", async () => {
    const b = bench();
    b.link.held = true;
    const outcome = b.send(TWENTY);
    await b.hear("300000");
    expect(b.wire).toHaveLength(1);
    b.link.confirm();
    await b.clock.advance(0);
    expect(b.wire).toHaveLength(3);
    expect(outcome).toEqual({ at: 0 });
  });

  it("gives the link only so many frames ahead of their confirmation, and confirms at the last", async () => {
    const b = bench({ sendAhead: 3 });
    const outcome = b.send(run(0, 6 + 7 * 5));
    await b.clock.advance(0);
    b.link.held = true;
    await b.hear("300000");
    expect(b.wire).toHaveLength(1 + 3);
    await b.clock.advance(7);
    b.link.confirm();
    b.link.held = true;
    await b.clock.advance(0);
    expect(b.wire).toHaveLength(1 + 5);
    expect(outcome).toEqual({});
    await b.clock.advance(5);
    b.link.confirm();
    await b.clock.advance(0);
    expect(outcome).toEqual({ at: 12 });
  });

  it("has more frames ahead where they are confirmed at once, up to what the link holds", async () => {
    const b = bench({ sendAhead: 64 });
    for (const message of [run(0, 6 + 7 * 200), run(0, 6 + 7 * 200)]) {
      b.send(message);
      await b.hear("300000");
    }
    const before = b.wire.length;
    b.send(run(0, 6 + 7 * 200));
    await b.clock.advance(0);
    b.link.held = true;
    await b.hear("300000");
    expect(b.wire).toHaveLength(before + 1 + 64);
  });

  it("has few ahead where a bus takes its time", async () => {
    const b = bench({ sendAhead: 64 });
    b.send(run(0, 6 + 7 * 40));
    await b.clock.advance(0);
    b.link.held = true;
    await b.hear("300000");
    for (let frames = 4; frames <= 40; frames += 4) {
      expect(b.wire).toHaveLength(1 + frames);
      await b.clock.advance(3);
      b.link.confirm();
      b.link.held = true;
      await b.clock.advance(0);
    }
  });

  it("ends after N_As without confirmation of one frame of many, and at the caller's abort at once", async () => {
    for (const ends of ["ISOTP_TIMEOUT_A", "Error: enough"]) {
      const b = bench({ timing: { N_As: 40 } });
      const abort = new AbortController();
      const outcome = b.send(run(0, 6 + 7 * 9), { signal: abort.signal });
      await b.clock.advance(0);
      b.link.held = true;
      await b.hear("300000");
      await b.clock.advance(39);
      expect(outcome).toEqual({});
      if (ends === "Error: enough") abort.abort(new Error("enough"));
      await b.clock.advance(1);
      expect(outcome).toEqual({ code: ends });
      expect(b.wire).toHaveLength(1 + 4);
      expect(b.clock.pending).toBe(0);
    }
  });

  it("waits for each confirmation where a gap is to be kept", async () => {
    const b = bench();
    b.send(run(0, 6 + 7 * 3));
    await b.clock.advance(0);
    b.link.held = true;
    await b.hear("300005");
    await b.clock.advance(100);
    expect(b.wire).toHaveLength(2);
    b.link.confirm();
    await b.clock.advance(4);
    expect(b.wire).toHaveLength(2);
    await b.clock.advance(1);
    expect(b.wire).toHaveLength(3);
  });

  it("sends BS frames and then waits for the next flow control, whose values count", async () => {
    const b = bench();
    const outcome = b.send(run(0, 6 + 7 * 4));
    await b.hear("300100");
    expect(b.wire).toHaveLength(2);
    await b.clock.advance(500);
    expect(b.wire).toHaveLength(2);
    await b.hear("300200");
    expect(b.wire).toHaveLength(4);
    await b.hear("300000");
    expect(b.wire.map((frame) => frame.slice(0, 2))).toEqual(["10", "21", "22", "23", "24"]);
    expect(outcome).toEqual({ at: 500 });
  });

  it("counts sequence numbers round from F to 0", async () => {
    const b = bench();
    b.send(run(0, 6 + 7 * 18));
    await b.hear("300000");
    expect(b.wire.slice(1).map((frame) => frame[1])).toEqual([..."123456789abcdef012"]);
  });

  it("uses the escape length above 4095 bytes only", async () => {
    const b = bench();
    b.send("ab".repeat(4_095));
    await b.clock.advance(0);
    expect(b.wire).toEqual(["1fffabababababab"]);
    const c = bench();
    c.send("ab".repeat(4_096));
    await c.clock.advance(0);
    expect(c.wire).toEqual(["100000001000abab"]);
  });

  it.each([
    ["05", 5],
    ["7f", 127],
    ["f1", 0.1],
    ["f9", 0.9],
    ["80", 127],
    ["f0", 127],
    ["fa", 127],
    ["ff", 127],
  ])("keeps STmin %s as %d ms between the confirmation of one frame and the next", async (code, ms) => {
    const b = bench();
    b.send(run(0, 6 + 7 * 3));
    await b.hear(`3000${code}`);
    await b.clock.advance(1_000);
    const times = b.link.sent.slice(1).map((sent) => sent.at);
    expect(times).toHaveLength(3);
    expect(times[0]).toBe(0);
    for (let i = 1; i < times.length; i++) expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeCloseTo(ms, 9);
  });

  it("adds the margin to STmin and keeps N_Cs before the first frame too", async () => {
    const b = bench({ STminMargin: 2, timing: { N_Cs: 3 } });
    b.send(run(0, 6 + 7 * 3));
    await b.hear("300004");
    await b.clock.advance(100);
    expect(b.link.sent.slice(1).map((sent) => sent.at)).toEqual([3, 9, 15]);
  });

  it("waits as long as WAIT asks, each time N_Bs, up to N_WFTmax in a row", async () => {
    const b = bench({ timing: { N_WFTmax: 2 } });
    const outcome = b.send(TWENTY);
    await b.clock.advance(900);
    await b.hear("310000");
    await b.clock.advance(900);
    await b.hear("310000");
    await b.clock.advance(900);
    await b.hear("300000");
    expect(outcome).toEqual({ at: 2_700 });
    const c = bench({ timing: { N_WFTmax: 2 } });
    const over = c.send(TWENTY);
    await c.hear("310000", "310000", "310000");
    expect(over).toEqual({ code: "ISOTP_WFT_OVRN" });
  });

  it.each([
    ["320000", "ISOTP_BUFFER_OVFLW"],
    ["330000", "ISOTP_INVALID_FS"],
    ["3f0000", "ISOTP_INVALID_FS"],
  ])("ends on flow control %s with %s", async (frame, code) => {
    const b = bench();
    const outcome = b.send(TWENTY);
    await b.hear(frame);
    expect(outcome).toEqual({ code });
    expect(b.wire).toHaveLength(1);
  });

  it("ends after N_Bs without flow control, counted from the confirmation, and can send again", async () => {
    const b = bench({ timing: { N_Bs: 150 } });
    const outcome = b.send(TWENTY);
    await b.clock.advance(149);
    expect(outcome).toEqual({});
    await b.clock.advance(1);
    expect(outcome).toEqual({ code: "ISOTP_TIMEOUT_BS" });
    const again = b.send("3e00");
    await b.clock.advance(0);
    expect(again).toEqual({ at: 150 });
  });

  it("ends after N_As without confirmation", async () => {
    const b = bench({ timing: { N_As: 40 } });
    b.link.held = true;
    const outcome = b.send("3e00");
    await b.clock.advance(40);
    expect(outcome).toEqual({ code: "ISOTP_TIMEOUT_A" });
  });

  it("ignores flow control that nobody waits for, also amid a block", async () => {
    const b = bench();
    await b.hear("300000", "320000");
    const outcome = b.send(run(0, 6 + 7 * 3));
    await b.clock.advance(0);
    expect(b.wire).toHaveLength(1);
    await b.hear("30000a");
    await b.hear("320000", "310000", "3f0000");
    await b.clock.advance(50);
    expect(b.wire).toHaveLength(4);
    expect(outcome).toEqual({ at: 20 });
  });

  it("ignores flow control that is too short", async () => {
    const b = bench();
    b.send(TWENTY);
    await b.hear("30", "3000");
    expect(b.wire).toHaveLength(1);
  });

  it("refuses a second message while one is going out", async () => {
    const b = bench();
    b.send(TWENTY);
    await b.clock.advance(0);
    const second = b.send("3e00");
    await b.clock.advance(0);
    expect(second).toEqual({ code: "ISOTP_BUSY" });
  });

  it("sends functional single frames beside a segmented message, and no longer ones", async () => {
    const b = bench({ padding: 0xcc });
    const long = b.send(TWENTY);
    await b.clock.advance(0);
    const functional = b.send("3e80", { functional: true });
    const tooLong = b.send(run(0, 8), { functional: true });
    await b.clock.advance(0);
    expect(functional).toEqual({ at: 0 });
    expect(tooLong).toEqual({ code: "ISOTP_TOO_LONG" });
    expect(b.link.sent.map((sent) => [sent.id, sent.hex])).toEqual([
      [REQUEST, "1014000102030405"],
      [FUNCTIONAL, "023e80cccccccccc"],
    ]);
    await b.hear("300000");
    expect(long).toEqual({ at: 0 });
  });

  it.each([
    ["before the first frame", 0, [], false],
    ["before the first frame is confirmed", 1, [], true],
    ["while it waits for flow control", 1, [], false],
    ["after a WAIT", 1, ["310000"], false],
    ["in a gap", 2, ["300014"], false],
    ["between two blocks", 2, ["300100"], false],
  ])("stops at the caller's abort %s, and can send again", async (_, frames, flow, held) => {
    const b = bench();
    const abort = new AbortController();
    if (frames === 0) abort.abort(new Error("enough"));
    b.link.held = held;
    const outcome = b.send(run(0, 6 + 7 * 3), { signal: abort.signal });
    await b.clock.advance(0);
    await b.hear(...flow);
    abort.abort(new Error("enough"));
    await b.clock.advance(0);
    expect(outcome).toEqual({ code: "Error: enough" });
    b.link.confirm();
    await b.hear("300000");
    await b.clock.advance(2_000);
    expect(b.wire).toHaveLength(frames);
    expect(b.clock.pending).toBe(0);
    const again = b.send(TWENTY);
    await b.hear("300000");
    expect(again).toEqual({ at: 2_000 });
  });

  it("stops at the caller's abort while the link is slow with a single or a functional frame", async () => {
    for (const functional of [false, true]) {
      const b = bench();
      const abort = new AbortController();
      b.link.held = true;
      const outcome = b.send("3e00", { signal: abort.signal, functional });
      await b.clock.advance(5);
      abort.abort(new Error("enough"));
      await b.clock.advance(0);
      expect(outcome).toEqual({ code: "Error: enough" });
    }
  });

  it("ends at once when the link does", async () => {
    const b = bench();
    const outcome = b.send(TWENTY);
    await b.clock.advance(0);
    b.link.unplug(new Error("unplugged"));
    await b.clock.advance(0);
    expect(outcome).toEqual({ code: "Error: unplugged" });
    expect(b.clock.pending).toBe(0);
  });

  it("leaves no timer and no listener behind", async () => {
    const b = bench();
    b.send(TWENTY);
    await b.hear("300000");
    expect(b.clock.pending).toBe(0);
    b.transport.close();
    expect(b.link.listeners).toBe(0);
  });
});
