/** 27 SecurityAccess: the key algorithms by name, and the procedure (ISO 14229-1:2020 §10.4). */
import { cmac } from "@noble/ciphers/aes.js";
import type { Secret } from "../../shared/secret.js";
import { call } from "./call.js";
import type { UdsClient } from "./client.js";
import { unexpectedResponse } from "./messages.js";
import { UDS } from "./tables/messages.js";
import { SID } from "./tables/services.js";

/** Key from seed, by the names that profiles use. */
export const KEY_ALGORITHMS = {
  /** AES-128-CMAC(secret, seed), 16 bytes (RFC 4493). */
  "aes-cmac": (secret: Secret, seed: Uint8Array): Uint8Array => secret.use((key) => cmac(seed, key)),
} as const;

export type KeyAlgorithm = keyof typeof KEY_ALGORITHMS;

export interface SecurityAccess {
  readonly kind?: "seed-key";
  /** requestSeed sub-function, odd; the key goes with the next one. */
  readonly level: number;
  readonly algorithm: KeyAlgorithm;
  /** Bytes of a seed. */
  readonly seedLength: number;
}

/**
 * Opens a level. A seed of zeros says that it is open already.
 * @throws StationError UDS_NEGATIVE_RESPONSE, UDS_UNEXPECTED_RESPONSE
 */
export async function securityAccess(
  client: UdsClient,
  { level, algorithm, seedLength }: SecurityAccess,
  secret: Secret,
  signal: AbortSignal,
): Promise<void> {
  const request = { securityAccessType: level, securityAccessDataRecord: new Uint8Array(0) };
  const { securitySeed: seed } = await call(client, UDS.requestSeed, request, { signal });
  if (seed.length !== seedLength)
    throw unexpectedResponse(SID.SecurityAccess, `a seed of ${seed.length} bytes, ${seedLength} wanted`);
  if (seed.every((byte) => byte === 0)) return;
  const key = KEY_ALGORITHMS[algorithm](secret, seed);
  try {
    await call(client, UDS.sendKey, { securityAccessType: level + 1, securityKey: key }, { signal });
  } finally {
    key.fill(0);
  }
}
