import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CanFrame } from "../../../../src/ecu/link/link.js";
import { openLink } from "../../../../src/ecu/link/open.js";
import { frameBits, Pacer } from "../../../../src/ecu/link/pace.js";
import { systemClock, VirtualClock } from "../../../../src/shared/clock.js";

describe("a paced bus", () => {
  const data = (length: number, byte = 0x55) => new Uint8Array(length).fill(byte);
  const bits = (frame: Partial<CanFrame>) => frameBits({ id: 0x555, extended: false, data: data(8), ...frame });

  it("counts the bits of a classical frame, the stuff bits by its content", () => {
    // Without stuff bits 47 + 8n and 67 + 8n; CRC and control field may need a few.
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array({ maxLength: 8 }), fc.nat(0x1fffffff), (extended, content, id) => {
        const { nominal, data: fast } = bits({ extended, id: extended ? id : id & 0x7ff, data: content });
        const plain = (extended ? 67 : 47) + 8 * content.length;
        expect(fast).toBe(0);
        expect(nominal).toBeGreaterThanOrEqual(plain);
        // Of 34 (54) + 8n stuffed bits every fourth at most follows four alike.
        expect(nominal - plain).toBeLessThanOrEqual(Math.floor(((extended ? 54 : 34) + 8 * content.length - 1) / 4));
      }),
    );
    // 34 dominant bits, for the CRC of zeros is 0, too: a stuff bit after every fifth.
    expect(bits({ id: 0, data: data(0) }).nominal).toBe(47 + 6);
    expect(bits({ id: 0x555, data: data(0), remote: true }).nominal).toBe(bits({ data: data(0) }).nominal);
  });

  it("counts what of a CAN FD frame goes at the data rate, with its fixed stuff bits", () => {
    // SOF, identifier, RRS, IDE, FDF, res, BRS; 13 bits of tail. ESI, DLC, 8n, then 27 bits (CRC 17) or 32 (CRC 21).
    expect(bits({ fd: true, brs: true, data: data(8) })).toEqual({ nominal: 17 + 13, data: 5 + 64 + 27 });
    expect(bits({ fd: true, brs: true, data: data(64) })).toEqual({ nominal: 17 + 13, data: 5 + 512 + 32 });
    expect(bits({ fd: true, brs: false, data: data(8) })).toEqual({ nominal: 17 + 13 + 5 + 64 + 27, data: 0 });
    expect(bits({ fd: true, brs: true, data: data(8, 0) }).data).toBe(5 + 64 + 27 + 13);
    expect(bits({ fd: true, brs: true, extended: true, id: 0x15555555 }).nominal).toBe(36 + 13);
  });

  it("lets the data phase of a frame that switches its bit rate pass at that rate", async () => {
    const clock = new VirtualClock();
    const pacer = new Pacer(clock, { bitrate: 500_000, dataBitrate: 2_000_000 });
    const frame = { id: 0x555, extended: false, fd: true, brs: true, data: data(64) };
    await clock.drive(Promise.all(Array.from({ length: 20 }, () => pacer.pass(frame))));
    expect(clock.monotonic()).toBeCloseTo(20 * (30 / 500 + 549 / 2_000) - 1, 6);
  });

  it("lets frames pass in the order of their calls, whenever those came", async () => {
    const clock = new VirtualClock();
    const pacer = new Pacer(clock, { bitrate: 10_000 });
    const passed: number[] = [];
    const pass = (i: number) =>
      pacer.pass({ id: 0x550 + i, extended: false, data: data(8) }).then(() => passed.push(i));
    const first = [pass(0), pass(1), pass(2)];
    await clock.advance(5);
    await clock.drive(Promise.all([...first, pass(3)]));
    expect(passed).toEqual([0, 1, 2, 3]);
    const all = [0, 1, 2, 3].reduce((sum, i) => sum + bits({ id: 0x550 + i }).nominal, 0);
    expect(clock.monotonic()).toBeCloseTo(all / 10 - 1, 6);
  });

  it("loses no time to timers that come late: what waits begins where the frame before it ended", async () => {
    const clock = new VirtualClock();
    const sleep = clock.sleep.bind(clock);
    clock.sleep = (ms, signal) => sleep(Math.ceil(ms) + 0.9, signal);
    const pacer = new Pacer(clock, { bitrate: 500_000 });
    const frame = { id: 0x555, extended: false, data: data(8) };
    await clock.drive(Promise.all(Array.from({ length: 100 }, () => pacer.pass(frame))));
    // Behind the last one a timer may be late.
    expect(clock.monotonic()).toBeLessThan((100 * frameBits(frame).nominal) / 500 + 2);
  });

  it("behind an adapter acknowledges a frame when it has passed, and keeps all in order", async () => {
    const clock = systemClock;
    const ecu = await openLink("slcan+listen://127.0.0.1:0?pace=125000", { clock });
    const station = await openLink(ecu.listening ?? "", { clock });
    const heard: number[] = [];
    ecu.onFrame((frame) => heard.push(frame.id));
    const before = clock.monotonic();
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => station.send({ id: i, extended: false, data: new Uint8Array(8) })),
    );
    // 40 × 111 bits at 8 µs, less the ms that the bus may run ahead.
    expect(clock.monotonic() - before).toBeGreaterThan(40 * 0.888 - 1.5);
    expect(heard).toEqual(Array.from({ length: 40 }, (_, i) => i));
    await Promise.all([station.close(), ecu.close()]);
  });
});
