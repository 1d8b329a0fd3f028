import fc from "fast-check";
import { expect, test } from "vitest";
import { html } from "../../../../../src/servers/kms/console/html.js";
import { unescaped } from "./helpers.js";

test("text that is put into markup never makes markup of its own", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const made = String(html`<p title="${text}">${text}</p>`);
      const [, title = "", content = ""] = /^<p title="([^"<>]*)">([^"'<>]*)<\/p>$/s.exec(made) ?? [];
      expect(unescaped(title)).toBe(text);
      expect(unescaped(content)).toBe(text);
    }),
  );
});

test.each(["<script>alert(1)</script>", '" onfocus="alert(1)', "'><img src=x onerror=alert(1)>", "&lt;b&gt;"])(
  "%s stays text",
  (text) => {
    expect(String(html`<input value="${text}">`)).not.toMatch(/<(?!input value=")|onerror=alert\(1\)>$|" on/);
  },
);

test("markup within markup stays as it is, lists are joined, and nothing stands for undefined and false", () => {
  const inner = html`<b>${"<"}</b>`;
  expect(String(html`<p>${[inner, undefined, false, 7, "&"]}</p>`)).toBe("<p><b>&lt;</b>7&amp;</p>");
});

test("an object that only looks like markup is no markup", () => {
  const forged = { toString: () => "<script>" } as unknown as string;
  expect(() => String(html`<p>${forged}</p>`)).toThrow();
});
