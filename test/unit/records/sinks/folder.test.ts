import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderSink } from "../../../../src/records/sinks/folder.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { going, resultRow } from "./rows.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drop-"));
  path = join(folder, "mes");
  mkdirSync(path);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const sink = () => folderSink({ name: "mes", path, clock: systemClock });

describe("a folder of results", () => {
  it("gets one whole file a result, and nothing else", async () => {
    await sink().deliver(resultRow(), going);
    expect(readdirSync(path)).toEqual(["run-1.json"]);
    expect(JSON.parse(readFileSync(join(path, "run-1.json"), "utf8"))).toEqual(resultRow().result);
  });

  it("holds the same file when a result comes again", async () => {
    for (const _ of [1, 2]) await sink().deliver(resultRow(), going);
    expect(readdirSync(path)).toEqual(["run-1.json"]);
  });

  it.each([
    ["is not there", () => rmSync(path, { recursive: true }), /ENOENT/],
    [
      "is a file",
      () => {
        rmSync(path, { recursive: true });
        writeFileSync(path, "");
      },
      /ENOTDIR/,
    ],
    [
      "has a folder where the file should be",
      () => mkdirSync(join(path, "run-1.json", "x"), { recursive: true }),
      /EISDIR|ENOTEMPTY|EEXIST/,
    ],
  ])("that %s is out of reach, is not made, and is used again when it is right", async (_, spoil, what) => {
    spoil();
    const mes = sink();
    await expect(mes.deliver(resultRow(), going)).rejects.toMatchObject({
      code: "SINK_UNREACHABLE",
      message: expect.stringMatching(what),
    });
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    await mes.deliver(resultRow(), going);
    expect(readdirSync(path)).toEqual(["run-1.json"]);
  });

  it("loses the drafts of killed processes, but not those that may be somebody's work", async () => {
    const [old, fresh] = [".run-0.0123456789ab.tmp", ".run-9.0123456789ab.tmp"];
    for (const name of [old, fresh, ".other"]) writeFileSync(join(path, name), "");
    utimesSync(join(path, old), 0, 0);
    await sink().deliver(resultRow(), going);
    expect(readdirSync(path).sort()).toEqual([".other", fresh, "run-1.json"]);
  });
});
