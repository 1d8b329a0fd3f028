import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeFolder } from "../../../src/shared/folders.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "folders-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

it("a folder is made with those above it, for its owner alone; one that is there is left alone", () => {
  const deep = join(folder, "a", "b", "c");
  makeFolder(deep);
  makeFolder(deep);
  expect(statSync(deep).mode & 0o777).toBe(0o700);
});

it("a file in its place, or above it, is told", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(() => makeFolder(file)).toThrow("EEXIST");
  expect(() => makeFolder(join(file, "x"))).toThrow("ENOTDIR");
  expect(() => makeFolder(join(file, "x", "y"))).toThrow("ENOTDIR");
});

it.skipIf(!existsSync("/proc/self"))("where nothing can be made that is told, and does not go on for ever", () => {
  expect(() => makeFolder("/proc/ecustation")).toThrow(/ENOENT|EACCES|EPERM/);
  expect(() => makeFolder("/proc/ecustation/data")).toThrow(/ENOENT|EACCES|EPERM/);
});
