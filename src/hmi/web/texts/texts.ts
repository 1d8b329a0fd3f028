/** The page's words in the language that its user chose, or else the station's. */
import type { LocalText } from "../../contract/state.js";
import { live } from "../live/live.js";
import { type Language, settings } from "../settings.js";
import { useStore } from "../store.js";
import { EN, type TextKey } from "./en.js";
import { fill, type Values } from "./fill.js";
import { KO } from "./ko.js";

const TABLES: Readonly<Record<Language, Readonly<Record<TextKey, string>>>> = { ko: KO, en: EN };

export interface Texts {
  readonly language: Language;
  t(key: TextKey, values?: Values): string;
  /** A text that the station gave in both languages. */
  local(text: LocalText): string;
  /** The words for `prefix.name`, or the name itself where there are none: names that profiles and ECUs bring. */
  named(prefix: "fact" | "step", name: string): string;
}

export function textsIn(language: Language): Texts {
  const table = TABLES[language];
  return {
    language,
    t: (key, values = {}) => fill(table[key], values),
    local: (text) => text[language],
    named: (prefix, name) => (table as Readonly<Record<string, string>>)[`${prefix}.${name}`] ?? name,
  };
}

const BOTH = { ko: textsIn("ko"), en: textsIn("en") };

function useLanguage(): Language {
  const chosen = useStore(settings, ({ language }) => language);
  const stations = useStore(live, ({ state }) => state?.station.language);
  return chosen ?? (stations === "en" ? "en" : "ko");
}

export const useTexts = (): Texts => BOTH[useLanguage()];
