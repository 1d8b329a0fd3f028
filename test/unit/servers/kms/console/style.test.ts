import { expect, test } from "vitest";
import { PALETTE, STYLE, TARGET } from "../../../../../src/servers/kms/console/style.js";
import { contrast } from "./contrast.js";

const pairs = [
  ...["text", "muted", "act", "pass", "fail", "attention"].flatMap((colour) => [
    [colour, "background"],
    [colour, "surface"],
  ]),
  ["onAct", "act"],
] as const;

test.each(Object.entries(PALETTE))(
  "every text of the %s palette has a contrast of at least 4.5 to 1",
  (_name, palette) => {
    const colours: Readonly<Record<string, string>> = palette;
    for (const [front = "", back = ""] of pairs)
      expect(contrast(colours[front] ?? "", colours[back] ?? ""), `${front} on ${back}`).toBeGreaterThanOrEqual(4.5);
  },
);

test.each(Object.entries(PALETTE))(
  "borders of inputs in the %s palette have a contrast of at least 3 to 1",
  (_name, palette) => {
    expect(contrast(palette.line, palette.surface)).toBeGreaterThanOrEqual(3);
    expect(contrast(palette.line, palette.background)).toBeGreaterThanOrEqual(3);
  },
);

test("whatever is touched is at least 64 px high, and nothing is loaded from elsewhere", () => {
  expect(TARGET).toBe(64);
  for (const selector of [".button", ".bar a", "input[type=text]", ".tick", "td a"])
    expect(STYLE).toMatch(new RegExp(`${selector.replace(/[.[\]]/g, "\\$&")}[^}]*min-height: 64px`));
  expect(STYLE).not.toMatch(/url\(|@import|https?:/);
});
