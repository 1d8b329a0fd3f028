import { describe, expect, it } from "vitest";
import type { LinkEvent, ReceivedFrame } from "../../../../src/ecu/link/link.js";
import type { Addon, AddonChannel, AddonMessage } from "../../../../src/ecu/link/socketcan/addon.js";
import { SocketCanLink, type SocketCanOptions } from "../../../../src/ecu/link/socketcan/link.js";
import type { Netdev } from "../../../../src/ecu/link/socketcan/netdev.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

/** A kernel with one interface; its sockets behave as those of the addon do. */
class Kernel implements Addon {
  netdev: Netdev | undefined = { index: 3, up: true, carrier: true, fd: true };
  /** Frames the queue has room for; those that are sent are echoed at once. */
  room = Number.POSITIVE_INFINITY;
  echo = true;
  readonly sent: AddonMessage[] = [];
  readonly sockets: { filtered: boolean; message?: (message: AddonMessage) => void; stopped?: () => void }[] = [];

  createRawChannelWithOptions(): AddonChannel {
    const socket: Kernel["sockets"][number] = { filtered: false };
    this.sockets.push(socket);
    const send = (message: AddonMessage) => {
      if (this.netdev?.up !== true || this.room <= 0) return -1;
      this.room--;
      this.sent.push(message);
      if (this.echo) queueMicrotask(() => this.hear(message, socket));
      return 16;
    };
    return {
      addListener: (event: string, listener: (message: never) => void) => {
        if (event === "onMessage") socket.message = listener as (message: AddonMessage) => void;
        else socket.stopped = listener as () => void;
      },
      start: () => undefined,
      stop: () => socket.stopped?.(),
      send,
      sendFD: send,
      setRxFilters: () => {
        socket.filtered = true;
      },
      setErrorFilters: () => undefined,
    };
  }

  /** A frame on the bus: all sockets get it but the one that sent it. */
  hear(message: AddonMessage, from?: object): void {
    for (const socket of this.sockets) if (socket !== from && !socket.filtered) socket.message?.(message);
  }

  down(): void {
    if (this.netdev !== undefined) this.netdev = { ...this.netdev, up: false, carrier: false };
    for (const socket of this.sockets.splice(0)) socket.stopped?.();
  }
}

async function bench(options: Partial<SocketCanOptions> = {}) {
  const clock = new VirtualClock();
  const kernel = new Kernel();
  const system = { addon: kernel, netdev: () => Promise.resolve(kernel.netdev), clock };
  const link = await SocketCanLink.open({ url: "socketcan:can0", name: "can0", fd: false, ...options }, system);
  const frames: ReceivedFrame[] = [];
  const events: LinkEvent[] = [];
  const ends: unknown[] = [];
  link.onFrame((frame) => frames.push(frame));
  link.onEvent((event) => events.push(event));
  link.onClosed((error) => ends.push((error as { code?: string }).code));
  return { clock, kernel, link, frames, events, ends };
}

const frame = { id: 0x7e0, extended: false, data: Uint8Array.of(1, 2) };
const message = (id: number, ...data: number[]): AddonMessage => ({ id, data: Buffer.from(data) });

