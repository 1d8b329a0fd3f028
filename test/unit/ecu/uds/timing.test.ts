import { describe, expect, it } from "vitest";
import { StationError } from "../../../../src/shared/errors.js";
import { bench } from "./bench.js";

describe("P2", () => {
  it("starts when the request's last frame is confirmed, however long that took", async () => {
    const b = bench();
    b.transport.sending = 400;
    const outcome = b.ask("22f190");
    await b.say(455, "62f19041");
    expect(outcome).toMatchObject({ hex: "62f19041", at: 455 });
    expect(b.client.timers()).toMatchObject({ P2: 55, request: 455 });
  });

  it("ends with a timeout after P2 and the margin", async () => {
    const b = bench();
    b.transport.sending = 20;
    const outcome = b.ask("22f190");
    await b.clock.advance(79);
    expect(outcome).toEqual({});
    await b.clock.advance(1);
    expect(outcome).toMatchObject({
      code: "UDS_TIMEOUT",
      details: { service: "22 ReadDataByIdentifier", timer: "P2", ms: 60 },
      at: 80,
    });
    expect(b.clock.pending).toBe(0);
  });

  it("stops when a segmented response begins", async () => {
    const b = bench();
    const outcome = b.ask("22f190");
    await b.clock.advance(40);
    b.transport.begin(500);
    await b.say(900, "62f19041");
    expect(outcome).toMatchObject({ hex: "62f19041", at: 940 });
    expect(b.client.timers()).toMatchObject({ P2: 40 });
  });

  it("gives the transport's error when the response breaks off", async () => {
    const b = bench();
    const outcome = b.ask("22f190");
    await b.clock.advance(40);
    b.transport.begin(500);
    b.transport.fail(new Error("cut"));
    await b.clock.advance(0);
    expect(outcome).toMatchObject({ code: "Error: cut" });
  });

  it("goes on when the ECU begins its response anew", async () => {
    const b = bench();
    const outcome = b.ask("22f190");
    await b.clock.advance(40);
    b.transport.begin(500);
    await b.clock.advance(500);
    b.transport.fail(new StationError("ISOTP_UNEXP_PDU"));
    b.transport.begin(500);
    await b.say(500, "62f19041");
    expect(outcome).toMatchObject({ hex: "62f19041", at: 1_040 });
  });

  it("takes a response that overtakes the confirmation of its request", async () => {
    const b = bench();
    b.transport.sending = 20;
    const outcome = b.ask("3e00");
    await b.say(10, "7e00");
    expect(outcome).toEqual({});
    await b.clock.advance(10);
    expect(outcome).toMatchObject({ hex: "7e00", at: 20 });
    expect(b.client.timers().P2).toBe(0);
  });
});

describe("what the ECU announces in the answer to 10", () => {
  it("counts where it is longer than the options", async () => {
    const b = bench();
    b.client.announce({ P2: 200, P2star: 20 });
    const outcome = b.ask("22f190");
    await b.say(190, "7f2278");
    await b.clock.advance(5_009);
    expect(outcome).toEqual({});
    await b.clock.advance(1);
    expect(outcome).toMatchObject({ code: "UDS_TIMEOUT", details: { timer: "P2*", ms: 5_010 } });
  });

  it("lengthens P2* too, and is forgotten with the session", async () => {
    const b = bench();
    b.client.announce({ P2: 50, P2star: 9_000 });
    const first = b.ask("22f190");
    await b.say(10, "7f2278");
    await b.say(9_000, "62f19041");
    expect(first).toMatchObject({ hex: "62f19041" });
    b.client.announce(undefined);
    const second = b.ask("22f190");
    await b.say(10, "7f2278");
    await b.clock.advance(5_010);
    expect(second).toMatchObject({ code: "UDS_TIMEOUT", details: { ms: 5_010 } });
  });
});

describe("0x78", () => {
  it("gives P2* anew each time", async () => {
    const b = bench();
    const outcome = b.ask("31010220");
    await b.say(30, "7f3178");
    await b.say(5_000, "7f3178");
    await b.say(5_009, "7101022000");
    expect(outcome).toMatchObject({ hex: "7101022000", at: 10_039 });
    expect(b.client.timers()).toMatchObject({ P2: 30, P2star: 5_009, responsePending: 2, request: 10_039 });
  });

  it("ends with a timeout after P2* and the margin", async () => {
    const b = bench();
    const outcome = b.ask("31010220");
    await b.say(30, "7f3178");
    await b.clock.advance(5_010);
    expect(outcome).toMatchObject({ code: "UDS_TIMEOUT", details: { timer: "P2*", ms: 5_010 }, at: 5_040 });
  });

  it("is taken so many times and not once more", async () => {
    const b = bench();
    const outcome = b.ask("31010220");
    for (let i = 0; i < 3; i++) await b.say(30, "7f3178");
    expect(outcome).toEqual({});
    await b.say(30, "7f3178");
    expect(outcome).toMatchObject({ code: "UDS_TOO_MANY_PENDING", at: 120 });
    expect(b.clock.pending).toBe(0);
  });

  it("does not outlast the limit of the whole request", async () => {
    const b = bench({ requestLimit: 8_000 });
    const outcome = b.ask("31010220");
    await b.say(30, "7f3178");
    await b.say(5_000, "7f3178");
    await b.clock.advance(5_000);
    expect(outcome).toMatchObject({ code: "UDS_TOO_MANY_PENDING", at: 8_000 });
  });

  it("leads to a response although none was asked for", async () => {
    const b = bench();
    const outcome = b.ask("31810220");
    await b.say(30, "7f3178");
    await b.say(1_000, "71010220");
    expect(outcome).toMatchObject({ hex: "71010220" });
  });
});

describe("0x21", () => {
  it("repeats the request after the pause", async () => {
    const b = bench();
    const outcome = b.ask("22f190");
    await b.say(10, "7f2221");
    await b.say(100);
    await b.say(10, "62f19041");
    expect(outcome).toMatchObject({ hex: "62f19041", at: 120 });
    expect(b.transport.sent.map((sent) => sent.at)).toEqual([0, 110]);
    expect(b.client.timers()).toMatchObject({ busyRepeats: 1 });
  });

  it("is an error after the last repeat", async () => {
    const b = bench();
    b.transport.answer = () => b.transport.say("7f2221");
    const outcome = b.ask("22f190");
    await b.clock.advance(1_000);
    expect(b.wire).toHaveLength(3);
    expect(outcome).toMatchObject({
      code: "UDS_NEGATIVE_RESPONSE",
      details: { nrc: 0x21, nrcName: "busyRepeatRequest" },
    });
  });
});

describe("0x21 after 0x78", () => {
  it("repeats the request too, and P2 counts anew", async () => {
    const b = bench();
    const outcome = b.ask("22f190");
    await b.say(10, "7f2278", "7f2221");
    await b.say(100);
    await b.clock.advance(60);
    expect(outcome).toMatchObject({ code: "UDS_TIMEOUT", details: { timer: "P2" }, at: 170 });
  });
});

describe("suppressed positive responses", () => {
  it("are not waited for longer than P2", async () => {
    const b = bench();
    const outcome = b.ask("3e80");
    await b.clock.advance(60);
    expect(outcome).toMatchObject({ hex: "", at: 60 });
  });

  it("do not hide a negative one", async () => {
    const b = bench();
    const outcome = b.ask("1083");
    await b.say(5, "7f1022");
    expect(outcome).toMatchObject({
      code: "UDS_NEGATIVE_RESPONSE",
      details: { nrc: 0x22, nrcName: "conditionsNotCorrect" },
    });
  });
});
