import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openMasterKey, type Wrapping } from "../../../../src/servers/kms/master-key.js";
import { StationError } from "../../../../src/shared/errors.js";
import type { Logger } from "../../../../src/shared/logger.js";

type WrappingToken = Wrapping["token"];

/** A token in memory: OpenSSL's AES key wrap (RFC 3394) under keys by label. */
class MemoryToken implements WrappingToken {
  readonly name = "cellar";
  readonly keys = new Map<string, Buffer>();
  there = true;

  async hasWrappingKey({ label }: { label: string }): Promise<boolean> {
    this.#check();
    return this.keys.has(label);
  }

  async generateWrappingKey({ label }: { label: string }): Promise<void> {
    if (this.keys.has(label)) throw new Error("made twice");
    this.keys.set(label, randomBytes(32));
  }

  async wrap({ label }: { label: string }, value: Uint8Array): Promise<Uint8Array> {
    const cipher = createCipheriv("id-aes256-wrap", this.#key(label), Buffer.alloc(8, 0xa6));
    return Buffer.concat([cipher.update(value), cipher.final()]);
  }

  async unwrap({ label }: { label: string }, wrapped: Uint8Array): Promise<Uint8Array> {
    try {
      const decipher = createDecipheriv("id-aes256-wrap", this.#key(label), Buffer.alloc(8, 0xa6));
      return new Uint8Array(Buffer.concat([decipher.update(wrapped), decipher.final()]));
    } catch (error) {
      if (error instanceof StationError) throw error;
      throw new StationError("TOKEN_FAILED", { details: { token: this.name, what: "C_UnwrapKey" } });
    }
  }

  #key(label: string): Buffer {
    this.#check();
    const key = this.keys.get(label);
    if (key === undefined) throw new StationError("TOKEN_KEY_MISSING", { details: { token: this.name, what: label } });
    return key;
  }

  #check(): void {
    if (!this.there) throw new StationError("TOKEN_ABSENT", { details: { token: this.name, what: "away" } });
  }
}

let dir: string;
let file: string;
let token: MemoryToken;
let lines: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "master-key-"));
  file = join(dir, "kms.key");
  token = new MemoryToken();
  lines = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const put = (message: string, data?: unknown) => void lines.push(`${message} ${JSON.stringify(data)}`);
const logger: Logger = { info: put, warn: put, error: put, child: () => logger };

/** The key in hex. @param label of the wrapping key; undefined: no token is configured */
async function open(label?: string, needed = false): Promise<string> {
  const wrapping = label === undefined ? undefined : { token, label };
  const key = await openMasterKey({ file, needed, wrapping, logger });
  const hex = key.use((bytes) => Buffer.from(bytes).toString("hex"));
  key.wipe();
  return hex;
}

test("a key in a file of its own is made once, for its owner alone", async () => {
  const key = await open();
  expect(key).toHaveLength(64);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await open(undefined, true)).toBe(key);
});

test("with a token it is made wrapped, found again, and in no file as it is", async () => {
  const key = await open("KMS");
  const content = readFileSync(file, "latin1");
  expect(JSON.parse(content)).toMatchObject({ mechanism: "CKM_AES_KEY_WRAP", token: "cellar", key: "KMS" });
  expect(content).not.toContain(key);
  expect(content).not.toContain(Buffer.from(key, "hex").toString("latin1"));
  expect(await open("KMS", true)).toBe(key);
  expect([...token.keys.keys()]).toEqual(["KMS"]);
});

test("a file with the key itself is replaced by the wrapped key as soon as a token is configured", async () => {
  const key = await open();
  expect(await open("KMS", true)).toBe(key);
  expect(JSON.parse(readFileSync(file, "latin1"))).toMatchObject({ key: "KMS" });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await open("KMS", true)).toBe(key);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("master key wrapped");
  expect(lines[0]).not.toContain(key);
});

test("another label is another wrapping key: the master key stays, its wrapping is new", async () => {
  const key = await open("2026");
  expect(await open("2027", true)).toBe(key);
  expect(JSON.parse(readFileSync(file, "latin1"))).toMatchObject({ key: "2027" });
  token.keys.delete("2026");
  expect(await open("2027", true)).toBe(key);
});

const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: unknown) => (error instanceof StationError ? `${error.code}: ${error.message}` : String(error)),
  );

test("what keeps it from being opened is told, and nothing is made anew", async () => {
  await open("KMS");
  const before = readFileSync(file);
  expect(await failure(open(undefined, true))).toMatch(
    /^CONFIG_INVALID: .*kms\.key: is wrapped by key KMS of token cellar \(expected servers\.embedded\.kms\.masterKey\)/,
  );
  token.there = false;
  expect(await failure(open("KMS", true))).toMatch(/^TOKEN_ABSENT/);
  expect(await failure(open("other", true))).toMatch(/^TOKEN_ABSENT/);
  token.there = true;
  token.keys.set("KMS", randomBytes(32));
  expect(await failure(open("KMS", true))).toMatch(/^TOKEN_FAILED/);
  token.keys.delete("KMS");
  expect(await failure(open("KMS", true))).toMatch(/^TOKEN_KEY_MISSING/);
  expect([...token.keys]).toEqual([]);
  expect(readFileSync(file)).toEqual(before);
  rmSync(file);
  expect(await failure(open("KMS", true))).toMatch(/^STORE_FAILED: .*is missing/);
});

test("a plain key stays as it is while the token that is to wrap it is away", async () => {
  const key = await open();
  token.there = false;
  expect(await failure(open("KMS", true))).toMatch(/^TOKEN_ABSENT/);
  expect(readFileSync(file).toString("hex")).toBe(key);
});

test.each([
  ["too short", "short"],
  ["JSON of another kind", '{"mechanism":"CKM_AES_CBC"}'],
  ["a cut wrapped key", '{"mechanism":"CKM_AES_KEY_WRAP","token":"cellar","key":"KMS","wrapped":"00"}'],
])("a file that is no key is told: %s", async (_, content) => {
  writeFileSync(file, content, { mode: 0o600 });
  expect(await failure(open("KMS"))).toMatch(/^STORE_FAILED: .*are no master key of 32/);
});

test.runIf(process.platform !== "win32")("a file that others may read is refused", async () => {
  await open("KMS");
  chmodSync(file, 0o640);
  expect(await failure(open("KMS", true))).toMatch(/^STORE_FAILED: .*mode 640 lets others read/);
});
