/** SHE's AES operations by keys that are in a token, with the mechanisms that the profile chose. */
import { concat } from "../../shared/bytes.js";
import { KEY_LENGTH } from "../../she/codec/index.js";
import type { Bench } from "../../token/bench.js";
import { type Attribute, CKA, CKK, CKO, type Handle } from "../../token/cryptoki.js";
import type { Mechanisms } from "./calls.js";

const BLOCK = 16;

/** What a key is for; BOOT_MAC_KEY and MASTER_ECU_KEY are for nothing but their updates. */
export type KeyPurpose = "mac" | "cipher" | "none";

export interface KeyObject {
  readonly label: string;
  /** CKA_ID, hex. */
  readonly id: string;
  readonly purpose: KeyPurpose;
  /** False: it lives as long as the session. */
  readonly kept: boolean;
}

export class TokenAes {
  constructor(
    private readonly bench: Bench,
    private readonly mechanisms: Mechanisms,
  ) {}

  /** Makes a key sensitive and not extractable. @param value 16 bytes, the caller's to wipe */
  put(value: Uint8Array, { label, id, purpose, kept }: KeyObject): Handle {
    const mac = purpose === "mac";
    const composed = this.mechanisms.cmac !== "CKM_AES_CMAC";
    const uses: [number, boolean][] = [
      [CKA.SIGN, mac && !composed],
      [CKA.VERIFY, mac && !composed],
      [CKA.ENCRYPT, purpose === "cipher" || (mac && composed)],
      [CKA.DECRYPT, purpose === "cipher"],
      [CKA.WRAP, false],
      [CKA.UNWRAP, false],
      [CKA.DERIVE, false],
    ];
    return this.bench.create([
      ...secretKey(label, id),
      { type: CKA.TOKEN, value: kept },
      { type: CKA.PRIVATE, value: true },
      { type: CKA.SENSITIVE, value: true },
      { type: CKA.EXTRACTABLE, value: false },
      ...uses.map(([type, value]) => ({ type, value })),
      // The same memory: no copy that would have to be wiped.
      { type: CKA.VALUE, value: Buffer.from(value.buffer, value.byteOffset, KEY_LENGTH) },
    ]);
  }

  async cmac(key: Handle, data: Uint8Array): Promise<Uint8Array> {
    // Tokens fail at CKM_AES_CMAC of nothing, and so would this one's session.
    if (this.mechanisms.cmac === "CKM_AES_CMAC") return this.bench.cmac(key, data);
    return this.#composedCmac(key, data);
  }

  /** CBC with an initialisation vector of 0 over whole blocks, into `out`. */
  async decrypt(key: Handle, data: Uint8Array, out: Buffer): Promise<void> {
    const { cipher } = this.mechanisms;
    await this.bench.decrypt(cipher, key, data, out);
    if (cipher === "CKM_AES_CBC") return;
    for (let i = BLOCK; i < data.length; i++) out[i] = (out[i] ?? 0) ^ (data[i - BLOCK] ?? 0);
  }

  /** ECB of one block: CBC of one block with an initialisation vector of 0 is the same. */
  encryptBlock(key: Handle, block: Uint8Array): Promise<Uint8Array> {
    return this.bench.encrypt(this.mechanisms.cipher, key, block);
  }

  /** RFC 4493 with the token's CBC: its last block, over a message whose last block the subkey was added to. */
  async #composedCmac(key: Handle, data: Uint8Array): Promise<Uint8Array> {
    const base = await this.bench.encrypt("CKM_AES_CBC", key, new Uint8Array(BLOCK));
    const whole = data.length > 0 && data.length % BLOCK === 0;
    const subkey = doubled(whole ? base : doubled(base));
    const padded = whole ? data.slice() : concat(data, Uint8Array.of(0x80), new Uint8Array(15 - (data.length % BLOCK)));
    const last = padded.length - BLOCK;
    for (let i = 0; i < BLOCK; i++) padded[last + i] = (padded[last + i] ?? 0) ^ (subkey[i] ?? 0);
    const chain = await this.bench.encrypt("CKM_AES_CBC", key, padded);
    for (const part of [base, subkey, padded]) part.fill(0);
    return chain.slice(last);
  }
}

/** Attributes that find a secret key; without an id all of that label. */
export function secretKey(label: string, id?: string): Attribute[] {
  return [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.AES },
    { type: CKA.LABEL, value: label },
    ...(id === undefined ? [] : [{ type: CKA.ID, value: Buffer.from(id, "hex") }]),
  ];
}

/** Multiplication by x in GF(2^128) (RFC 4493 2.3). */
function doubled(block: Uint8Array): Uint8Array {
  const out = new Uint8Array(BLOCK);
  for (let i = 0; i < BLOCK; i++) out[i] = ((block[i] ?? 0) << 1) | ((block[i + 1] ?? 0) >> 7);
  if (((block[0] ?? 0) & 0x80) !== 0) out[BLOCK - 1] = (out[BLOCK - 1] ?? 0) ^ 0x87;
  return out;
}
