/** 27: ISO 14229-1:2020 §10.4, and the key algorithms by name. */
import { cmac } from "@noble/ciphers/aes.js";
import { concat } from "../../../shared/bytes.js";
import type { Secret } from "../../../shared/secret.js";
import { checkLength } from "../messages.js";
import { SID } from "../tables/services.js";
import type { UdsService } from "./service.js";

/** Request: requestSeed sub-function (odd). Response: the seed. */
export const requestSeed: UdsService<number, Uint8Array> = {
  build: (level) => Uint8Array.of(SID.SecurityAccess, level),
  parse(response) {
    checkLength(response, 2, Infinity);
    return response.slice(2);
  },
};

/** Request: level of the seed (odd); the key goes with the next sub-function. */
export const sendKey: UdsService<{ readonly level: number; readonly key: Uint8Array }, void> = {
  build: ({ level, key }) => concat(Uint8Array.of(SID.SecurityAccess, level + 1), key),
  parse: (response) => checkLength(response, 2),
};

/** A seed of zeros says that the level is open already. */
export function isOpenSeed(seed: Uint8Array): boolean {
  return seed.every((byte) => byte === 0);
}

/** Key from seed, by the names that profiles use. */
export const KEY_ALGORITHMS = {
  /** AES-128-CMAC(secret, seed), 16 bytes (RFC 4493). */
  "aes-cmac": (secret: Secret, seed: Uint8Array): Uint8Array => secret.use((key) => cmac(seed, key)),
} as const;

export type KeyAlgorithm = keyof typeof KEY_ALGORITHMS;
