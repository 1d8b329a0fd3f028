import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asLatin, latinKey } from "../../../src/hmi/web/operate/hangul.js";

/** The keyboard as it is printed: KS X 5002, the jamo with Shift behind those without. */
const KEYBOARD =
  "ㅂq ㅈw ㄷe ㄱr ㅅt ㅛy ㅕu ㅑi ㅐo ㅔp ㅁa ㄴs ㅇd ㄹf ㅎg ㅗh ㅓj ㅏk ㅣl ㅋz ㅌx ㅊc ㅍv ㅠb ㅜn ㅡm ㅃQ ㅉW ㄸE ㄲR ㅆT ㅒO ㅖP";
/** The same from what Unicode decomposes a syllable to. */
const CONJOINING = "ᄀㄱ ᄁㄲ ᄂㄴ ᄃㄷ ᄄㄸ ᄅㄹ ᄆㅁ ᄇㅂ ᄈㅃ ᄉㅅ ᄊㅆ ᄋㅇ ᄌㅈ ᄍㅉ ᄎㅊ ᄏㅋ ᄐㅌ ᄑㅍ ᄒㅎ";
const KEYS = new Map(KEYBOARD.split(" ").map((pair) => [pair.charAt(0), pair.charAt(1)]));
const LEADS = new Map(CONJOINING.split(" ").map((pair) => [pair.charAt(0), KEYS.get(pair.charAt(1)) ?? ""]));

describe("a scan in Hangul mode", () => {
  it.each([
    ["ㅏㅡㅗㅊ851ㅊ리ㅕ061234", "KMHC851CFLU061234"],
    ["ㅏㅡㅗㅁㅁ00ㅁㅁㅁㅁ000017", "KMHAA00AAAA000017"],
    ["가나다", "RKSKEK"],
    ["값", "RKQT"],
    ["과", "RHK"],
    ["ㄳㅢ", "RTML"],
  ])("%s comes from %s", (shown, typed) => {
    expect(asLatin(shown, "")).toBe(typed);
  });

  it("each key alone makes its jamo", () => {
    for (const [jamo, key] of KEYS) expect(asLatin(jamo, key)).toBe(key);
  });

  it("each of the 11,172 syllables has its consonant's key first and comes from two to five keys", () => {
    for (let code = 0xac00; code <= 0xd7a3; code++) {
      const syllable = String.fromCharCode(code);
      const keys = asLatin(syllable, "");
      expect(keys).toMatch(/^[A-Z]{2,5}$/);
      expect(keys[0]).toBe(LEADS.get(syllable.normalize("NFD").charAt(0))?.toUpperCase());
    }
  });

  it("the keys that were pressed say which letters are small", () => {
    expect(asLatin("ㅏㅡㅗ1ㅁ", "KmHa")).toBe("KmH1a");
    // Of another text: something was deleted, or pasted.
    expect(asLatin("ㅏㅡㅗ1ㅁ", "Km")).toBe("KMH1A");
  });
});

it("a text without Hangul stays as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."AZaz09-_ é日ß\u0002") }), fc.string(), (text, pressed) => {
      expect(asLatin(text, pressed)).toBe(text);
    }),
  );
});

it("keys of letters count, with Shift and without", () => {
  expect(["KeyK", "Digit1", "Enter", "KeyKK"].map((code) => latinKey(code, true))).toEqual(["K", "", "", ""]);
  expect(latinKey("KeyK", false)).toBe("k");
});
