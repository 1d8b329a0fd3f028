import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OpenSink } from "../../../../src/records/trace/file.js";
import { TRACE_FORMATS } from "../../../../src/records/trace/formats.js";
import { readTrace } from "../../../../src/records/trace/read.js";
import { TraceWriter } from "../../../../src/records/trace/writer.js";
import { type Clock, VirtualClock } from "../../../../src/shared/clock.js";
import { decode } from "./records.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trace-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const frame = (n: number) => ({ id: 0x7e0, extended: false, data: Uint8Array.of(n >> 8, n & 255) });
const START = Date.UTC(2026, 0, 1);

function writerOf(options: Partial<ConstructorParameters<typeof TraceWriter>[0]> = {}): TraceWriter {
  return new TraceWriter({
    path: join(folder, "new", "run"),
    formats: TRACE_FORMATS,
    program: "test",
    link: "virtual:x",
    clock: new VirtualClock(START),
    ...options,
  });
}

async function stamps(file: string): Promise<number[]> {
  const seen: number[] = [];
  for await (const records of readTrace(file)) seen.push(...records.map(({ at }) => at - START * 1_000));
  return seen;
}

describe("the writer of a trace", () => {
  it("puts every frame into each format, in a folder that it makes, for the owner alone", async () => {
    const writer = writerOf();
    for (let n = 0; n < 20_000; n++) writer.frame(n % 2 === 0 ? "tx" : "rx", frame(n), n / 10);
    const { files, frames, failures } = await writer.close();
    expect({ frames, failures }).toEqual({ frames: 20_000, failures: [] });
    expect(files).toEqual(TRACE_FORMATS.map((format) => join(folder, "new", `run.${format}`)));
    const read = files.map((file) => decode(new Uint8Array(readFileSync(file))));
    for (const { records, cut } of read) expect([records.length, cut]).toEqual([20_000, false]);
    expect(read[1]?.records).toEqual(read[0]?.records);
    expect(read[2]?.records).toEqual(read[0]?.records);
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("stamps with the wall time of the start and the monotonic clock since, never backwards", async () => {
    let wall = START;
    const virtual = new VirtualClock(START);
    const clock: Clock = {
      ...virtual,
      now: () => wall,
      monotonic: () => 1_000,
      timer: (ms, run) => virtual.timer(ms, run),
      sleep: (ms, signal) => virtual.sleep(ms, signal),
      until: (at, signal) => virtual.until(at, signal),
    };
    const writer = writerOf({ clock, formats: ["log"] });
    writer.frame("rx", frame(1), 1_000.25);
    // Somebody sets the computer's clock back an hour.
    wall -= 3_600_000;
    writer.frame("rx", frame(2), 1_002.5);
    writer.frame("tx", frame(3), 1_002.4);
    writer.frame("tx", frame(4), 1_003);
    const { files } = await writer.close();
    expect(await stamps(files[0] ?? "")).toEqual([250, 2_500, 2_500, 3_000]);
  });

  it("has what it was given on the disk while it goes on, so that a killed run's trace is there", async () => {
    const writer = writerOf();
    writer.frame("tx", frame(1), 1);
    writer.frame("rx", frame(2), 2);
    const path = join(folder, "new");
    const count = (format: string) => {
      const file = readdirSync(path).find((name) => name.endsWith(format));
      const bytes = file === undefined ? new Uint8Array(0) : new Uint8Array(readFileSync(join(path, file)));
      return bytes.length === 0 ? 0 : decode(bytes).records.length;
    };
    for (const format of TRACE_FORMATS) await expect.poll(() => count(format), { timeout: 15_000 }).toBe(2);
    await writer.close();
  });

  it("leaves files alone that have its name", async () => {
    await writerOf({ formats: ["log"] }).close();
    const { failures } = await writerOf({ formats: ["log", "asc"] }).close();
    expect(failures.map(({ code, details }) => [code, details.file])).toEqual([
      ["TRACE_INCOMPLETE", join(folder, "new", "run.log")],
    ]);
  });

  it("goes on under another name", async () => {
    const writer = writerOf({ formats: ["log"] });
    writer.frame("tx", frame(1), 1);
    await writer.rename(join(folder, "new", "other"));
    writer.frame("tx", frame(2), 2);
    const { files } = await writer.close();
    expect(files).toEqual([join(folder, "new", "other.log")]);
    expect(await stamps(files[0] ?? "")).toEqual([1_000, 2_000]);
  });
});

/** A disk that takes `room` bytes, `most` of them at a time. */
function diskOf(room: number, most = 7): { sink: OpenSink; bytes: () => Uint8Array } {
  let held = Buffer.alloc(0);
  const sink: OpenSink = async () => ({
    async write(bytes, position) {
      const left = Math.min(room - position, most, bytes.length);
      if (left <= 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      held = Buffer.concat([held.subarray(0, position), bytes.subarray(0, left)]);
      return left;
    },
    async truncate(length) {
      held = held.subarray(0, length);
    },
    sync: async () => undefined,
    close: async () => undefined,
  });
  return { sink, bytes: () => new Uint8Array(held) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a disk", () => {
  it("that takes a few bytes at a time gets all of them", async () => {
    const { sink, bytes } = diskOf(1_000_000);
    const writer = writerOf({ formats: ["log"], openSink: sink });
    for (let n = 0; n < 300; n++) writer.frame("tx", frame(n), n);
    expect((await writer.close()).failures).toEqual([]);
    expect(decode(bytes()).records).toHaveLength(300);
  });

  it("that is full ends the trace with whole records and a typed error, and throws at nobody", async () => {
    const { sink, bytes } = diskOf(1_000);
    const writer = writerOf({ formats: ["log"], openSink: sink });
    for (let n = 0; n < 100; n++) {
      writer.frame("tx", frame(n), n);
      await turn();
    }
    const { failures, frames } = await writer.close();
    expect(frames).toBe(100);
    expect(failures.map(({ code }) => code)).toEqual(["TRACE_INCOMPLETE"]);
    expect(failures[0]?.message).toContain("ENOSPC");
    const { records, cut } = decode(bytes());
    expect(cut).toBe(false);
    expect(records.length).toBeGreaterThan(3);
    expect(records.map((record) => (record.kind === "frame" ? record.frame.data[1] : -1))).toEqual(
      records.map((_, n) => n),
    );
  });

  it("that stands still fills no memory: the trace ends without a gap, and what waits is written when it goes on", async () => {
    let release: () => void = () => undefined;
    const standing = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { sink, bytes } = diskOf(1_000_000, 1_000_000);
    const slow: OpenSink = async (path) => {
      const file = await sink(path);
      return {
        ...file,
        async write(chunk, position) {
          await standing;
          return file.write(chunk, position);
        },
      };
    };
    const writer = writerOf({ formats: ["log"], openSink: slow, maxWaiting: 2_000 });
    for (let n = 0; n < 200; n++) writer.frame("tx", frame(n), n);
    release();
    const { failures } = await writer.close();
    expect(failures[0]?.message).toContain("2000 bytes wait for the disk");
    const { records } = decode(bytes());
    expect(records.length).toBeGreaterThan(20);
    expect(records.map((record) => (record.kind === "frame" ? record.frame.data[1] : -1))).toEqual(
      records.map((_, n) => n),
    );
  });
});
