/** Why a device would refuse M1–M3 (4.9.1), and which of the usual mistakes fits when the key at hand does not verify. */
import { equalBytes, toHex } from "../../shared/bytes.js";
import { cmac, kdf } from "../codec/aes.js";
import { updateConstants } from "../codec/constants.js";
import { packM1, parseM1 } from "../codec/fields.js";
import { BANK_MAX, type Erc, FLAG, flagNames, slotName, slotRow, UID_LENGTH } from "../codec/tables.js";
import { type DecodedUpdate, decodeUpdate, type ProofPair, proofOf, verifyProof } from "./decode.js";

export interface ExplainInput {
  readonly m1: Uint8Array;
  readonly m2: Uint8Array;
  readonly m3: Uint8Array;
  /** The device's answer or the server's expectation, to be checked too. */
  readonly proof?: ProofPair;
  /** The key that should authorise; without it only the blank keys are tried. */
  readonly authKey?: Uint8Array;
  /** Expected SHE+ bank; default 0. */
  readonly bank?: number;
  /** What is known of the device and of the order; each is compared where given. */
  readonly device?: DeviceFacts;
}

export interface DeviceFacts {
  /** 15 bytes. */
  readonly uid?: Uint8Array;
  /** Counter stored in the target slot; default 0, an empty slot's. */
  readonly counter?: number;
  /** Flags stored in the target slot. */
  readonly storedFlags?: number;
  /** Slot, authoriser and flags that the update was ordered with. */
  readonly keyId?: number;
  readonly authKeyId?: number;
  readonly flags?: number;
  /** Six-flag device (SHE+); default: only where the set uses a bank beyond 0. */
  readonly verifyOnlyFlag?: boolean;
}

export type Cause =
  | "SLOT"
  | "WRITE_PROTECTED"
  | "AUTHORISER"
  | "BLANK_KEY_00"
  | "BLANK_KEY_FF"
  | "BANK"
  | "NEW_KEY_GIVEN"
  | "M1_CHANGED"
  | "M3_DAMAGED"
  | "WRONG_KEY"
  | "WILDCARD_BARRED"
  | "UID"
  | "COUNTER"
  | "FLAGS_SHIFTED"
  | "FLAGS"
  | "PROOF";

export interface Finding {
  readonly cause: Cause;
  /** What a device answers for it; ERC_NO_ERROR where it would not notice. */
  readonly erc: Erc;
  /** One line, without key material. */
  readonly text: string;
}

export interface Explanation {
  /** True where nothing known speaks against the update. */
  readonly accepted: boolean;
  /** The device's answer as far as known: the first finding's in the order of 4.9.1. */
  readonly erc: Erc;
  /** In the order in which a device checks. */
  readonly findings: readonly Finding[];
  /** Contents under the key that fits; undefined where none does. The new key in it is secret. */
  readonly decoded: DecodedUpdate | undefined;
}

interface Fit {
  readonly key: Uint8Array;
  readonly cause: Cause | undefined;
  readonly decoded: DecodedUpdate;
}

export function explainUpdate(input: ExplainInput): Explanation {
  const ids = parseM1(input.m1);
  const findings: Finding[] = [...explainIds(ids.keyId, ids.authKeyId, input.device ?? {})];
  const fit = findKey(input);
  if (fit === undefined) {
    findings.push(explainNoFit(input));
  } else {
    findings.push(...explainFit(fit, input));
  }
  if (!fit?.decoded.macOk) findings.push(...explainUid(ids.uid, input.device ?? {}));
  const refused = findings.find((finding) => finding.erc !== "ERC_NO_ERROR");
  return {
    accepted: findings.length === 0,
    erc: refused?.erc ?? "ERC_NO_ERROR",
    findings,
    decoded: fit?.decoded,
  };
}

function* explainIds(keyId: number, authKeyId: number, device: DeviceFacts): Generator<Finding> {
  const row = slotRow(keyId);
  if (row.authorisers.length === 0) {
    yield {
      cause: "SLOT",
      erc: "ERC_KEY_INVALID",
      text: `slot ${hex(keyId)} (${row.name}) can never be the target of an update`,
    };
  }
  if (device.keyId !== undefined && device.keyId !== keyId) {
    const text = `M1 addresses slot ${hex(keyId)} (${row.name}), not ${hex(device.keyId)} (${slotName(device.keyId)})`;
    yield { cause: "SLOT", erc: "ERC_NO_ERROR", text };
  }
  if (((device.storedFlags ?? 0) & FLAG.WRITE_PROTECTION) !== 0) {
    yield {
      cause: "WRITE_PROTECTED",
      erc: "ERC_KEY_WRITE_PROTECTED",
      text: `slot ${hex(keyId)} is write-protected for good`,
    };
  }
  if (row.authorisers.length > 0 && !row.authorisers.includes(authKeyId)) {
    const allowed = row.authorisers.map(hex).join(", ");
    yield {
      cause: "AUTHORISER",
      erc: "ERC_KEY_INVALID",
      text: `slot ${hex(authKeyId)} (${slotName(authKeyId)}) may not authorise ${row.name}; allowed: ${allowed}`,
    };
  }
  if (device.authKeyId !== undefined && device.authKeyId !== authKeyId) {
    const text = `M1 names authoriser ${hex(authKeyId)} (${slotName(authKeyId)}), not ${hex(device.authKeyId)} (${slotName(device.authKeyId)})`;
    yield { cause: "AUTHORISER", erc: "ERC_NO_ERROR", text };
  }
}

