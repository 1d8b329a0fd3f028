/** Text that may come from a server, an ECU or a file, for people at a terminal. Pure. */

/** One line; what would move the cursor, colour the terminal or turn the reading direction stands there as its number. */
export function printable(text: string): string {
  return text
    .replace(/\s*\n\s*/g, " ")
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16) ?? ""}}`);
}

/** Characters that stay of the beginning and of the end, where the advice stands. */
const HEAD = 350;
const TAIL = 150;

/** As `printable`, without the middle of a text that nobody would read to its end. */
export function shortened(text: string): string {
  const chars = [...printable(text)];
  return chars.length <= HEAD + TAIL
    ? chars.join("")
    : [...chars.slice(0, HEAD), " … ", ...chars.slice(-TAIL)].join("");
}
