import { describe, expect, it } from "vitest";
import { ecuBench, MAP } from "./ecu.js";

describe("a reset", () => {
  it("waits until the ECU answers again", async () => {
    const b = ecuBench((request) => {
      if (request === "1101") return "5101";
      return b.clock.monotonic() < 420 ? undefined : "7e00";
    });
    await b.drive(b.session.reset(b.signal));
    expect(b.clock.monotonic()).toBeGreaterThanOrEqual(420);
    expect(b.clock.monotonic()).toBeLessThan(600);
    expect(b.requests[1]?.at).toBeGreaterThanOrEqual(50);
  });

  it("ends with a timeout when the ECU does not come back", async () => {
    const b = ecuBench((request) => (request === "1101" ? "5101" : undefined));
    await expect(b.drive(b.session.reset(b.signal))).rejects.toMatchObject({ code: "UDS_TIMEOUT" });
    expect(b.clock.monotonic()).toBeGreaterThanOrEqual(1_000);
    expect(b.clock.monotonic()).toBeLessThan(1_200);
  });

  it("ends at once when the link is lost meanwhile", async () => {
    const b = ecuBench((request) => (request === "1101" ? "5101" : undefined));
    const work = b.session.reset(b.signal);
    b.clock.timer(300, () => b.stationLink.unplug());
    await expect(b.drive(work)).rejects.toMatchObject({ code: "LINK_CLOSED" });
    expect(b.clock.monotonic()).toBe(300);
  });

  it("says that it was refused", async () => {
    const b = ecuBench(() => "7f1122");
    await expect(b.drive(b.session.reset(b.signal))).rejects.toMatchObject({ code: "UDS_NEGATIVE_RESPONSE" });
  });

  it("asks again and again where questions may cross, and takes the answer to any of them", async () => {
    const b = ecuBench(
      (request) => {
        if (request === "1101") return "5101";
        return b.clock.monotonic() < 105 ? undefined : "7e00";
      },
      MAP,
      { resetPoll: 10 },
    );
    await b.drive(b.session.reset(b.signal));
    expect(b.clock.monotonic()).toBeGreaterThanOrEqual(105);
    expect(b.clock.monotonic()).toBeLessThan(120);
    expect(b.requests.slice(1, 4).map(({ at }) => Math.round(at))).toEqual([50, 60, 70]);
    // What is late of the others is no answer to the next request.
    await expect(b.drive(b.session.readCsr(0, b.signal))).rejects.toMatchObject({ code: "UDS_TIMEOUT" });
  });

  it("gives up after the ECU's own reset time, however often it asked", async () => {
    const b = ecuBench((request) => (request === "1101" ? "5101" : undefined), MAP, { resetPoll: 10 });
    await expect(b.drive(b.session.reset(b.signal))).rejects.toMatchObject({ code: "UDS_TIMEOUT" });
    expect(b.clock.monotonic()).toBeGreaterThanOrEqual(1_000);
    expect(b.clock.monotonic()).toBeLessThan(1_200);
  });
});