interface Candidate {
  readonly key: Uint8Array;
  readonly cause: Cause | undefined;
}

function candidates(input: ExplainInput): Candidate[] {
  const given = input.authKey === undefined ? [] : [{ key: input.authKey, cause: undefined }];
  return [
    ...given,
    { key: new Uint8Array(16), cause: "BLANK_KEY_00" },
    { key: new Uint8Array(16).fill(0xff), cause: "BLANK_KEY_FF" },
  ];
}

function bankOrder(input: ExplainInput): number[] {
  const first = input.bank ?? 0;
  return [first, ...Array.from({ length: BANK_MAX + 1 }, (_, i) => i).filter((bank) => bank !== first)];
}

/** The key and bank whose M3 is right; else those under which M2 at least reads as an update (94 zero bits are no accident). */
function findKey(input: ExplainInput): Fit | undefined {
  let readable: Fit | undefined;
  for (const { key, cause } of candidates(input)) {
    for (const bank of bankOrder(input)) {
      const decoded = decodeUpdate(input.m1, input.m2, input.m3, key, bank);
      if (decoded.macOk) return { key, cause, decoded };
      if (decoded.padding) readable ??= { key, cause, decoded };
      else decoded.key.fill(0);
    }
  }
  return readable;
}

function* explainFit(fit: Fit, input: ExplainInput): Generator<Finding> {
  const { decoded, cause } = fit;
  const given = input.authKey !== undefined;
  if (cause !== undefined) {
    const digits = cause === "BLANK_KEY_00" ? "00" : "FF";
    yield {
      cause,
      erc: given ? "ERC_KEY_UPDATE_ERROR" : "ERC_NO_ERROR",
      text: `the set was made with the blank key ${digits}…${digits} as authoriser${given ? ", not with the key given" : ""}`,
    };
  }
  if (decoded.bank !== (input.bank ?? 0)) {
    yield {
      cause: "BANK",
      erc: "ERC_KEY_UPDATE_ERROR",
      text: `the set was made with the constants of bank ${decoded.bank} (${slotName(decoded.keyId, decoded.bank)}), not of bank ${input.bank ?? 0}`,
    };
  }
  if (!decoded.macOk) {
    yield explainMac(fit, input);
  } else {
    yield* explainUid(decoded.uid, input.device ?? {});
  }
  yield* explainContents(decoded, input.device ?? {});
  if (input.proof !== undefined) yield* explainProof(decoded, input.proof, input.device ?? {});
}

function* explainUid(uid: Uint8Array, device: DeviceFacts): Generator<Finding> {
  if (uid.every((byte) => byte === 0)) {
    if (((device.storedFlags ?? 0) & FLAG.WILDCARD) !== 0) {
      yield {
        cause: "WILDCARD_BARRED",
        erc: "ERC_KEY_UPDATE_ERROR",
        text: "M1 carries the wildcard UID, which the slot's WILDCARD flag bars",
      };
    }
  } else if (device.uid !== undefined && !equalBytes(uid, device.uid)) {
    yield {
      cause: "UID",
      erc: "ERC_KEY_UPDATE_ERROR",
      text: `M1 is for UID ${toHex(uid)}, the device is ${toHex(device.uid)}`,
    };
  }
}

function* explainContents(decoded: DecodedUpdate, device: DeviceFacts): Generator<Finding> {
  const row = slotRow(decoded.keyId);
  // An empty slot's counter is 0, so 0 is refused by every device, whatever is known of it.
  const { counter = 0 } = device;
  if (row.counter && decoded.counter <= counter) {
    yield {
      cause: "COUNTER",
      erc: "ERC_KEY_UPDATE_ERROR",
      text: `counter ${decoded.counter} is not greater than ${device.counter === undefined ? "an empty slot's" : "the device's"} ${counter}`,
    };
  }
  yield* explainFlags(decoded, device);
}

