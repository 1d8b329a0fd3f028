import { describe, expect, it } from "vitest";
import { bench } from "./bench.js";

describe("what ISO-TP does not carry", () => {
  it("an empty message", async () => {
    const b = bench();
    const outcome = b.send("");
    await b.clock.advance(0);
    expect(outcome).toEqual({ code: "INTERNAL" });
    expect(b.wire).toEqual([]);
  });

  it("a message above the limit", async () => {
    const b = bench({ maxMessage: 10 });
    const outcome = b.send("00".repeat(11));
    await b.clock.advance(0);
    expect(outcome).toEqual({ code: "ISOTP_TOO_LONG" });
    expect(b.transport.maxMessage).toBe(10);
  });

  it("a functional message of a side that has no functional address", async () => {
    const b = bench({}, "ecu");
    const outcome = b.send("3e80", { functional: true });
    await b.clock.advance(0);
    expect(outcome).toEqual({ code: "INTERNAL" });
  });
});
