/** How one text became another, line by line. */

export interface DiffLine {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
  /** Line number from 1 in the first text; undefined for an added line. */
  readonly before: number | undefined;
  /** Line number from 1 in the second text; undefined for a removed line. */
  readonly after: number | undefined;
}

/** All lines of both texts in order, with as few removed and added ones as can be. Takes as many steps as the product of both lengths. */
export function diffLines(first: string, second: string): DiffLine[] {
  const [a, b] = [linesOf(first), linesOf(second)];
  const common = longestCommon(a, b);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [text, other] = [a[i], b[j]];
    if (text !== undefined && text === other) {
      lines.push({ kind: "same", text, before: ++i, after: ++j });
    } else if (text !== undefined && (other === undefined || at(common, i + 1, j) >= at(common, i, j + 1))) {
      lines.push({ kind: "removed", text, before: ++i, after: undefined });
    } else if (other !== undefined) {
      lines.push({ kind: "added", text: other, before: undefined, after: ++j });
    }
  }
  return lines;
}

/**
 * The changed lines with `context` unchanged ones around them, as people read them: line numbers of both texts, `-` or `+`, the line;
 * `…` where lines are left out. Empty where the texts have the same lines.
 */
export function formatDiff(lines: readonly DiffLine[], context = 3): string[] {
  const shown = new Set<number>();
  for (const [i, { kind }] of lines.entries()) {
    if (kind !== "same") for (let near = i - context; near <= i + context; near++) shown.add(near);
  }
  const width = String(lines.length).length;
  const number = (value: number | undefined) => String(value ?? "").padStart(width);
  const told: string[] = [];
  let last = -1;
  for (const [i, { kind, text, before, after }] of lines.entries()) {
    if (!shown.has(i)) continue;
    if (i > last + 1) told.push("…");
    last = i;
    told.push(`${number(before)} ${number(after)} ${MARKS[kind]} ${text}`.trimEnd());
  }
  if (last >= 0 && last < lines.length - 1) told.push("…");
  return told;
}

const MARKS = { same: " ", removed: "-", added: "+" } as const;

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** [i][j]: how many lines the rests behind a[i] and b[j] have in common, in order. */
function longestCommon(a: readonly string[], b: readonly string[]): readonly Uint32Array[] {
  const table = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    const row = table[i];
    for (let j = b.length - 1; j >= 0 && row !== undefined; j--) {
      row[j] = a[i] === b[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
    }
  }
  return table;
}

function at(table: readonly Uint32Array[], i: number, j: number): number {
  return table[i]?.[j] ?? 0;
}
