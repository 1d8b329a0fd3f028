import { describe, expect, it } from "vitest";
import { ecuBench, table, text } from "./ecu.js";

const UID = "000102030405060708090a0b0c0d0e0f101112131415161718191a";
const RECORDS: Record<string, string> = {
  f187: text("91950-EV000"),
  f191: text("HW-1.0"),
  f195: text("SW-2.3.4"),
  f197: text("EVCC"),
  f18c: text("SN 0001/ab"),
  f190: text("KMHTEST0000000001"),
  f1a0: UID,
  f1a2: "01d01205",
};
const ALL = Object.keys(RECORDS).join("");
const together = (records = RECORDS) => `62${Object.entries(records).flat().join("")}`;
const IDENTITY = {
  partNumber: "91950-EV000",
  hwVersion: "HW-1.0",
  swVersion: "SW-2.3.4",
  systemName: "EVCC",
  serialNumber: "SN 0001/ab",
  vin: "KMHTEST0000000001",
  ecuId: UID,
  state: { lifeCycle: "locked", keySlots: 0xd012, certificateSlots: 5 },
};

/** An ECU that takes one identifier a request, and refuses more with `nrc`. */
const oneByOne =
  (nrc: string, records = RECORDS) =>
  (request: string) => {
    const record = records[request.slice(2)];
    return request.length > 6 || record === undefined ? `7f22${nrc}` : `62${request.slice(2)}${record}`;
  };

describe("identification", () => {
  it("takes one request where the ECU answers several identifiers", async () => {
    const b = ecuBench(table({ [`22${ALL}`]: together() }));
    expect(await b.drive(b.session.identify(b.signal))).toEqual(IDENTITY);
    expect(b.wire).toHaveLength(1);
  });

  it.each(["13", "31", "14"])("takes one request each where it does not (NRC %s)", async (nrc) => {
    const b = ecuBench(oneByOne(nrc));
    expect(await b.drive(b.session.identify(b.signal))).toEqual(IDENTITY);
    expect(b.wire).toHaveLength(9);
  });

  it("finds the fields when the ECU answers only the first identifier", async () => {
    const b = ecuBench((request) =>
      request.length > 6 ? `62f187${RECORDS.f187}` : `62${request.slice(2)}${RECORDS[request.slice(2)]}`,
    );
    expect(await b.drive(b.session.identify(b.signal))).toEqual(IDENTITY);
  });

  it("takes one request each where the ECU answers several identifiers in another order", async () => {
    const turned = Object.fromEntries(Object.entries(RECORDS).reverse());
    const b = ecuBench((request) => (request.length > 6 ? together(turned) : oneByOne("13")(request)));
    expect(await b.drive(b.session.identify(b.signal))).toEqual(IDENTITY);
    expect(b.wire).toHaveLength(9);
  });

  it("leaves out what fills a text up to a fixed length: blanks and NULs at its end", async () => {
    const filled = { ...RECORDS, f18c: `${RECORDS.f18c}${"00".repeat(6)}`, f187: `${RECORDS.f187}202000` };
    const b = ecuBench(table({ [`22${ALL}`]: together(filled) }));
    expect(await b.drive(b.session.identify(b.signal))).toEqual(IDENTITY);
  });

  it("gives no VIN while it is blank", async () => {
    const b = ecuBench(table({ [`22${ALL}`]: together({ ...RECORDS, f190: "ff".repeat(17) }) }));
    expect(await b.drive(b.session.identify(b.signal))).toMatchObject({ vin: undefined });
  });

  it.each([
    ["f1a0", "0011", /F1A0 has 2 bytes, 27 wanted/],
    ["f197", "455680", /F197 SystemNameOrEngineType is not ASCII/],
    ["f190", "00".repeat(17), /F190 VIN is not ASCII/],
    ["f18c", "20202020", /F18C \w+ is not ASCII/],
    ["f18c", "534e0031", /F18C \w+ is not ASCII/],
    ["f1a2", "07000000", /life cycle/],
  ])("says that %s = %s makes no sense", async (did, record, what) => {
    const b = ecuBench(oneByOne("13", { ...RECORDS, [did]: record }));
    await expect(b.drive(b.session.identify(b.signal))).rejects.toMatchObject({
      code: "UDS_UNEXPECTED_RESPONSE",
      message: expect.stringMatching(what),
    });
  });

  it("gives a refused identifier as what it is", async () => {
    const { f1a0: _, ...rest } = RECORDS;
    const b = ecuBench(oneByOne("31", rest));
    await expect(b.drive(b.session.identify(b.signal))).rejects.toMatchObject({
      code: "UDS_NEGATIVE_RESPONSE",
      details: { nrc: 0x31 },
    });
  });

  it("times out where nobody is, asked twice", async () => {
    const b = ecuBench(() => undefined);
    await expect(b.drive(b.session.identify(b.signal))).rejects.toMatchObject({ code: "UDS_TIMEOUT" });
    expect(b.wire).toHaveLength(2);
  });

  it("waits for an ECU that still waits for flow control of a tester that is gone (N_Bs)", async () => {
    const b = ecuBench((request) => (b.clock.monotonic() < 1_000 ? undefined : oneByOne("13")(request)));
    expect(await b.drive(b.session.identify(b.signal))).toEqual(IDENTITY);
  });
});
