import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeResponse, nrcOf } from "../../../../src/ecu/uds/messages.js";
import { NRC, nrcName } from "../../../../src/ecu/uds/tables/nrc.js";
import { fromHex } from "../../../../src/shared/bytes.js";
import { bench } from "./bench.js";

describe("a response belongs to the request under way", () => {
  it.each([
    ["22f190", "62f18c41", "62f19041"],
    ["2ef19041", "6ef18c", "6ef190"],
    ["31010220", "7101021000", "7101022000"],
    ["31010220", "7103022000", "7101022000"],
    ["3603aabb", "7602", "7603"],
    ["2701", "6702", "6701aa"],
    ["1003", "50010032", "5003003201f4"],
    ["22f190", "7f2e31", "62f19041"],
    ["22f190", "7f22", "62f19041"],
    ["22f190", "7f223100", "62f19041"],
    ["22f190", "7e00", "62f19041"],
    ["22f190", "62", "62f19041"],
    ["340044", "7401", "7420"],
  ])("%s: %s is not taken, %s is", async (request, stray, right) => {
    const b = bench();
    const outcome = b.ask(request);
    if (request !== "340044") {
      await b.say(5, stray);
      expect(outcome).toEqual({});
    }
    await b.say(5, right);
    expect(outcome).toMatchObject({ hex: right });
  });

  it("a stray response does not lengthen P2", async () => {
    const b = bench();
    const outcome = b.ask("22f190");
    await b.say(40, "62f18c41");
    await b.clock.advance(20);
    expect(outcome).toMatchObject({ code: "UDS_TIMEOUT", at: 60 });
  });

  it("an answer that comes after its request was given up is not taken for the next", async () => {
    const b = bench();
    const first = b.ask("22f18c");
    await b.clock.advance(60);
    expect(first).toMatchObject({ code: "UDS_TIMEOUT" });
    await b.say(5, "62f18c41");
    const same = b.ask("22f18c");
    await b.clock.advance(60);
    expect(same).toMatchObject({ code: "UDS_TIMEOUT" });
    const next = b.ask("22f190");
    await b.say(5, "62f18c41", "62f19042");
    expect(next).toMatchObject({ hex: "62f19042" });
  });

  it("the repeated sub-function has no suppress bit", () => {
    expect(judgeResponse(fromHex("3e80"), fromHex("7e00"))).toEqual({ kind: "positive" });
    expect(judgeResponse(fromHex("31810220"), fromHex("71010220"))).toEqual({ kind: "positive" });
  });

  it("any bytes whatever are judged without an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.uint8Array(), (request, response) => {
        expect(["positive", "negative", "stray"]).toContain(judgeResponse(request, response).kind);
      }),
    );
  });
});

describe("negative responses", () => {
  it("carry service, code and name", async () => {
    const b = bench();
    const abort = new AbortController();
    const work = b.client.request(fromHex("2eF19041"), { signal: abort.signal });
    b.transport.answer = () => b.transport.say("7f2e33");
    await expect(b.clock.drive(work)).rejects.toMatchObject({
      code: "UDS_NEGATIVE_RESPONSE",
      details: { service: "2E WriteDataByIdentifier", nrc: 0x33, nrcName: "securityAccessDenied" },
    });
    await work.catch((error: unknown) => expect(nrcOf(error)).toBe(0x33));
    expect(nrcOf(new Error("other"))).toBeUndefined();
  });

  it("have a name for every byte", () => {
    for (let code = 0; code < 256; code++) expect(nrcName(code)).toMatch(/^[A-Za-z]+( [0-9A-F]{2})?$/);
    expect(nrcName(0x78)).toBe("requestCorrectlyReceivedResponsePending");
    expect(nrcName(0xf3)).toBe("vehicleManufacturerSpecificConditionsNotCorrect F3");
    expect(new Set(Object.values(NRC)).size).toBe(Object.keys(NRC).length);
  });
});
