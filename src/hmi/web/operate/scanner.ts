/** What comes out of a keyboard-wedge scanner's field. Pure. */

/** ms in which the same text counts as one scan: scanners repeat themselves, and so does a hand on Enter. */
export const REPEAT = 1000;

export interface LastScan {
  readonly text: string;
  /** ms, of any steady clock. */
  readonly at: number;
}

/**
 * The scan to send when Enter comes with `field` in the field; undefined for an empty one (a scanner that ends with CR and LF) and
 * for the same text once more.
 */
export function scanOf(field: string, now: number, last: LastScan | undefined): LastScan | undefined {
  // Control characters are left in: a prefix or suffix may be one, and the station takes them off.
  const text = field.replace(/^ +| +$/g, "");
  if (text === "") return undefined;
  if (last !== undefined && last.text === text && now - last.at < REPEAT) return undefined;
  return { text, at: now };
}

/** ms between two keys, on average: no hand is as quick, and scanners are quicker. */
const KEY_GAP = 35;
/** Keys from which on that tells. */
const FEWEST_KEYS = 4;

/** Whether keys that came at these times, ms, were a scanner's. */
export function isScanner(keys: readonly number[]): boolean {
  const [first = 0, last = 0] = [keys[0], keys.at(-1)];
  return keys.length >= FEWEST_KEYS && last - first <= KEY_GAP * (keys.length - 1);
}
