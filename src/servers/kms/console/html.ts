/** HTML that cannot hold unescaped text: the one way to it is the tag `html`, which escapes whatever is put in. */

class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** A piece of markup; nobody outside this file can make one of a string. */
export type Html = Markup;

/** What may stand in markup: text is escaped; undefined and false are nothing. Attributes are always written in double quotes. */
export type Part = Html | string | number | undefined | false | readonly Part[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function written(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Markup) return part.toString();
  if (typeof part === "string" || typeof part === "number")
    return String(part).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
  return part.map(written).join("");
}

/** Markup of a template; safe for content and for values of attributes in double quotes (never URLs' schemes, scripts or styles). */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Markup(strings.map((text, i) => text + written(parts[i])).join(""));
}
