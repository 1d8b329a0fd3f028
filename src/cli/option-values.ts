/** Values that options of several commands take. @throws InvalidArgumentError for what is none */
import { InvalidArgumentError } from "commander";
import { isHex } from "../shared/bytes.js";

const ECU_ID_BYTES = 27;
/** RFC 5280 4.1.2.2: at most 20 bytes. */
const SERIAL = /^[0-9a-f]{1,40}$/i;
const MARK = /^\d{1,15}:[A-Za-z0-9-]+$/;

/** In lower case. */
export function ecuId(text: string): string {
  if (!isHex(text, ECU_ID_BYTES)) throw new InvalidArgumentError(`expected ${2 * ECU_ID_BYTES} hex digits.`);
  return text.toLowerCase();
}

/** Of a certificate, with or without colons, as given. */
export function certificateSerial(text: string): string {
  if (!SERIAL.test(text.replaceAll(":", ""))) throw new InvalidArgumentError("expected hex digits, 20 bytes at most.");
  return text;
}

/** Where a page of the history ended. */
export function pageMark(text: string): string {
  if (!MARK.test(text)) throw new InvalidArgumentError("expected `next` of the page before.");
  return text;
}
