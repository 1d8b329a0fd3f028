/** STmin is a least time between consecutive frames, kept by the clock and not by the ticks of its timers. */
import { describe, expect, it } from "vitest";
import { createIsoTp } from "../../../../src/ecu/transport/isotp/isotp.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { BareLink, bench, REQUEST, RESPONSE, run } from "./bench.js";

/** A machine whose timers fire on ticks, as those of Windows do, and which now and then wakes late. */
class TickingClock extends VirtualClock {
  constructor(
    readonly tick: number,
    /** ms by which the n-th wait for a gap ends late. */
    readonly late: (n: number) => number = () => 0,
  ) {
    super();
  }

  #waits = 0;

  override timer(ms: number, run: () => void) {
    const due = this.monotonic() + ms;
    return super.timer(Math.ceil(due / this.tick) * this.tick - this.monotonic(), run);
  }

  override until(at: number, signal?: AbortSignal): Promise<void> {
    const end = at + this.late(this.#waits++);
    const left = end - this.monotonic();
    return left <= 0
      ? Promise.resolve()
      : new Promise((resolve) => super.timer(left, () => resolve(super.until(end, signal))));
  }
}

/** Times at which the consecutive frames of a message of `count` of them leave. */
async function times(clock: TickingClock, STmin: string, count: number, confirmAfter = 0): Promise<number[]> {
  const link = new BareLink(clock);
  const write = link.send.bind(link);
  link.send = async (frame) => {
    await write(frame);
    if (confirmAfter > 0) await clock.until(clock.monotonic() + confirmAfter);
  };
  const transport = createIsoTp(link, { addressing: { format: "normal", txId: REQUEST, rxId: RESPONSE } }, clock);
  const done = transport.send(new Uint8Array(6 + 7 * count));
  await clock.advance(confirmAfter);
  link.receive(RESPONSE, `3000${STmin}`);
  await clock.drive(done);
  return link.sent.slice(1).map(({ at }) => at);
}

const gaps = (at: readonly number[]) => at.slice(1).map((time, i) => time - (at[i] ?? 0));

describe("between consecutive frames", () => {
  it.each([
    ["01", 1],
    ["05", 5],
    ["f1", 0.1],
    ["f7", 0.7],
  ])("a tick of 15.6 ms makes of STmin %s no more than it says", async (code, ms) => {
    for (const gap of gaps(await times(new TickingClock(15.6), code, 40))) expect(gap).toBeCloseTo(ms, 9);
  });

  it("a wait that ends late delays what follows by no more than that, and shortens no gap", async () => {
    const seen = gaps(await times(new TickingClock(1, (n) => (n % 5 === 4 ? 12 : 0)), "03", 21));
    expect(seen).toHaveLength(20);
    for (const [i, gap] of seen.entries()) expect(gap).toBeCloseTo(i % 5 === 4 ? 15 : 3, 9);
  });

  it("a gap begins where the frame before is confirmed", async () => {
    for (const gap of gaps(await times(new TickingClock(1), "02", 5, 4))) expect(gap).toBeCloseTo(6, 9);
  });

  it("the flow control of the next block begins anew, with its own STmin", async () => {
    const b = bench();
    b.send(run(0, 6 + 7 * 6));
    await b.hear("300305");
    await b.clock.advance(100);
    expect(b.wire).toHaveLength(4);
    await b.hear("300014");
    await b.clock.advance(100);
    expect(b.link.sent.slice(1).map(({ at }) => at)).toEqual([0, 5, 10, 100, 120, 140]);
  });
});
