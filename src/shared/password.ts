/** Passwords and PINs by scrypt (RFC 7914), off the event loop. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";

/** scrypt$log2(N)$r$p$salt$hash, salt and hash in base64url. */
export const PASSWORD_HASH =
  "^scrypt\\$(1[4-9]|20)\\$([1-9]|1[0-6])\\$([1-4])\\$([A-Za-z0-9_-]{22})\\$([A-Za-z0-9_-]{43})$";

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** 2^15 rounds of 8 blocks: 32 MiB and about a tenth of a second a password. */
const COST = { logN: 15, r: 8, p: 1 } as const;

/** A new salt and the hash under it. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, COST);
  return ["scrypt", COST.logN, COST.r, COST.p, salt.toString("base64url"), hash.toString("base64url")].join("$");
}

/** Whether the password is that of the hash. @param stored as PASSWORD_HASH wants it */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [, logN, r, p, salt, hash] = stored.split("$");
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
  const derived = await derive(password, Buffer.from(salt ?? "", "base64url"), cost);
  return timingSafeEqual(derived, Buffer.from(hash ?? "", "base64url"));
}

/** A hash that no password has, for names that nobody has: they cost an attacker the same time. */
export const NOBODY = `scrypt$${COST.logN}$${COST.r}$${COST.p}$${"A".repeat(22)}$${"A".repeat(43)}`;

/** On the thread pool. */
function derive(password: string, salt: Uint8Array, { logN, r, p }: { logN: number; r: number; p: number }) {
  const N = 2 ** logN;
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise<Buffer>((resolve, reject) => {
    // The same characters typed on another keyboard may come in another Unicode form.
    scrypt(password.normalize("NFKC"), salt, HASH_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
