import { expect, test } from "vitest";
import { languageOf, TABLES, translator } from "../../../../../src/servers/kms/console/language.js";
import { EN } from "../../../../../src/servers/kms/console/texts-en.js";

const { ko, en } = TABLES;
const keys = Object.keys(EN) as (keyof typeof EN)[];

test("both tables have the same keys, and no text is empty", () => {
  expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort());
  for (const key of keys) for (const table of [ko, en]) expect(table[key].trim(), key).not.toBe("");
});

test.each(keys)("%s takes the same values in both languages", (key) => {
  const places = (text: string) => text.match(/\{\d?\}/g)?.length ?? 0;
  expect(places(ko[key])).toBe(places(en[key]));
});

test("Korean texts are Korean, but for names that both languages share", () => {
  const shared = keys.filter((key) => !/[\uac00-\ud7a3]/.test(ko[key]));
  expect(shared.sort()).toEqual(["changedBy", "ecus", "keyId", "uid", "value"]);
});

test("a place may be named, since languages order their words differently", () => {
  expect(translator("en")("flagOf", "WILDCARD", "4")).toBe("WILDCARD of KeyID 4");
  expect(translator("ko")("flagOf", "WILDCARD", "4")).toBe("KeyID 4의 WILDCARD");
});

test.each([
  ["the chosen one goes before the browser's", "en", "ko", "en"],
  ["the browser's first that there is", undefined, "de-DE, en-GB;q=0.8, ko;q=0.5", "en"],
  ["Korean where the browser says nothing", undefined, undefined, "ko"],
  ["Korean where the browser has other languages", undefined, "de, fr", "ko"],
  ["a choice that there is not counts as none", "xx", "en", "en"],
] as const)("the language: %s", (_name, chosen, accepted, expected) => {
  expect(languageOf(chosen, accepted)).toBe(expected);
});
