/** Which language a page is in, and its texts. */
import { EN, type TextKey } from "./texts-en.js";
import { KO } from "./texts-ko.js";

export type { TextKey } from "./texts-en.js";
export type Language = "ko" | "en";

export const TABLES: Readonly<Record<Language, Readonly<Record<TextKey, string>>>> = { ko: KO, en: EN };

/** A text with `values` in their places: `{}` takes them in order, `{1}` names one. */
export type Translate = (key: TextKey, ...values: readonly (string | number)[]) => string;

export function translator(language: Language): Translate {
  const table = TABLES[language];
  return (key, ...values) => {
    let at = 0;
    return table[key].replace(/\{(\d?)\}/g, (_, digit: string) =>
      String(values[digit === "" ? at++ : Number(digit)] ?? ""),
    );
  };
}

export function isLanguage(text: unknown): text is Language {
  return text === "ko" || text === "en";
}

/** The language that was chosen, else the first that the browser asks for and there is, else Korean. */
export function languageOf(chosen: string | undefined, accepted: string | undefined): Language {
  if (isLanguage(chosen)) return chosen;
  const asked = (accepted ?? "").split(",", 20).map((entry) => entry.trim().slice(0, 2).toLowerCase());
  return asked.find(isLanguage) ?? "ko";
}

/** A time as both languages write it here: local, with seconds. */
export function timeText(at: number): string {
  return new Date(at).toLocaleString("sv-SE");
}
