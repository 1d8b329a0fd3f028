import { describe, expect, it } from "vitest";
import { openLink } from "../../../../src/ecu/link/open.js";
import { frameBits } from "../../../../src/ecu/link/pace.js";
import { openVirtual, unplugVirtual } from "../../../../src/ecu/link/virtual/bus.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

const frame = (id: number, size = 8) => ({ id, extended: false, data: new Uint8Array(size) });

describe("the virtual bus", () => {
  it("gives each frame to all other nodes, all in one order", async () => {
    const clock = new VirtualClock();
    const nodes = [0, 1, 2].map(() => openVirtual("order", clock));
    const heard: number[][] = [[], [], []];
    for (const [i, node] of nodes.entries()) node.onFrame((received) => heard[i]?.push(received.id));
    await clock.drive(
      Promise.all(Array.from({ length: 9 }, (_, i) => nodes[i % 3]?.send(frame(i))).map((sent) => sent ?? null)),
    );
    expect(heard).toEqual([
      [1, 2, 4, 5, 7, 8],
      [0, 2, 3, 5, 6, 8],
      [0, 1, 3, 4, 6, 7],
    ]);
    await Promise.all(nodes.map((node) => node.close()));
  });

  it("keeps buses of other names apart", async () => {
    const clock = new VirtualClock();
    const [a, b] = await Promise.all([openLink("virtual:a", { clock }), openLink("virtual:b", { clock })]);
    let heard = 0;
    b.onFrame(() => heard++);
    await clock.drive(a.send(frame(1)));
    expect(heard).toBe(0);
    await Promise.all([a.close(), b.close()]);
  });

  it("passes frames at the pace that it is given", async () => {
    const clock = new VirtualClock();
    const [a, b] = [openVirtual("pace", clock, { bitrate: 500_000 }), openVirtual("pace", clock)];
    const times: number[] = [];
    b.onFrame((received) => times.push(received.at));
    await clock.drive(Promise.all(Array.from({ length: 1_000 }, () => a.send(frame(1)))));
    // Its bits at 2 µs each, less the one ms that the bus may run ahead.
    expect(times.at(-1)).toBeCloseTo(2 * frameBits(frame(1)).nominal - 1, 3);
    await Promise.all([a.close(), b.close()]);
  });

  it("an unplugged node hears of it once, and can send no more", async () => {
    const clock = new VirtualClock();
    const [a, b] = [openVirtual("plug", clock), openVirtual("plug", clock)];
    const ends: string[] = [];
    a.onClosed((error) => ends.push(error.message));
    b.onClosed((error) => ends.push(error.message));
    a.unplug();
    a.unplug();
    expect(ends).toHaveLength(1);
    await expect(a.send(frame(1))).rejects.toMatchObject({ code: "LINK_CLOSED" });
    unplugVirtual("plug");
    expect(ends).toHaveLength(2);
    await b.close();
    expect(ends).toHaveLength(2);
  });

  it("a frame that waits when its node is unplugged fails", async () => {
    const clock = new VirtualClock();
    const a = openVirtual("waiting", clock, { bitrate: 10_000 });
    const outcome = Promise.allSettled([a.send(frame(1)), a.send(frame(2))]);
    a.unplug();
    expect((await clock.drive(outcome)).map((result) => result.status)).toEqual(["rejected", "rejected"]);
  });
});
