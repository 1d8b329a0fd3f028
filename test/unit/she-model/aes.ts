/** The cryptography of the SHE's text on node:crypto alone, for the model that judges the simulated device. */
import { createCipheriv, createDecipheriv } from "node:crypto";

export const ZERO = Buffer.alloc(16);

function run(cipher: ReturnType<typeof createCipheriv>, data: Buffer): Buffer {
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

export const ecb = (key: Buffer, data: Buffer): Buffer => run(createCipheriv("aes-128-ecb", key, null), data);
export const unEcb = (key: Buffer, data: Buffer): Buffer => run(createDecipheriv("aes-128-ecb", key, null), data);
export const cbc = (key: Buffer, iv: Buffer, data: Buffer): Buffer => run(createCipheriv("aes-128-cbc", key, iv), data);
export const unCbc = (key: Buffer, iv: Buffer, data: Buffer): Buffer =>
  run(createDecipheriv("aes-128-cbc", key, iv), data);

export function xor(...all: readonly Buffer[]): Buffer {
  const out = Buffer.alloc(16);
  for (const each of all) for (let i = 0; i < 16; i++) out.writeUInt8(out.readUInt8(i) ^ each.readUInt8(i), i);
  return out;
}

/** Twice a block in GF(2^128) (RFC 4493). */
function double(block: Buffer): Buffer {
  const wide = BigInt(`0x${block.toString("hex")}`) << 1n;
  const number = wide >> 128n === 0n ? wide : (wide & ((1n << 128n) - 1n)) ^ 0x87n;
  return Buffer.from(number.toString(16).padStart(32, "0"), "hex");
}

/** AES-CMAC: the last block is whole and masked by K1, or padded and masked by K2. */
export function cmac(key: Buffer, message: Buffer): Buffer {
  const k1 = double(ecb(key, ZERO));
  const whole = message.length > 0 && message.length % 16 === 0;
  const start = whole ? message.length - 16 : message.length - (message.length % 16);
  const end = Buffer.alloc(16);
  message.copy(end, 0, start);
  if (!whole) end.writeUInt8(0x80, message.length - start);
  let state: Buffer = ZERO;
  for (let at = 0; at < start; at += 16) state = ecb(key, xor(state, message.subarray(at, at + 16)));
  return ecb(key, xor(state, end, whole ? k1 : double(k1)));
}

/** AES Miyaguchi-Preneel with the padding 1 0… and the length in 40 bits. */
export function compress(message: Buffer): Buffer {
  const bits = (message.length * 8).toString(16).padStart(10, "0");
  const room = (16 - ((message.length + 6) % 16)) % 16;
  const padded = Buffer.concat([message, Buffer.from(`80${"00".repeat(room)}${bits}`, "hex")]);
  let out: Buffer = ZERO;
  for (let at = 0; at < padded.length; at += 16) {
    const block = padded.subarray(at, at + 16);
    out = xor(ecb(out, block), block, out);
  }
  return out;
}

/** KDF(K, C) for the constant 01 xx "SHE" 00, whose padding is the compression's own. */
export const derive = (key: Buffer, selector: number): Buffer =>
  compress(Buffer.concat([key, Buffer.from([0x01, selector, 0x53, 0x48, 0x45, 0x00])]));
