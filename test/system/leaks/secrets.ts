/** The secrets of the test for leaks, and the files that may hold them. */
import { createPrivateKey, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { PIN } from "../../interop/softhsm.js";
import type { TestSecret } from "../../leaks.js";

/** A unit whose keys the KMS takes from the registry. */
const UID = `00030001${"c3".repeat(11)}`;
export const ECU_ID = `${"a1".repeat(12)}${UID}`;
const secretOf = (name: string, length = 16): TestSecret => ({ name, bytes: randomBytes(length) });
export const hexOf = ({ bytes }: TestSecret) => Buffer.from(bytes).toString("hex");

export const supplier = secretOf("supplier secret");
export const access = secretOf("security access key");
export const signature = secretOf("key of the webhook's signature", 32);
const pin = { name: "PIN of the token", bytes: Buffer.from(PIN) };
/** The unit whose keys go into a token. */
const TOKEN_UID = `00030001${"c5".repeat(11)}`;
export const TOKEN_ECU_ID = `${"b4".repeat(12)}${TOKEN_UID}`;
const tokenKeys = ["1", "D"].map((id) => secretOf(`SHE key ${id} in the token`));
export const password = { name: "console password", bytes: Buffer.from(`pw-${randomBytes(9).toString("base64url")}`) };
const sheKeys = ["1", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D"].map((id) => secretOf(`SHE key ${id}`));

/** Where a secret may stand: files by the end of their name, each its owner's alone. */
const HOMES: readonly (readonly [secret: RegExp, file: RegExp])[] = [
  [/^supplier secret$/, /^home\/(supplier\.hex|registry\.yaml)$/],
  [/^security access key$/, /^home\/access\.hex$/],
  [/^key of the webhook/, /^home\/mes\.hex$/],
  [/^PIN of the token$/, /^hsm\/pin$/],
  [/^SHE key/, /^home\/registry\.yaml$/],
  // The simulated ECU's memory.
  [/^SHE key/, /^home\/[a-z]+\.flash$/],
  [/^key of /, /^home\/station\.key$/],
  [/^servers-data\/servers\/kms\/.*/, /^servers-data\/servers\/kms\/[^/]+$/],
];

export const secrets: TestSecret[] = [supplier, access, password, signature, pin, ...sheKeys, ...tokenKeys];
export const homeOf = (secret: string, file: string) =>
  secret === file || HOMES.some(([name, home]) => name.test(secret) && home.test(file));

/** The KMS's registry file. */
export function registry(): object {
  const keys = Object.fromEntries(sheKeys.map((secret) => [secret.name.slice(-1), hexOf(secret)]));
  const { 1: master, D: symmetric, ...secOC } = keys;
  return {
    suppliers: [{ id: 1, name: "supplier" }],
    ecuTypes: [{ id: 3, name: "body" }],
    supplierSecrets: [{ name: "cluster", value: hexOf(supplier), keys: secOC }],
    ecus: [
      { uid: UID, keys: { 1: master, D: symmetric } },
      { uid: TOKEN_UID, keys: Object.fromEntries(tokenKeys.map((secret) => [secret.name[8], hexOf(secret)])) },
    ],
  };
}

export function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The part of a private key that nobody else has. */
export function scalarOf(text: string, passphrase?: string): Uint8Array {
  const key = createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) });
  const { d } = key.export({ format: "jwk" });
  return Buffer.from(d ?? "", "base64url");
}

/** Private keys, master key and passphrase that servers made, each by its file's name from `folder`. */
export function secretsIn(folder: string, servers: string): TestSecret[] {
  const secrets: TestSecret[] = [];
  const files = filesOf(join(folder, servers));
  const own = files.find((file) => file.endsWith("/passphrase")) ?? "";
  const passphrase = readFileSync(own, "utf8").trim();
  secrets.push({ name: relative(folder, own), bytes: Buffer.from(passphrase) });
  for (const file of files) {
    const text = readFileSync(file, "latin1");
    const name = relative(folder, file);
    const raw = readFileSync(file);
    if (/BEGIN (EC )?PRIVATE KEY/.test(text)) secrets.push({ name, bytes: scalarOf(text) });
    // These stand nowhere in the clear, not even in their file.
    else if (text.includes("ENCRYPTED PRIVATE KEY"))
      secrets.push({ name: `in ${name}`, bytes: scalarOf(text, passphrase) });
    else if (/^[0-9a-f]{32,128}\s*$/i.test(text)) secrets.push({ name, bytes: Buffer.from(text.trim(), "hex") });
    else if (raw.length === 32 || raw.length === 16) secrets.push({ name, bytes: raw });
  }
  return secrets;
}
