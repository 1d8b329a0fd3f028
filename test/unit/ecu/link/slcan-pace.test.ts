import { describe, expect, it } from "vitest";
import { openLink } from "../../../../src/ecu/link/open.js";
import { frameBits, Pacer } from "../../../../src/ecu/link/pace.js";
import { systemClock, VirtualClock } from "../../../../src/shared/clock.js";

describe("a paced bus", () => {
  it("counts the bits of a frame", () => {
    expect(frameBits({ id: 1, extended: false, data: new Uint8Array(8) })).toBe(111);
    expect(frameBits({ id: 1, extended: true, data: new Uint8Array(8) })).toBe(131);
    expect(frameBits({ id: 1, extended: false, data: new Uint8Array(8), remote: true })).toBe(47);
  });

  it("lets frames pass in the order of their calls, whenever those came", async () => {
    const clock = new VirtualClock();
    const pacer = new Pacer(clock, 10_000);
    const passed: number[] = [];
    const pass = (i: number) =>
      pacer.pass({ id: i, extended: false, data: new Uint8Array(8) }).then(() => passed.push(i));
    const first = [pass(0), pass(1), pass(2)];
    await clock.advance(5);
    await clock.drive(Promise.all([...first, pass(3)]));
    expect(passed).toEqual([0, 1, 2, 3]);
    expect(clock.monotonic()).toBeCloseTo(4 * 11.1 - 1, 6);
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
