/** What a scanner or a keyboard gave, made into a value. Pure. */
import { StationError } from "../../../shared/errors.js";

export interface ScanSettings {
  /** What the scanner puts around every code; left off where it is there. */
  readonly prefix: string;
  readonly suffix: string;
}

/** A value as a refusal shows it: everybody sees that, signed in or not, and what was scanned may be a badge. */
export const shown = (value: string): string => `${value.length} characters`;

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
    throw new StationError("SCAN_UNKNOWN", { details: { what: shown(text) } });
  return value;
}
