import { describe, expect, it } from "vitest";
import { bench } from "./bench.js";

/** A request that times out at 60 ms. */
async function givenUp(request: string) {
  const b = bench();
  const first = b.ask(request);
  await b.clock.advance(60);
  expect(first).toMatchObject({ code: "UDS_TIMEOUT" });
  return b;
}

describe("the late answer of a request given up", () => {
  it("is let pass before another request of the service, which an NRC could be taken for", async () => {
    const b = await givenUp("22f18c");
    const next = b.ask("22f190");
    await b.say(30, "7f2231");
    expect(next).toEqual({});
    expect(b.wire).toEqual(["22f18c", "22f190"]);
    await b.say(10, "62f19041");
    expect(next).toMatchObject({ hex: "62f19041", at: 100 });
  });

  it("is not waited for longer than P2", async () => {
    const b = await givenUp("22f18c");
    const next = b.ask("22f190");
    await b.clock.advance(59);
    expect(b.wire).toHaveLength(1);
    await b.clock.advance(1);
    expect(b.wire).toEqual(["22f18c", "22f190"]);
    await b.say(10, "62f19041");
    expect(next).toMatchObject({ hex: "62f19041", at: 130 });
  });

  it("is waited for by P2* while the ECU says that it still works on it", async () => {
    const b = await givenUp("31010220");
    b.ask("31010221");
    await b.say(30, "7f3178");
    await b.say(3_000, "7101022000");
    expect(b.wire).toEqual(["31010220", "31010221"]);
  });

  it("is waited for to its end where it has begun", async () => {
    const b = await givenUp("22f18c");
    b.ask("22f190");
    await b.clock.advance(30);
    b.transport.begin(500);
    await b.clock.advance(900);
    expect(b.wire).toHaveLength(1);
    await b.say(0, "62f18c41");
    expect(b.wire).toHaveLength(2);
  });

  it("delays no request of another service, nor the same one again", async () => {
    const b = await givenUp("22f18c");
    b.ask("3e00");
    await b.say(0, "7e00");
    b.ask("22f18c");
    await b.clock.advance(0);
    expect(b.wire).toEqual(["22f18c", "3e00", "22f18c"]);
  });

  it("is void where it can be used once only: the seed asked for first is not taken for the second", async () => {
    const b = await givenUp("2711");
    const next = b.ask("2711");
    await b.say(20, "671101");
    expect(next).toEqual({});
    await b.say(10, "671102");
    expect(next).toMatchObject({ hex: "671102" });
  });

  it("counts towards the limit of the request that waits for it", async () => {
    const b = await givenUp("22f18c");
    const next = b.ask("22f190", { requestLimit: 20 });
    await b.clock.advance(20);
    expect(next).toMatchObject({ code: "UDS_TIMEOUT", details: { timer: "request limit" }, at: 80 });
    expect(b.clock.pending).toBe(0);
  });
});

describe("a timeout", () => {
  it("says what was heard instead of the answer, and no more than its head", async () => {
    const b = bench();
    const outcome = b.ask("22f190");
    await b.say(10, "7f2e31", "62f18c4142434445");
    await b.clock.advance(60);
    expect(outcome).toMatchObject({ code: "UDS_TIMEOUT", details: { heard: "62f18c41… (8 bytes)" } });
  });
});
