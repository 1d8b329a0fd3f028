import { spawnSync } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireOpenssl } from "../../../require.js";
import { SEED } from "../../../sweep/seed.js";
import { openKms } from "./helpers.js";

/** OpenSSL's AES on single blocks: node:crypto is OpenSSL. */
function encrypt(key: Buffer, data: Buffer, mode: "ecb" | "cbc"): Buffer {
  const cipher = createCipheriv(`aes-128-${mode}`, key, mode === "ecb" ? null : Buffer.alloc(16)).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

const xor = (...parts: Buffer[]) =>
  Buffer.from(Array.from({ length: 16 }, (_, i) => parts.reduce((sum, part) => sum ^ (part[i] ?? 0), 0)));

/** KDF(K, C) of the SHE specification, written down again from its text: Miyaguchi-Preneel over K and C. */
function kdf(key: Buffer, constant: string): Buffer {
  let out = Buffer.alloc(16);
  for (const x of [key, Buffer.from(constant, "hex")]) out = Buffer.from(xor(encrypt(out, x, "ecb"), x, out));
  return out;
}

/** RFC 4493 for a message of one block, which takes the first subkey. */
function cmacOfBlock(key: Buffer, block: Buffer): string {
  const l = BigInt(`0x${encrypt(key, Buffer.alloc(16), "ecb").toString("hex")}`);
  const doubled = BigInt.asUintN(128, l << 1n) ^ (l >> 127n === 1n ? 0x87n : 0n);
  const subkey = Buffer.from(doubled.toString(16).padStart(32, "0"), "hex");
  return encrypt(key, xor(block, subkey), "ecb").toString("hex");
}

/** Bits of M2's plain text as a string of 0 and 1. */
function bits(value: number, width: number): string {
  return value.toString(2).padStart(width, "0");
}
const fromBits = (text: string) => Buffer.from((text.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));

interface Entry {
  keyId: number;
  uid: string;
  authKey: Buffer;
  newKey: Buffer;
  counter: number;
  flags: number;
  verifyOnly: boolean;
  bank: number;
  slot: number;
}

/** A generator whose whole run follows from a printed seed. */
function generator(seed: number) {
  let state = createHash("sha256").update(`kms ${seed}`).digest();
  const bytes = (length: number) => {
    state = createHash("sha256").update(state).digest();
    return Buffer.from(state.subarray(0, length));
  };
  return { bytes, below: (limit: number) => bytes(4).readUInt32BE() % limit };
}

const COUNT = 200;
const hexConstant = (selector: number) => `01${selector.toString(16).padStart(2, "0")}53484500800000000000000000b0`;

function makeEntries(seed: number): Entry[] {
  const { bytes, below } = generator(seed);
  return Array.from({ length: COUNT }, (_, i) => {
    const keyId = [1, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd][below(11)] ?? 1;
    const extended = keyId !== 1 && below(2) === 1;
    return {
      keyId,
      uid: `${(i + 1).toString(16).padStart(4, "0")}0001${bytes(11).toString("hex")}`,
      authKey: bytes(16),
      newKey: bytes(16),
      counter: 1 + below(0xfffffff),
      flags: below(32),
      verifyOnly: extended && below(2) === 1,
      bank: extended ? below(9) : 0,
      slot: keyId === 1 ? 1 : ((keyId - 4 + below(10)) % 10) + 4,
    };
  });
}

function registryOf(entries: readonly Entry[]): string {
  const digit = (value: number) => value.toString(16).toUpperCase();
  const lines = ["suppliers: [{ id: 1 }]", "ecuTypes:"];
  for (const [i, entry] of entries.entries()) {
    // A whole permutation of KEY_n that puts the entry's KeyID into its slot.
    const turn = (entry.slot - entry.keyId + 10) % 10;
    const slots =
      entry.keyId === 1
        ? ""
        : `slots: { ${Array.from({ length: 10 }, (_, n) => `${digit(n + 4)}: ${((n + turn) % 10) + 4}`).join(", ")} }, `;
    lines.push(
      `  - { id: ${i + 1}, ${slots}flags: { ${digit(entry.keyId)}: ${entry.flags} }, bank: ${entry.bank}, flagBits: ${
        entry.verifyOnly ? 6 : 5
      }, verifyOnly: [${entry.verifyOnly ? `"${digit(entry.keyId)}"` : ""}],` +
        (i % 2 === 0 ? ` factoryMasterKey: "${entry.authKey.toString("hex")}" }` : " }"),
    );
  }
  lines.push("supplierSecrets: [{ name: s, value: secret of the test }]", "ecus:");
  for (const [i, entry] of entries.entries()) {
    lines.push(
      `  - { uid: "${entry.uid}", keys: { ${digit(entry.keyId)}: "${entry.newKey.toString("hex")}" }, counters: { ${digit(
        entry.keyId,
      )}: ${entry.counter - 1} }${i % 2 === 0 ? "" : `, masterKey: "${entry.authKey.toString("hex")}"`} }`,
    );
  }
  return lines.join("\n");
}

/** CMACs by the openssl program, all in a few processes. */
function opensslMacs(jobs: readonly { key: Buffer; message: Buffer }[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "kms-mac-"));
  try {
    const script = jobs.map(({ key, message }, i) => {
      writeFileSync(join(folder, `${i}`), message);
      return `openssl mac -cipher AES-128-CBC -macopt hexkey:${key.toString("hex")} -in ${i} CMAC || exit 1; echo`;
    });
    const run = spawnSync("sh", ["-s"], { cwd: folder, input: script.join("\n"), encoding: "utf8" });
    expect(run.status, run.stderr).toBe(0);
    return run.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.trim().toLowerCase());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.skipIf(!requireOpenssl())(
  "200 random registry entries are answered as OpenSSL's AES and CMAC compute them",
  { timeout: 60_000 },
  async () => {
    console.log(`STATION_SEED=${SEED}`);
    const entries = makeEntries(SEED);
    const kms = await openKms({ registry: registryOf(entries) });
    const jobs: { key: Buffer; message: Buffer }[] = [];
    const macs: (string | undefined)[] = [];
    for (const [i, entry] of entries.entries()) {
      const challenge = createHash("sha256").update(`${SEED} ${i}`).digest().subarray(0, 16);
      const secOc = entry.keyId >= 4 && entry.keyId <= 0xc;
      const answer = await kms.send("POST", "key", {
        ProvisioningType: entry.keyId === 1 ? "EcuMasterKey" : secOc ? "SecOCKey" : "SupplierSymmKey",
        EcuID: `000000000000000000000000${entry.uid}`,
        KeyID: entry.keyId.toString(16),
        ...(secOc
          ? { SupplierSecretKey: "secret of the test", Counter: "0", Challenge: challenge.toString("hex") }
          : {}),
      });
      const records = answer.body.Records ?? {};
      const [encConstant, macConstant] =
        entry.bank === 0
          ? [hexConstant(0x01), hexConstant(0x02)]
          : [hexConstant(0x71 + 16 * entry.bank), hexConstant(0x72 + 16 * entry.bank)];
      const plain = fromBits(
        `${bits(entry.counter, 28)}${bits(entry.flags, 5)}${entry.verifyOnly ? "1" : "0"}${"0".repeat(94)}`,
      );
      const m1 = Buffer.from(`${entry.uid}${entry.slot.toString(16)}1`, "hex");
      const m2 = encrypt(kdf(entry.authKey, encConstant), Buffer.concat([plain, entry.newKey]), "cbc");
      const m4Star = encrypt(
        kdf(entry.newKey, encConstant),
        fromBits(`${bits(entry.counter, 28)}1${"0".repeat(99)}`),
        "ecb",
      );
      const m4 = Buffer.concat([m1, m4Star]);
      expect({ i, M1: records.M1, M2: records.M2, M4: records.M4 }).toEqual({
        i,
        M1: m1.toString("hex"),
        M2: m2.toString("hex"),
        M4: m4.toString("hex"),
      });
      jobs.push({ key: kdf(entry.authKey, macConstant), message: Buffer.concat([m1, m2]) });
      jobs.push({ key: kdf(entry.newKey, macConstant), message: m4 });
      macs.push(records.M3, records.M5);
      expect(records.KeySyncValue).toBe(secOc ? cmacOfBlock(entry.newKey, challenge) : undefined);
    }
    await kms.close();
    expect(macs).toEqual(opensslMacs(jobs));
  },
);
