import { describe, expect, it } from "vitest";
import { bench } from "./bench.js";

describe("requests", () => {
  it("go out one after the other", async () => {
    const b = bench();
    const first = b.ask("22f190");
    const second = b.ask("22f18c");
    await b.clock.advance(10);
    expect(b.wire).toEqual(["22f190"]);
    await b.say(0, "62f19041");
    expect(b.wire).toEqual(["22f190", "22f18c"]);
    await b.say(0, "62f18c42");
    expect([first.hex, second.hex]).toEqual(["62f19041", "62f18c42"]);
  });

  it("go on after one that failed", async () => {
    const b = bench();
    const first = b.ask("22f190");
    const second = b.ask("2ef19041");
    await b.clock.advance(60);
    await b.say(0, "6ef190");
    expect(first).toMatchObject({ code: "UDS_TIMEOUT" });
    expect(second).toMatchObject({ hex: "6ef190" });
  });

  it("end at once with the caller's reason, waiting or under way", async () => {
    const b = bench();
    const one = new AbortController();
    const two = new AbortController();
    const first = b.ask("22f190", { signal: one.signal });
    const second = b.ask("22f18c", { signal: two.signal });
    await b.clock.advance(10);
    two.abort(new Error("second"));
    await b.clock.advance(0);
    expect(second).toMatchObject({ code: "Error: second", at: 10 });
    one.abort(new Error("first"));
    await b.clock.advance(0);
    expect(first).toMatchObject({ code: "Error: first", at: 10 });
    expect(b.wire).toEqual(["22f190"]);
    expect(b.clock.pending).toBe(0);
  });

  it("wait for one that was given up while it is still going out", async () => {
    const b = bench({ requestLimit: 10 });
    b.transport.sending = 50;
    const first = b.ask("22f190");
    await b.clock.advance(10);
    expect(first).toMatchObject({ code: "UDS_TIMEOUT", details: { timer: "request limit", ms: 10 } });
    b.transport.sending = 0;
    b.ask("2ef19041");
    await b.clock.advance(50);
    expect(b.wire).toEqual(["22f190", "2ef19041"]);
    expect(b.transport.overlaps).toBe(0);
  });

  it("fail at once when the link is lost, and so do all later ones", async () => {
    const b = bench();
    const first = b.ask("22f190");
    await b.clock.advance(10);
    b.transport.unplug(new Error("unplugged"));
    await b.clock.advance(0);
    expect(first).toMatchObject({ code: "Error: unplugged", at: 10 });
    const second = b.ask("22f190");
    await b.clock.advance(0);
    expect(second).toMatchObject({ code: "Error: unplugged", at: 10 });
    expect(b.clock.pending).toBe(0);
  });
});

describe("keep-alive", () => {
  it("sends 3E 80 while nothing else goes on", async () => {
    const b = bench();
    b.client.startKeepAlive();
    b.client.startKeepAlive();
    await b.clock.advance(6_100);
    expect(b.transport.sent).toEqual([2_000, 4_000, 6_000].map((at) => ({ hex: "3e80", at })));
    b.client.stopKeepAlive();
    await b.clock.advance(10_000);
    expect(b.wire).toHaveLength(3);
    expect(b.clock.pending).toBe(0);
  });

  it("never amid a request, however long that takes, and counts from its end", async () => {
    const b = bench();
    b.client.startKeepAlive();
    const outcome = b.ask("31010220");
    await b.say(30, "7f3178");
    await b.say(4_900, "7f3178");
    await b.say(4_900, "7101022000");
    expect(outcome).toMatchObject({ hex: "7101022000" });
    expect(b.wire).toEqual(["31010220"]);
    await b.clock.advance(2_000);
    expect(b.transport.sent.at(-1)).toEqual({ hex: "3e80", at: 9_830 + 2_000 });
  });

  it("lets a request wait while it goes out itself", async () => {
    const b = bench();
    b.transport.sending = 15;
    b.client.startKeepAlive();
    await b.clock.advance(2_005);
    b.ask("22f190");
    await b.clock.advance(20);
    expect(b.transport.sent).toEqual([
      { hex: "3e80", at: 2_000 },
      { hex: "22f190", at: 2_015 },
    ]);
    expect(b.transport.overlaps).toBe(0);
  });

  it("survives a failed send and ends with the link and with close", async () => {
    const b = bench();
    b.client.startKeepAlive();
    b.transport.failure = new Error("busy");
    await b.clock.advance(2_000);
    b.transport.failure = undefined;
    await b.clock.advance(2_000);
    expect(b.wire).toEqual(["3e80"]);
    b.client.close();
    await b.clock.advance(10_000);
    expect(b.wire).toEqual(["3e80"]);
    expect(b.clock.pending).toBe(0);
    expect(b.transport.listeners).toBe(0);
  });
});
