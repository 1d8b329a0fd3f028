/**
 * Image format, all big endian: magic `ECUFLASH`, version (4), length of the payload (4), SHA-256 of the payload (32), payload.
 * A torn or altered file is told from a whole one by length and checksum.
 */
import { createHash } from "node:crypto";
import { ascii, concat, equalBytes, readUintBE, uintBE } from "../../src/shared/bytes.js";

const MAGIC = ascii("ECUFLASH");
const HEADER = MAGIC.length + 4 + 4 + 32;
/** Version of the payload's meaning; raised when the state's shape changes. */
const IMAGE_VERSION = 1;

export function encodeImage(payload: Uint8Array): Uint8Array {
  return concat(MAGIC, uintBE(IMAGE_VERSION, 4), uintBE(payload.length, 4), digest(payload), payload);
}

/** The payload of an image. @throws RangeError saying what is wrong with it */
export function decodeImage(image: Uint8Array): Uint8Array {
  if (image.length < HEADER || !equalBytes(image.subarray(0, MAGIC.length), MAGIC))
    throw new RangeError("it is no flash file of this simulator");
  const version = readUintBE(image, MAGIC.length, 4);
  if (version !== IMAGE_VERSION) throw new RangeError(`it has version ${version}, this program reads ${IMAGE_VERSION}`);
  const payload = image.subarray(HEADER);
  if (payload.length !== readUintBE(image, MAGIC.length + 4, 4)) throw new RangeError("it is cut short or too long");
  if (!equalBytes(digest(payload), image.subarray(HEADER - 32, HEADER))) throw new RangeError("its checksum is wrong");
  return payload;
}

function digest(payload: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(payload).digest());
}
