import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileFlash } from "../../../firmware-sim/flash/file.js";
import { type Flash, type FlashOptions, POWER_POINTS, PowerCut } from "../../../firmware-sim/flash/flash.js";
import { decodeImage, encodeImage } from "../../../firmware-sim/flash/image.js";
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
  });

  it("keeps the order of saves that overlap, and close waits for them", async () => {
    const flash = open();
    const saves = ["a", "b", "c"].map((value) => flash.save(bytes(value)));
    await flash.close();
    expect(text(await open().load())).toBe("c");
    await Promise.all(saves);
  });

  it.each(POWER_POINTS)(
    "holds the old or the new image after a power cut at '%s', and works on after the restart",
    async (cutAt) => {
      await open().save(bytes("old"));
      const reached: string[] = [];
      const flash = open({
        onPoint(count, point) {
          reached.push(point);
          expect(count).toBe(reached.length);
          if (point === cutAt) throw new PowerCut(count);
        },
      });
      await expect(flash.save(bytes("new"))).rejects.toBeInstanceOf(PowerCut);
      expect(reached).toEqual(POWER_POINTS.slice(0, POWER_POINTS.indexOf(cutAt) + 1));
      await expect(flash.save(bytes("newer"))).rejects.toBeInstanceOf(PowerCut);
      const isNew = POWER_POINTS.indexOf(cutAt) >= POWER_POINTS.indexOf("renamed");
      expect(text(await open().load())).toBe(isNew ? "new" : "old");
      await open().save(bytes("after"));
      expect(text(await open().load())).toBe("after");
    },
  );
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
    ["a file cut short", (image: Uint8Array) => image.slice(0, -1)],
    ["a file that goes on", (image: Uint8Array) => new Uint8Array([...image, 0])],
    ["a file with a flipped bit", (image: Uint8Array) => image.map((byte, i) => (i === 50 ? byte ^ 1 : byte))],
    ["a file of another version", (image: Uint8Array) => image.map((byte, i) => (i === 11 ? 9 : byte))],
  ])("tells %s from an image, in one line with the path", async (_, damage) => {
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

describe("a flash image", () => {
  it("gives back every payload", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
        expect(decodeImage(encodeImage(payload))).toEqual(payload);
      }),
    );
  });

  it("is refused when any byte is different or missing", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (payload, at, change) => {
          const image = encodeImage(payload);
          const place = at % image.length;
          expect(() => decodeImage(image.map((byte, i) => (i === place ? byte ^ change : byte)))).toThrow(RangeError);
          expect(() => decodeImage(image.slice(0, place))).toThrow(RangeError);
        },
      ),
    );
  });
});
