import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { STEP_GROUPS } from "../../../src/hmi/contract/state.js";
import { EN } from "../../../src/hmi/web/texts/en.js";
import { fill } from "../../../src/hmi/web/texts/fill.js";
import { KO } from "../../../src/hmi/web/texts/ko.js";
import { packageRoot } from "../../../src/shared/paths.js";

const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
const WEB = join(packageRoot(), "src/hmi/web");
const sources = readdirSync(WEB, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".tsx"));

it("both languages have the same texts", () => {
  expect(Object.keys(KO)).toEqual(Object.keys(EN));
});

it.each(Object.keys(EN) as (keyof typeof EN)[])("%s has the same places in both, and is not empty", (key) => {
  expect(places(KO[key])).toEqual(places(EN[key]));
  expect(KO[key].trim()).not.toBe("");
  expect(EN[key].trim()).not.toBe("");
});

it("each group of steps has a name", () => {
  for (const group of STEP_GROUPS) expect(Object.keys(EN)).toContain(`group.${group}`);
});

it("a text without its value keeps the place, and takes a value as it stands", () => {
  expect(fill("a {b} {c}", { b: "$&" })).toBe("a $& {c}");
});

/** Words before a closing tag. */
const wordsIn = (source: string) =>
  [...source.matchAll(/>\s*([A-Za-z][A-Za-z ,.']{2,})\s*<\//g)].map(([, text]) => text?.trim());

it("the search for words finds a planted one", () => {
  expect(wordsIn('<p class="x" onClick={() => go()}>\n Hello world\n</p>')).toEqual(["Hello world"]);
});

it.each(sources)("%s has no words of its own", (path) => {
  const source = readFileSync(join(WEB, path), "utf8").replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/[^\n]*/g, "");
  const words = wordsIn(source);
  expect(words).toEqual([]);
  // Korean stands in the table alone; the language's own short name is its button.
  expect(source.replaceAll('"한"', "")).not.toMatch(/[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]/);
});
