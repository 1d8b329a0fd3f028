import { expect, it } from "vitest";
import { isScanner, REPEAT, scanOf } from "../../../src/hmi/web/operate/scanner.js";

const VIN = "KMHAA00AAAA000001";

it("a scan is what stands in the field, without the spaces around it", () => {
  expect(scanOf(` ${VIN} `, 5, undefined)).toEqual({ text: VIN, at: 5 });
});

it("an empty field is no scan: the scanner's second Enter", () => {
  expect(scanOf("", 5, undefined)).toBeUndefined();
  expect(scanOf("  ", 5, undefined)).toBeUndefined();
});

it("the same text once more within a second is the same scan, later it is another", () => {
  const last = { text: VIN, at: 1000 };
  expect(scanOf(VIN, 1000 + REPEAT - 1, last)).toBeUndefined();
  expect(scanOf(VIN, 1000 + REPEAT, last)).toEqual({ text: VIN, at: 1000 + REPEAT });
  expect(scanOf("OTHER", 1001, last)).toEqual({ text: "OTHER", at: 1001 });
});

it("a prefix that is a control character stays for the station to take off", () => {
  expect(scanOf(`\u0002${VIN}`, 5, undefined)?.text).toBe(`\u0002${VIN}`);
});

it("keys that come quicker than any hand are a scanner's", () => {
  expect(isScanner([0, 10, 20, 60, 70])).toBe(true);
  expect(isScanner([0, 90, 170, 260, 340])).toBe(false);
  expect(isScanner([0, 1, 2])).toBe(false);
  expect(isScanner([])).toBe(false);
});
