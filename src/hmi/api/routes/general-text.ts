/** The text of a code where no single case is meant: it has no details, and no holes where they would stand. Pure. */
import { ERRORS } from "../../../shared/errors.js";
import type { LocalText } from "../../contract/state.js";

/** A code that an older program knew, or one that has nothing to say but its details, is its own text. */
export function generalText(code: string): LocalText {
  const row = Object.entries(ERRORS).find(([known]) => known === code)?.[1];
  return row === undefined
    ? { ko: code, en: code }
    : { ko: withoutHoles(row.ko, code), en: withoutHoles(row.en, code) };
}

/** What only holds details goes; within a sentence an ellipsis stands for one. */
function withoutHoles(text: string, code: string): string {
  const left = text
    .replace(/ \([^()]*\{\w+\}[^()]*\)/g, "")
    .replace(/:(?: \{\w+\})+/g, "")
    .replace(/\{\w+\}/g, "…");
  return /\p{L}/u.test(left) ? left : code;
}
