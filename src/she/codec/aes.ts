/** AES-128 as SHE uses it: ECB and CBC without padding, CMAC, Miyaguchi-Preneel compression and the key derivation on top of it. */
import { cbc, ecb, cmac as nobleCmac } from "@noble/ciphers/aes.js";
import { concat } from "../../shared/bytes.js";

const BLOCK = 16;
const RAW = { disablePadding: true } as const;
const ZERO_IV = new Uint8Array(BLOCK);

/** ECB; `data` whole blocks (RangeError otherwise), as for the functions below. */
export function ecbEncrypt(key: Uint8Array, data: Uint8Array): Uint8Array {
  checkBlocks(data);
  return data.length === 0 ? new Uint8Array(0) : ecb(key, RAW).encrypt(data);
}

export function ecbDecrypt(key: Uint8Array, data: Uint8Array): Uint8Array {
  checkBlocks(data);
  return data.length === 0 ? new Uint8Array(0) : ecb(key, RAW).decrypt(data);
}

/** @param iv 16 bytes, zero when left out */
export function cbcEncrypt(key: Uint8Array, data: Uint8Array, iv: Uint8Array = ZERO_IV): Uint8Array {
  checkBlocks(data);
  return data.length === 0 ? new Uint8Array(0) : cbc(key, iv, RAW).encrypt(data);
}

export function cbcDecrypt(key: Uint8Array, data: Uint8Array, iv: Uint8Array = ZERO_IV): Uint8Array {
  checkBlocks(data);
  return data.length === 0 ? new Uint8Array(0) : cbc(key, iv, RAW).decrypt(data);
}

/** AES-128-CMAC (RFC 4493) of a message of any length. */
export function cmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return nobleCmac(message, key);
}

/**
 * AES-MP compression of whole blocks without padding: OUT_0 = 0, OUT_i = ENC(OUT_i-1, x_i) xor x_i xor OUT_i-1.
 * The caller's blocks must carry their padding already (the constants of `kdf` do).
 */
export function aesMpBlocks(blocks: Uint8Array): Uint8Array {
  checkBlocks(blocks);
  const out = new Uint8Array(BLOCK);
  for (let at = 0; at < blocks.length; at += BLOCK) {
    const x = blocks.subarray(at, at + BLOCK);
    const e = ecb(out, RAW).encrypt(x);
    for (let i = 0; i < BLOCK; i++) out[i] = (out[i] ?? 0) ^ (e[i] ?? 0) ^ (x[i] ?? 0);
    e.fill(0);
  }
  return out;
}

/** AES-MP compression with the padding of 4.3.3: a one bit, zeros, then the message's length in bits as 40 bits. */
export function aesMp(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((message.length + 6) / BLOCK) * BLOCK);
  padded.set(message);
  padded[message.length] = 0x80;
  let bits = message.length * 8;
  for (let i = padded.length - 1; i >= padded.length - 5; i--) {
    padded[i] = bits % 256;
    bits = Math.floor(bits / 256);
  }
  const out = aesMpBlocks(padded);
  padded.fill(0);
  return out;
}

/** KDF(K, C) = AES-MP(K C); `constant` is one of `constants.ts`, padding included. */
export function kdf(key: Uint8Array, constant: Uint8Array): Uint8Array {
  const input = concat(key, constant);
  const out = aesMpBlocks(input);
  input.fill(0);
  return out;
}

function checkBlocks(data: Uint8Array): void {
  if (data.length % BLOCK !== 0) throw new RangeError(`${data.length} bytes are not whole blocks of ${BLOCK}`);
}
