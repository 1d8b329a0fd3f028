import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDeviceId, parseDone, parseLoad, parseMac, parseSignature } from "../../../../src/ecu/uds/routines.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { isStationError } from "../../../../src/shared/errors.js";
import { ecuBench, table } from "./ecu.js";

const hex = (byte: string, count: number) => byte.repeat(count);
const M1 = hex("a1", 16);
const M2 = hex("a2", 32);
const M3 = hex("a3", 16);
const M4 = hex("b4", 32);
const M5 = hex("b5", 16);
const set = { m1: fromHex(M1), m2: fromHex(M2), m3: fromHex(M3) };

describe("the ECU's routines", () => {
  it("0210 loads a key and gives M4 and M5", async () => {
    const b = ecuBench(table({ [`31010210${M1}${M2}${M3}`]: ["7f3178", `7101021000${M4}${M5}`] }));
    const { status, value } = await b.drive(b.session.loadKey(set, b.signal));
    expect(status).toBe("NO_ERROR");
    expect([toHex(value?.m4 ?? set.m1), toHex(value?.m5 ?? set.m1)]).toEqual([M4, M5]);
    expect(b.session.timers().responsePending).toBe(1);
  });

  it.each([
    ["01", "SEQUENCE_ERROR"],
    ["02", "KEY_NOT_AVAILABLE"],
    ["03", "KEY_INVALID"],
    ["04", "KEY_EMPTY"],
    ["05", "NO_SECURE_BOOT"],
    ["06", "KEY_WRITE_PROTECTED"],
    ["07", "KEY_UPDATE_ERROR"],
    ["08", "RNG_SEED"],
    ["09", "NO_DEBUGGING"],
    ["0a", "BUSY"],
    ["0b", "MEMORY_FAILURE"],
    ["0c", "GENERAL_ERROR"],
    ["0d", "UNKNOWN_0D"],
    ["ff", "UNKNOWN_FF"],
  ])("0210 status %s is %s", async (code, status) => {
    const b = ecuBench(table({ [`31010210${M1}${M2}${M3}`]: `71010210${code}` }));
    expect(await b.drive(b.session.loadKey(set, b.signal))).toEqual({ status, value: undefined });
  });

  it("0210 gives the last load again, or nothing where there was none", async () => {
    const b = ecuBench(table({ "3103021004": `7103021000${M4}${M5}`, "3103021005": "7f3131" }));
    const last = await b.drive(b.session.lastLoad(4, b.signal));
    expect(toHex(last?.value?.m5 ?? new Uint8Array(0))).toBe(M5);
    expect(await b.drive(b.session.lastLoad(5, b.signal))).toBeUndefined();
  });

  it("0211 makes a MAC over any data, also none", async () => {
    const b = ecuBench(table({ "3101021104": `7101021100${M5}`, "310102110401ff": "7101021104" }));
    expect((await b.drive(b.session.generateMac(4, fromHex(""), b.signal))).status).toBe("NO_ERROR");
    expect(await b.drive(b.session.generateMac(4, fromHex("01ff"), b.signal))).toEqual({
      status: "KEY_EMPTY",
      value: undefined,
    });
  });

  it("0212 gives UID, SREG and MAC", async () => {
    const uid = hex("1d", 15);
    const b = ecuBench(table({ [`31010212${M3}`]: `7101021200${uid}01${M5}` }));
    const { value } = await b.drive(b.session.getId(set.m3, b.signal));
    expect([toHex(value?.uid ?? set.m1), value?.sreg, toHex(value?.mac ?? set.m1)]).toEqual([uid, 1, M5]);
  });

  it("0220 names slot, curve, subject and attributes, and waits through its 78s", async () => {
    const b = ecuBench(table({ "310102200302000330013100020506": ["7f3178", "7f3178", "7101022000"] }));
    const answer = await b.drive(b.session.makeKeyPair(3, "P-521", fromHex("300131"), fromHex("0506"), b.signal));
    expect(answer.status).toBe("DONE");
  });

  it("reads CSR and certificate of a slot, or nothing while it is empty", async () => {
    const b = ecuBench(table({ "22f1d2": "62f1d2aabb", "22f1c2": "62f1c2ccdd", "22f1c3": "7f2231" }));
    expect(toHex((await b.drive(b.session.readCsr(2, b.signal))) ?? set.m1)).toBe("aabb");
    expect(toHex((await b.drive(b.session.readCertificate(2, b.signal))) ?? set.m1)).toBe("ccdd");
    expect(await b.drive(b.session.readCertificate(3, b.signal))).toBeUndefined();
  });

  it("0222 gives the signature by its length", async () => {
    const challenge = hex("c0", 32);
    const b = ecuBench(table({ [`3101022207${challenge}`]: "71010222000003112233" }));
    const { value } = await b.drive(b.session.prove(7, fromHex(challenge), b.signal));
    expect(toHex(value ?? set.m1)).toBe("112233");
  });

  it("0230 locks, and says when it did not", async () => {
    const b = ecuBench(table({ "31010230": "7101023000" }));
    await b.drive(b.session.lock(b.signal));
    b.script.say = table({ "31010230": "7101023005" });
    await expect(b.drive(b.session.lock(b.signal))).rejects.toMatchObject({ code: "UDS_UNEXPECTED_RESPONSE" });
  });

  it.each([
    ["a status missing", ""],
    ["bytes behind an error", "0700"],
    ["M5 cut off", `00${M4}${M5.slice(2)}`],
    ["a byte too many", `00${M4}${M5}00`],
  ])("an answer with %s makes no sense", (_, data) => {
    expect(() => parseLoad(fromHex(data))).toThrow(expect.objectContaining({ code: "UDS_UNEXPECTED_RESPONSE" }));
  });

  it("any bytes whatever are read or refused, never worse", () => {
    const parsers = [parseLoad, parseMac, parseDeviceId, parseDone, parseSignature];
    fc.assert(
      fc.property(fc.constantFrom(...parsers), fc.uint8Array({ maxLength: 60 }), (parse, data) => {
        try {
          expect(typeof parse(data).status).toBe("string");
        } catch (error) {
          expect(isStationError(error, "UDS_UNEXPECTED_RESPONSE")).toBe(true);
        }
      }),
    );
  });

  it("a lost answer is a timeout, after which the ECU can be asked what it holds", async () => {
    const b = ecuBench((request) => (request.startsWith("3101") ? undefined : `7103021000${M4}${M5}`));
    await expect(b.drive(b.session.loadKey(set, b.signal))).rejects.toMatchObject({
      code: "UDS_TIMEOUT",
      details: { service: "31 RoutineControl", timer: "P2" },
    });
    expect((await b.drive(b.session.lastLoad(4, b.signal)))?.status).toBe("NO_ERROR");
  });
});

describe("writing", () => {
  it("VIN and clock go by 2E, the clock as eight bytes of seconds", async () => {
    const b = ecuBench(table({ "2ef1904b4d48": "6ef190", "2ef1b00000000069593f00": "6ef1b0" }));
    await b.drive(b.session.writeVin("KMH", b.signal));
    await b.drive(b.session.setClock(0x69593f00 * 1_000 + 999, b.signal));
    expect(b.wire).toHaveLength(2);
  });
});