function* explainFlags(decoded: DecodedUpdate, device: DeviceFacts): Generator<Finding> {
  const six = decoded.flags * 2 + (decoded.verifyOnly ? 1 : 0);
  const named = (flags: number) => `${flags} (${flagNames(flags).join(", ") || "none"})`;
  if (decoded.macOk && !decoded.padding) {
    const text = "bits behind the flag field are set: flags or counter stand in the wrong place";
    yield { cause: "FLAGS_SHIFTED", erc: "ERC_NO_ERROR", text };
  } else if (device.flags !== undefined && device.flags !== decoded.flags && six === device.flags) {
    const text = `flags shifted: ${named(device.flags)} was packed as a six-bit field, a five-flag device reads ${named(decoded.flags)}`;
    yield { cause: "FLAGS_SHIFTED", erc: "ERC_NO_ERROR", text };
  } else if (device.flags !== undefined && device.flags !== decoded.flags) {
    const shifted = ((device.flags << 1) & 0x1f) === decoded.flags;
    yield {
      cause: shifted ? "FLAGS_SHIFTED" : "FLAGS",
      erc: "ERC_NO_ERROR",
      text: `flags ${shifted ? "shifted by one: they" : ""} are ${named(decoded.flags)}, not ${named(device.flags)}`.replace(
        "  ",
        " ",
      ),
    };
  } else if (decoded.verifyOnly && !(device.verifyOnlyFlag ?? decoded.bank > 0)) {
    const text = `flags shifted: the sixth bit is set; ${named(six & 0x1f)} packed as a six-bit field would look so, a five-flag device reads ${named(decoded.flags)}`;
    yield { cause: "FLAGS_SHIFTED", erc: "ERC_NO_ERROR", text };
  }
}

function* explainProof(decoded: DecodedUpdate, proof: ProofPair, device: DeviceFacts): Generator<Finding> {
  // One cluster key may be in many ECUs: only after an update by wildcard may M4 name a device that nothing else does.
  const uid = device.uid ?? (decoded.wildcard ? proof.m4.slice(0, UID_LENGTH) : decoded.uid);
  if (decoded.padding && !verifyProof(proof, proofOf(uid, decoded, decoded.key, decoded.counter, decoded.bank))) {
    const text = "M4/M5 do not prove the key of M2: another key, counter, slot or UID was stored";
    yield { cause: "PROOF", erc: "ERC_NO_ERROR", text };
  }
}

/** M2 reads under the key but M3 is wrong: the UID or slot byte of M1 was changed later, or a message is damaged. */
function explainMac(fit: Fit, input: ExplainInput): Finding {
  const changed = changedM1(fit.key, fit.decoded.bank, input);
  if (changed !== undefined) return { cause: "M1_CHANGED", erc: "ERC_KEY_UPDATE_ERROR", text: changed };
  const text = "the key reads M2, but M3 is not its MAC: M1, M2 or M3 is damaged, or M1's UID was exchanged";
  return { cause: "M3_DAMAGED", erc: "ERC_KEY_UPDATE_ERROR", text };
}

function changedM1(key: Uint8Array, bank: number, input: ExplainInput): string | undefined {
  const ids = parseM1(input.m1);
  const k2 = kdf(key, updateConstants(bank).mac);
  const message = new Uint8Array(48);
  message.set(input.m2, 16);
  const fits = (m1: Uint8Array): boolean => {
    message.set(m1);
    return equalBytes(cmac(k2, message), input.m3);
  };
  const uids: [string, Uint8Array][] = [["the wildcard UID", new Uint8Array(UID_LENGTH)]];
  if (input.device?.uid !== undefined) uids.push([`UID ${toHex(input.device.uid)}`, input.device.uid]);
  try {
    for (const [name, uid] of uids) {
      if (fits(packM1({ ...ids, uid }))) return `M3 was made for ${name}: the UID in M1 was changed afterwards`;
    }
    for (let pair = 0; pair < 256; pair++) {
      const keyId = pair >> 4;
      const authKeyId = pair & 0x0f;
      if (fits(packM1({ uid: ids.uid, keyId, authKeyId }))) {
        return `M3 was made for slot ${hex(keyId)} authorised by ${hex(authKeyId)}: M1 now says ${hex(ids.keyId)} and ${hex(ids.authKeyId)}`;
      }
    }
    return undefined;
  } finally {
    k2.fill(0);
  }
}

function explainNoFit(input: ExplainInput): Finding {
  const { proof, authKey } = input;
  const erc = "ERC_KEY_UPDATE_ERROR";
  if (proof !== undefined && authKey !== undefined) {
    for (const bank of bankOrder(input)) {
      if (equalBytes(cmac(kdf(authKey, updateConstants(bank).mac), proof.m4), proof.m5)) {
        return {
          cause: "NEW_KEY_GIVEN",
          erc,
          text: "the key given is the set's new key (M5 proves it), not its authoriser",
        };
      }
    }
  }
  const tried =
    authKey === undefined ? "neither blank key (00…, FF…)" : "neither the key given nor a blank key (00…, FF…)";
  return {
    cause: "WRONG_KEY",
    erc,
    text: `wrong key: ${tried} fits M2 and M3 with the constants of any bank; slot ${hex(parseM1(input.m1).authKeyId)}'s key is needed`,
  };
}

function hex(nibble: number): string {
  return nibble.toString(16).toUpperCase();
}
