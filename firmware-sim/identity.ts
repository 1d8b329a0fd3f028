/** Who a simulated unit is: made with a new flash, kept with it. */
import { createHash } from "node:crypto";
import type { Profile } from "../src/profiles/schema.js";
import { ascii, concat, toHex, uintBE } from "../src/shared/bytes.js";
import type { EcuLabels } from "./dids.js";

export interface UnitOptions {
  /** 27 bytes: 12 leading ones and the SHE UID. Default: made up, by the two below. */
  readonly ecuId?: Uint8Array;
  /** First two bytes of the UID. Default 0003. */
  readonly ecuType?: number;
  /** Next two bytes of the UID. Default 0001. */
  readonly supplierId?: number;
  /** ASCII. Default: made of the EcuID. */
  readonly serialNumber?: string;
  /** 17 characters 0–9 A–Z. Default: blank. */
  readonly vin?: string;
  /** Version texts in place of what the profile's patterns give. */
  readonly hwVersion?: string;
  readonly swVersion?: string;
  /** What its clock shows at the first start, ms since the epoch. Default: long past. */
  readonly clock?: number;
}

export interface UnitIdentity {
  readonly ecuId: Uint8Array;
  /** SHE UID: the last 15 bytes of the EcuID. */
  readonly uid: Uint8Array;
  readonly serialNumber: string;
}

export const ECU_ID_LENGTH = 27;
export const UID_LENGTH = 15;
const LEADING = ECU_ID_LENGTH - UID_LENGTH;
const UID_SERIAL = 11;

/**
 * @param random bytes of that many; the unit's numbers come from it
 * @throws RangeError for an EcuID of another length or with a UID of zeros
 */
export function makeUnit(unit: UnitOptions, random: (length: number) => Uint8Array): UnitIdentity {
  const made = () => {
    const { ecuType = 0x0003, supplierId = 0x0001 } = unit;
    return concat(random(LEADING), uintBE(ecuType, 2), uintBE(supplierId, 2), random(UID_SERIAL));
  };
  const ecuId = unit.ecuId ?? made();
  if (ecuId.length !== ECU_ID_LENGTH) throw new RangeError(`an EcuID has ${ECU_ID_LENGTH} bytes, not ${ecuId.length}`);
  const uid = ecuId.slice(LEADING);
  if (uid.every((byte) => byte === 0)) throw new RangeError("the UID in the EcuID is 0, the wildcard");
  return { ecuId, uid, serialNumber: unit.serialNumber ?? `SN${toHex(uid.slice(-5)).toUpperCase()}` };
}

/** A stream of bytes that the same text always gives, for units that are to come out the same in every run. Never for secrets. */
export function seededBytes(seed: string): (length: number) => Uint8Array {
  let block = 0;
  return (length) => {
    let out: Uint8Array = new Uint8Array();
    while (out.length < length) {
      const hash = createHash("sha256").update(ascii(seed)).update(uintBE(block++, 4));
      out = concat(out, new Uint8Array(hash.digest()));
    }
    return out.slice(0, length);
  };
}

/** Texts of the ECU kind that the profile's expectations accept: `*` in a pattern becomes a version. */
export function labelsOf(expect: Profile["expect"], unit: UnitOptions): EcuLabels {
  const like = (pattern: string) => pattern.replaceAll("*", "1.0");
  return {
    partNumber: like(expect.partNumber),
    hwVersion: unit.hwVersion ?? like(expect.hwVersion),
    swVersion: unit.swVersion ?? like(expect.swVersion),
    systemName: like(expect.systemName),
  };
}
