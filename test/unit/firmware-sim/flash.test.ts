import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileFlash } from "../../../firmware-sim/flash/file.js";
import type { Flash, FlashOptions, FlashStep } from "../../../firmware-sim/flash/flash.js";
import { type FlashCell, memoryFlash } from "../../../firmware-sim/flash/memory.js";
import { StationError } from "../../../src/shared/errors.js";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (image: Uint8Array | undefined) => (image === undefined ? undefined : Buffer.from(image).toString());

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "flash-"));
  path = join(folder, "unit.flash");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.each(["file", "memory"])("flash in %s", (kind) => {
  let cell: FlashCell;
  beforeEach(() => {
    cell = {};
  });
  const open = (options: FlashOptions = {}): Flash =>
    kind === "file" ? fileFlash(path, options) : memoryFlash(cell, options);

  it("is empty at first and gives back what was saved last, also to the next program", async () => {
    expect(await open().load()).toBeUndefined();
    const flash = open();
    await flash.save(bytes("one"));
    await flash.save(bytes("two"));
    expect(text(await flash.load())).toBe("two");
    expect(text(await open().load())).toBe("two");
    await flash.close();
  });

  it("keeps the order of saves that overlap, and close waits for them", async () => {
    const flash = open();
    const saves = ["a", "b", "c"].map((value) => flash.save(bytes(value)));
    await flash.close();
    expect(text(await open().load())).toBe("c");
    await Promise.all(saves);
  });

  it("goes on behind what another program left", async () => {
    for (const value of ["one", "one two", "two", ""]) {
      const flash = open();
      await flash.load();
      await flash.save(bytes(value));
      await flash.close();
      expect(text(await open().load())).toBe(value);
    }
  });

  it("writes and syncs once for a change, and its image anew where the changes fill the area", async () => {
    const steps: FlashStep[] = [];
    const image = (value: number) => bytes(`${"x".repeat(500)}${value}${"y".repeat(500)}`);
    const flash = open({ slack: 100, onStep: (step) => void steps.push(step) });
    const kindsOf = async (value: number) => {
      steps.length = 0;
      await flash.save(image(value));
      return steps.map((step) => step.kind);
    };
    expect(await kindsOf(0)).toEqual(["erase", "write", "sync", "swap", "done"]);
    expect(await kindsOf(1)).toEqual(["write", "sync", "done"]);
    expect(steps[0]?.size).toBeLessThan(30);
    for (let value = 2; value < 4; value++) expect(await kindsOf(value)).toHaveLength(3);
    expect(await kindsOf(4)).toEqual(["erase", "write", "sync", "swap", "done"]);
    expect(await kindsOf(5)).toEqual(["write", "sync", "done"]);
    expect(text(await open().load())).toBe(text(image(5)));
    await flash.close();
  });

  it("counts its steps from 1 and waits for the hook", async () => {
    const seen: number[] = [];
    const flash = open({
      async onStep({ count }) {
        await Promise.resolve();
        seen.push(count);
      },
    });
    await flash.save(bytes("one"));
    await flash.save(bytes("two"));
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await flash.close();
  });

  it("leaves the record of a write that failed behind and writes the next image whole", async () => {
    let failing = false;
    const flash = open({
      onStep({ kind }) {
        if (failing && kind === "sync") throw new Error("no space");
      },
    });
    await flash.save(bytes("one"));
    failing = true;
    await expect(flash.save(bytes("two"))).rejects.toMatchObject({ code: "STORE_FAILED" });
    failing = false;
    await flash.save(bytes("three"));
    await flash.save(bytes("four"));
    expect(text(await open().load())).toBe("four");
    await flash.close();
  });
});

describe("a flash file", () => {
  it("is its owner's alone", async () => {
    await fileFlash(path).save(bytes("secret"));
    expect((await stat(path)).mode & 0o777).toBe(process.platform === "win32" ? 0o666 : 0o600);
    expect(await readdir(folder)).toEqual(["unit.flash"]);
  });

  it("takes no remains of an interrupted save for its image", async () => {
    await fileFlash(path).save(bytes("whole"));
    await writeFile(`${path}.new`, "half", { mode: 0o644 });
    expect(text(await fileFlash(path).load())).toBe("whole");
    await fileFlash(path).save(bytes("next"));
    expect((await stat(path)).mode & 0o077).toBe(process.platform === "win32" ? 0o066 : 0);
  });

  it.each([
    ["another file", () => bytes("hello")],
    ["an empty file", () => new Uint8Array()],
    ["an image cut short", (file: Uint8Array) => file.slice(0, -1)],
    ["an image with a flipped bit", (file: Uint8Array) => file.map((byte, i) => (i === 35 ? byte ^ 1 : byte))],
    ["a file of another version", (file: Uint8Array) => file.map((byte, i) => (i === 11 ? 9 : byte))],
  ])("tells %s from what it wrote, in one line with the path", async (_, damage) => {
    await fileFlash(path).save(bytes("state of the ECU"));
    await writeFile(path, damage(new Uint8Array(await readFile(path))));
    const error = await fileFlash(path)
      .load()
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(error).toBeInstanceOf(StationError);
    expect((error as StationError).code).toBe("STORE_FAILED");
    expect((error as StationError).message).toContain(path);
    expect((error as StationError).message).not.toContain("\n");
  });

  it("tells that it cannot be written", async () => {
    const flash = fileFlash(join(folder, "missing", "unit.flash"));
    await expect(flash.save(bytes("x"))).rejects.toMatchObject({ code: "STORE_FAILED" });
  });
});

describe("the flash file of the version before", () => {
  const former = (image: Uint8Array) => {
    const header = Buffer.alloc(16);
    header.write("ECUFLASH");
    header.writeUInt32BE(1, 8);
    header.writeUInt32BE(image.length, 12);
    return new Uint8Array(Buffer.concat([header, createHash("sha256").update(image).digest(), image]));
  };

  it("is read, and becomes one of this version with the first change", async () => {
    await writeFile(path, former(bytes("state of the ECU")));
    const flash = fileFlash(path);
    expect(text(await flash.load())).toBe("state of the ECU");
    await flash.save(bytes("state of this ECU"));
    await flash.close();
    expect((await readFile(path)).readUInt32BE(8)).toBe(2);
    expect(text(await fileFlash(path).load())).toBe("state of this ECU");
  });

  it("is refused when any byte of it is different or missing", async () => {
    const whole = former(bytes("abc"));
    for (let at = 0; at < whole.length; at++) {
      for (const damaged of [whole.slice(0, at), whole.map((byte, i) => (i === at ? byte ^ 1 : byte))]) {
        await writeFile(path, damaged);
        await expect(fileFlash(path).load()).rejects.toMatchObject({ code: "STORE_FAILED" });
      }
    }
  });
});
