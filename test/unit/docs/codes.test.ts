import { expect, it } from "vitest";
import { ERRORS } from "../../../src/shared/errors.js";
import { ERC } from "../../../src/she/codec/tables.js";
import { readPages } from "../../system/docs/pages.js";

/** Prefixes of the station's codes; SHE's and the standards' names begin otherwise. */
const FAMILIES = [...new Set(Object.keys(ERRORS).map((code) => code.split("_")[0]))];

it("every error code that the documents name is one", () => {
  const named = readPages()
    .flatMap(({ name, spans }) => spans.map(({ text, line }) => ({ text, at: `${name}:${line}` })))
    .filter(({ text }) => FAMILIES.includes(text.split("_")[0] ?? "") && /^[A-Z0-9]+(?:_[A-Z0-9]+)+$/.test(text));
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter(({ text }) => !(text in ERRORS)).map(({ text, at }) => `${at} ${text}`)).toEqual([]);
});

it("every SHE error code that the documents name is one", () => {
  const named = readPages()
    .flatMap(({ name, spans }) => spans.map(({ text, line }) => ({ text, at: `${name}:${line}` })))
    .filter(({ text }) => /^ERC_[A-Z_]+$/.test(text));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ text }) => !(text in ERC)).map(({ text, at }) => `${at} ${text}`)).toEqual([]);
});