describe("a frame over SocketCAN", () => {
  it("is confirmed by its echo, which is not handed on as a frame", async () => {
    const { kernel, link, frames } = await bench();
    kernel.echo = false;
    let confirmed = false;
    const sending = link.send(frame).then(() => {
      confirmed = true;
    });
    kernel.hear(message(0x7e8, 5));
    await Promise.resolve();
    expect(confirmed).toBe(false);
    kernel.hear(message(0x7e0, 1, 2));
    await sending;
    expect(frames.map(({ id }) => id)).toEqual([0x7e8]);
    await link.close();
  });

  it("fails where no confirmation comes within the limit", async () => {
    const { clock, kernel, link } = await bench();
    kernel.echo = false;
    const began = clock.monotonic();
    await expect(clock.drive(link.send(frame))).rejects.toMatchObject({ code: "LINK_SEND_FAILED" });
    expect(clock.monotonic() - began).toBe(1_000);
  });

  it("waits for room in the kernel's queue, and fails where there is none within the limit", async () => {
    const { clock, kernel, link } = await bench();
    kernel.room = 0;
    const sending = link.send(frame);
    await clock.advance(300);
    kernel.room = 1;
    await clock.drive(sending);
    const refused = link.send(frame);
    await expect(clock.drive(refused)).rejects.toMatchObject({ message: expect.stringContaining("was full") });
  });

  it("waits until fewer than 64 before it are unconfirmed, and leaves in its turn", async () => {
    const { kernel, link } = await bench();
    kernel.echo = false;
    const sending = Array.from({ length: 100 }, (_, i) => link.send({ ...frame, data: Uint8Array.of(i) }));
    expect(kernel.sent).toHaveLength(64);
    for (let i = 0; i < 100; i++) kernel.hear(message(0x7e0, i));
    await Promise.all(sending);
    expect(kernel.sent.map(({ data }) => data[0])).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it.each([
    [{ ...frame, data: new Uint8Array(9) }, /no frame has 9 bytes/],
    [{ ...frame, data: new Uint8Array(9), fd: true }, /no frame has 9 bytes/],
    [{ ...frame, data: new Uint8Array(65), fd: true }, /no frame has 65 bytes/],
    [{ ...frame, id: 0x800 }, /no 11-bit identifier/],
    [{ ...frame, id: 0x2000_0000, extended: true }, /no 29-bit identifier/],
  ])("that no frame can be never reaches the addon: %j", async (bad, what) => {
    const { kernel, link } = await bench();
    await expect(link.send(bad)).rejects.toMatchObject({
      code: "LINK_SEND_FAILED",
      message: expect.stringMatching(what),
    });
    expect(kernel.sent).toEqual([]);
  });
});

describe("an interface", () => {
  it("that goes down ends the link and every frame on its way", async () => {
    const { clock, kernel, link, ends } = await bench();
    kernel.echo = false;
    const sending = link.send(frame);
    kernel.down();
    await expect(clock.drive(sending)).rejects.toMatchObject({ code: "LINK_INTERFACE_DOWN" });
    expect(ends).toEqual(["LINK_INTERFACE_DOWN"]);
    await expect(link.send(frame)).rejects.toMatchObject({ code: "LINK_INTERFACE_DOWN" });
    expect(clock.pending).toBe(1);
  });

  it("that is removed without a word is seen within half a second", async () => {
    const { clock, kernel, ends } = await bench({ recovery: 60_000 });
    kernel.netdev = undefined;
    await clock.advance(500);
    expect(ends).toEqual(["LINK_INTERFACE_MISSING"]);
  });

  it("that comes back in time has a new channel, as one that was made anew has", async () => {
    const { clock, kernel, link, events, ends } = await bench({ recovery: 5_000 });
    kernel.down();
    await clock.advance(4_000);
    kernel.netdev = { index: 3, up: true, carrier: true, fd: true };
    await clock.advance(500);
    await link.send(frame);
    kernel.netdev = { index: 4, up: true, carrier: true, fd: true };
    await clock.advance(1_000);
    await link.send(frame);
    expect(events.map(({ kind }) => kind)).toEqual(["warning", "restarted", "warning", "restarted"]);
    expect(ends).toEqual([]);
    await link.close();
  });

  it("that stays away ends the link when its time is over", async () => {
    const { clock, kernel, ends } = await bench({ recovery: 5_000 });
    kernel.down();
    await clock.advance(4_900);
    expect(ends).toEqual([]);
    await clock.advance(600);
    expect(ends).toEqual(["LINK_INTERFACE_DOWN"]);
  });

  it("without carrier is bus-off, which lasts until the carrier is back", async () => {
    const { clock, kernel, link, events } = await bench({ recovery: 60_000 });
    kernel.netdev = { index: 3, up: true, carrier: false, fd: true };
    kernel.hear({ ...message(0x40, 0, 0, 0, 0, 0, 0, 0, 0), err: true });
    expect(events).toEqual([{ kind: "bus-off" }]);
    await clock.advance(20_000);
    await expect(link.send(frame)).rejects.toMatchObject({ code: "LINK_BUS_OFF" });
    kernel.netdev = { index: 3, up: true, carrier: true, fd: true };
    await clock.advance(500);
    expect(events).toEqual([{ kind: "bus-off" }, { kind: "restarted" }]);
    await link.send(frame);
    await link.close();
  });

  it("that is down when a link opens gets some time", async () => {
    const clock = new VirtualClock();
    const kernel = new Kernel();
    const system = { addon: kernel, netdev: () => Promise.resolve(kernel.netdev), clock };
    kernel.netdev = { index: 3, up: true, carrier: false, fd: true };
    const open = () => clock.drive(SocketCanLink.open({ url: "socketcan:can0", name: "can0", fd: true }, system));
    await expect(open()).rejects.toMatchObject({ code: "LINK_BUS_OFF" });
    kernel.netdev = { index: 3, up: false, carrier: false, fd: true };
    await expect(open()).rejects.toMatchObject({ code: "LINK_INTERFACE_DOWN" });
    kernel.netdev = { index: 3, up: true, carrier: true, fd: false };
    await expect(open()).rejects.toMatchObject({ code: "LINK_INTERFACE_CLASSIC" });
    kernel.netdev = undefined;
    await expect(open()).rejects.toMatchObject({ code: "LINK_INTERFACE_MISSING" });
  });
});

describe("error frames", () => {
  it("are events, never frames, whatever they say", async () => {
    const { kernel, link, frames, events } = await bench();
    kernel.hear({ ...message(0x024, 0, 0x21, 0, 0, 0, 0, 0, 0), err: true });
    kernel.hear({ ...message(0x100), err: true });
    kernel.hear({ ...message(0x200), err: true });
    expect(events).toEqual([
      { kind: "warning", text: "receive buffer overrun, error passive (sending), nobody acknowledged a frame" },
      { kind: "restarted" },
    ]);
    expect(frames).toEqual([]);
    await link.close();
  });
});
