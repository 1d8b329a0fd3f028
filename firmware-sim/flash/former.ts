/**
 * The file of the version before: magic, version (4), length of the image (4), its SHA-256 (32), image. It is read, and replaced by the
 * first save.
 */
import { createHash } from "node:crypto";
import { equalBytes, readUintBE } from "../../src/shared/bytes.js";

export const FORMER_VERSION = 1;
const LENGTH_AT = 12;
const DIGEST_AT = 16;
const HEADER = 48;

/** @throws RangeError saying what is wrong with it */
export function decodeFormerImage(file: Uint8Array): Uint8Array {
  const image = file.slice(HEADER);
  if (file.length < HEADER || image.length !== readUintBE(file, LENGTH_AT, 4))
    throw new RangeError("it is cut short or too long");
  const digest = new Uint8Array(createHash("sha256").update(image).digest());
  if (!equalBytes(digest, file.subarray(DIGEST_AT, HEADER))) throw new RangeError("its checksum is wrong");
  return image;
}
