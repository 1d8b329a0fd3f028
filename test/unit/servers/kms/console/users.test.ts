import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readUsers, setPassword } from "../../../../../src/servers/kms/console/users.js";
import { hashPassword, isPassword, NOBODY } from "../../../../../src/shared/password.js";

const dir = mkdtempSync(join(tmpdir(), "kms-users-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, "users.yaml");
const good = await hashPassword("a password of kim");

test("a password is kept as a salted scrypt hash alone, in a file for the servers' account alone", async () => {
  await setPassword(file, "kim", "a password of kim");
  await setPassword(file, "lee", "a password of kim");
  const text = readFileSync(file, "utf8");
  expect(text).not.toContain("a password of kim");
  const [kim, lee] = await readUsers(file);
  expect(kim?.password).toMatch(/^scrypt\$15\$8\$1\$/);
  expect(kim?.password).not.toBe(lee?.password);
  expect(statSync(file).mode & 0o077).toBe(0);
});

test("a new password replaces the former one and leaves the other users alone", async () => {
  const [, lee] = await readUsers(file);
  await setPassword(file, "kim", "another password");
  const users = await readUsers(file);
  const kim = users.find(({ name }) => name === "kim");
  expect(await isPassword("another password", kim?.password ?? "")).toBe(true);
  expect(await isPassword("a password of kim", kim?.password ?? "")).toBe(false);
  expect(users).toContainEqual(lee);
});

test("a password is the same in whatever Unicode form the keyboard sends it", async () => {
  const stored = await hashPassword("비밀번호는 길다 길어".normalize("NFD"));
  expect(await isPassword("비밀번호는 길다 길어".normalize("NFC"), stored)).toBe(true);
});

test("nobody's hash has no password, not even an empty one", async () => {
  expect(await isPassword("", NOBODY)).toBe(false);
});

test.each([
  ["../kim", "long enough to be one", "is no user name"],
  ["", "long enough to be one", "is no user name"],
  ["kim", "too short", "expected 12 characters"],
])("a user %j with password %j is refused", async (name, password, expected) => {
  await expect(setPassword(file, name, password)).rejects.toMatchObject({
    code: "INPUT_INVALID",
    message: expect.stringContaining(expected),
  });
});

test("no file is no users", async () => {
  expect(await readUsers(join(dir, "none.yaml"))).toEqual([]);
});

test.each([
  ["a password in the clear", "users: [{ name: kim, password: secret }]", "users[0].password: wrong value"],
  [
    "a user twice",
    `users:\n  - { name: kim, password: "${good}" }\n  - { name: kim, password: "${good}" }`,
    ":3:13: users[1].name: stands there twice",
  ],
  ["another key", "users: []\nadmins: []", "2:1: admins: unknown key"],
])("a mistake in the file is told with its line: %s", async (_name, text, expected) => {
  const bad = join(dir, "bad.yaml");
  writeFileSync(bad, text);
  await expect(readUsers(bad)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(expected),
  });
});
