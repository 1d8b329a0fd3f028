import { describe, expect, it } from "vitest";
import type { CanFrame, CanLink, LinkEvent, ReceivedFrame } from "../../../../src/ecu/link/link.js";
import { tapLink } from "../../../../src/ecu/link/tap.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { StationError } from "../../../../src/shared/errors.js";
import { Listeners } from "../../../../src/shared/listeners.js";

const frame = (id: number): CanFrame => ({ id, extended: false, data: Uint8Array.of(id & 255) });

/** A link whose confirmations and frames the test gives. */
function arrange() {
  const frames = new Listeners<[ReceivedFrame]>();
  const events = new Listeners<[LinkEvent]>();
  const closed = new Listeners<[Error]>();
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const link: CanLink = {
    url: "test:",
    maxPayload: 8,
    send: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })),
    onFrame: (listener) => frames.add(listener),
    onEvent: (listener) => events.add(listener),
    onClosed: (listener) => closed.add(listener),
    close: async () => undefined,
  };
  const clock = new VirtualClock();
  const told: string[] = [];
  const observer = {
    frame: (direction: string, { id }: CanFrame, at: number) => told.push(`${direction} ${id} ${at}`),
    event: (event: LinkEvent) => told.push(event.kind),
    failed: (what: string) => told.push(what),
  };
  return {
    link: tapLink(link, observer, clock),
    clock,
    told,
    arrive: (id: number) => frames.emit({ ...frame(id), at: clock.monotonic() }),
    confirm: () => waiting.shift()?.resolve(),
    refuse: (error: Error) => waiting.shift()?.reject(error),
    event: (event: LinkEvent) => events.emit(event),
    lose: (error: Error) => closed.emit(error),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("the tap of a link", () => {
  it("tells what is sent when it is confirmed, not when it is given", async () => {
    const { link, told, confirm, clock } = arrange();
    const sent = link.send(frame(1));
    await clock.advance(5);
    expect(told).toEqual([]);
    confirm();
    await sent;
    expect(told).toEqual(["tx 1 5"]);
  });

  it("tells a frame that comes by itself at once", () => {
    const { told, arrive } = arrange();
    arrive(2);
    arrive(3);
    expect(told).toEqual(["rx 2 0", "rx 3 0"]);
  });

  it("tells a confirmation before the answer that came in the same piece", async () => {
    const { link, told, arrive, confirm } = arrange();
    const sent = link.send(frame(1));
    confirm();
    arrive(2);
    arrive(3);
    await sent;
    await turn();
    expect(told).toEqual(["tx 1 0", "rx 2 0", "rx 3 0"]);
  });

  it("tells a frame that comes while something is being sent, in its place", async () => {
    const { link, told, arrive, confirm } = arrange();
    const sent = link.send(frame(1));
    arrive(2);
    await turn();
    confirm();
    await sent;
    expect(told).toEqual(["rx 2 0", "tx 1 0"]);
  });

  it("tells what came before a frame was given to the link before that frame", async () => {
    const { link, told, arrive, confirm } = arrange();
    const first = link.send(frame(1));
    confirm();
    arrive(2);
    const second = link.send(frame(3));
    confirm();
    await Promise.all([first, second]);
    await turn();
    expect(told).toEqual(["tx 1 0", "rx 2 0", "tx 3 0"]);
  });

  it("tells events, frames that were not sent, and the link's end", async () => {
    const { link, told, refuse, event, lose } = arrange();
    event({ kind: "bus-off" });
    const sent = link.send(frame(0x7e0));
    refuse(new StationError("LINK_BUS_OFF"));
    await expect(sent).rejects.toMatchObject({ code: "LINK_BUS_OFF" });
    lose(new Error("unplugged"));
    expect(told).toEqual([
      "bus-off",
      expect.stringMatching(/^a frame of 7E0 was not sent: The CAN bus is off/),
      "unplugged",
    ]);
  });

  it("keeps the bytes that were given, whatever the caller does with its buffer", async () => {
    const data = Uint8Array.of(1, 2, 3);
    const seen: Uint8Array[] = [];
    const { link } = { link: { ...arrange().link, send: async () => undefined } };
    const observer = {
      frame: (_: string, sent: CanFrame) => seen.push(sent.data),
      event: () => undefined,
      failed: () => undefined,
    };
    const sent = tapLink(link, observer, new VirtualClock()).send({ id: 1, extended: false, data });
    data.fill(0);
    await sent;
    expect(seen).toEqual([Uint8Array.of(1, 2, 3)]);
  });
});
