import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderSink } from "../../../../src/records/sinks/folder.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { works } from "../../../require.js";
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

/** Only who may mount has a disk so small. */
const mounts =
  process.getuid?.() === 0 &&
  works("sh", ["-c", "d=$(mktemp -d) && mount -t tmpfs -o size=16k t $d && umount $d && rmdir $d"]);

describe.runIf(mounts)("a folder of results on a disk of its own", () => {
  const mount = (...options: string[]) => execFileSync("mount", ["-t", "tmpfs", "-o", ...options, "drop", path]);
  afterEach(() => execFileSync("umount", [path]));

  it.each([
    ["is full", "size=16k", () => writeFileSync(join(path, "old"), Buffer.alloc(16_384)), /ENOSPC/],
    ["has no room for a further file", "nr_inodes=2", () => writeFileSync(join(path, "old"), ""), /ENOSPC/],
  ])("that %s keeps nothing in part, and is used again when there is room", async (_, options, fill, what) => {
    mount(options);
    fill();
    const mes = sink();
    await expect(mes.deliver(resultRow(), going)).rejects.toMatchObject({
      code: "SINK_UNREACHABLE",
      message: expect.stringMatching(what),
    });
    expect(readdirSync(path)).toEqual(["old"]);
    rmSync(join(path, "old"));
    await mes.deliver(resultRow(), going);
    expect(readdirSync(path)).toEqual(["run-1.json"]);
  });

  it("that was mounted for reading alone is out of reach", async () => {
    mount("size=16k");
    execFileSync("mount", ["-o", "remount,ro", path]);
    await expect(sink().deliver(resultRow(), going)).rejects.toMatchObject({
      code: "SINK_UNREACHABLE",
      message: expect.stringMatching(/EROFS/),
    });
  });
});

describe.skipIf(process.platform === "win32")("a folder of results that is not the station's to write into", () => {
  it("is out of reach, and is used again when it is", async () => {
    const [nobody, root] = [65_534, 0];
    const isRoot = process.getuid?.() === root;
    chmodSync(folder, 0o755);
    chmodSync(path, 0o555);
    const mes = sink();
    // Nothing keeps root from writing.
    if (isRoot) process.seteuid?.(nobody);
    try {
      await expect(mes.deliver(resultRow(), going)).rejects.toMatchObject({
        code: "SINK_UNREACHABLE",
        message: expect.stringMatching(/EACCES/),
      });
    } finally {
      if (isRoot) process.seteuid?.(root);
    }
    expect(readdirSync(path)).toEqual([]);
    chmodSync(path, 0o755);
    await mes.deliver(resultRow(), going);
    expect(readdirSync(path)).toEqual(["run-1.json"]);
  });
});
