/** The pseudo random generator of 4.5: seed kept without power, state volatile. */

import { concat } from "../../src/shared/bytes.js";
import { aesMp, ecbEncrypt, kdf, PRNG_KEY_C, PRNG_SEED_KEY_C } from "../../src/she/codec/index.js";

/** CMD_INIT_RNG: the next PRNG_SEED = ENC(PRNG_SEED_KEY, PRNG_SEED); the caller stores it and starts PRNG_STATE with it. */
export function nextSeed(secretKey: Uint8Array, seed: Uint8Array): Uint8Array {
  return ecbEncrypt(kdf(secretKey, PRNG_SEED_KEY_C), seed);
}

/** CMD_RND: the next PRNG_STATE = ENC(PRNG_KEY, PRNG_STATE), which is the random number too. */
export function nextState(secretKey: Uint8Array, state: Uint8Array): Uint8Array {
  return ecbEncrypt(kdf(secretKey, PRNG_KEY_C), state);
}

/** CMD_EXTEND_SEED, for seed and state alike: AES-MP(value ENTROPY). */
export function extend(value: Uint8Array, entropy: Uint8Array): Uint8Array {
  return aesMp(concat(value, entropy));
}
