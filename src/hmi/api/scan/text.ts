/** What a scanner or a keyboard gave, made into a value. Pure. */
import { StationError } from "../../../shared/errors.js";

export interface ScanSettings {
  /** What the scanner puts around every code; left off where it is there. */
  readonly prefix: string;
  readonly suffix: string;
}

/** Longest value that a refusal shows whole, characters: longer than any input, and a label's address has no place at a bay. */
const SHOWN = 60;

/** A value as a refusal shows it. */
export const shown = (value: string): string => (value.length <= SHOWN ? value : `${value.slice(0, SHOWN - 1)}…`);

/**
 * The text without the scanner's prefix and suffix and the line end.
 * @throws StationError SCAN_UNKNOWN where nothing is left, or it holds what no label does
 */
export function readScan(text: string, { prefix, suffix }: ScanSettings): string {
  let value = text.replace(/[\r\n\t]+$/, "");
  if (prefix !== "" && value.startsWith(prefix)) value = value.slice(prefix.length);
  if (suffix !== "" && value.endsWith(suffix)) value = value.slice(0, -suffix.length);
  value = value.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a scanner with wrong settings sends them.
  if (value === "" || /[\u0000-\u001f\u007f]/.test(value))
    throw new StationError("SCAN_UNKNOWN", { details: { what: JSON.stringify(shown(text)) } });
  return value;
}
