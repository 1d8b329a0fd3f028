import { describe, expect, it } from "vitest";
import type { LinkEvent } from "../../../../src/ecu/link/link.js";
import { ADAPTERS } from "../../../../src/ecu/link/slcan/adapters.js";
import { SlcanHost } from "../../../../src/ecu/link/slcan/host.js";
import type { ByteStream } from "../../../../src/ecu/link/stream.js";
import { ascii, fromAscii } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

/** An adapter that answers each line as `say` has it. */
class Adapter implements ByteStream {
  readonly name = "adapter";
  readonly lines: string[] = [];
  closed = 0;
  #data: (chunk: Uint8Array) => void = () => undefined;
  ended: (error: Error) => void = () => undefined;

  constructor(public say: (line: string, nth: number) => string) {}

  write(bytes: Uint8Array): Promise<void> {
    for (const line of fromAscii(bytes).split("\r").slice(0, -1)) {
      this.lines.push(line);
      const answer = this.say(line, this.lines.filter((other) => other === line).length);
      queueMicrotask(() => this.#data(ascii(answer)));
    }
    return Promise.resolve();
  }

  speak(text: string): void {
    this.#data(ascii(text));
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#data = listener;
  }

  onClosed(listener: (error: Error) => void): void {
    this.ended = listener;
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

function bench(say: (line: string, nth: number) => string, name = "auto", fd?: { dataBitrateCommand: string }) {
  const clock = new VirtualClock();
  const adapter = new Adapter(say);
  const kind = ADAPTERS.get(name);
  if (kind === undefined) throw new Error(`no adapter ${name}`);
  const opening = SlcanHost.open(adapter, { url: "slcan:x", adapter: kind, bitrateCommand: "S6", ...fd }, clock);
  opening.catch(() => undefined);
  return { clock, adapter, open: () => clock.drive(opening) };
}

const frame = { id: 0x7e0, extended: false, data: Uint8Array.of(1) };

describe("opening an adapter", () => {
  it("closes a channel that a killed program left open, half a line included", async () => {
    // "t12" + "C" is refused, then S6 and O are, because the channel is open; the second round finds it closed.
    let open = true;
    const b = bench((line, nth) => {
      if (line === "C" && nth === 1) return "\x07";
      if (line === "C") open = false;
      return open ? "\x07" : "\r";
    });
    await b.open();
    expect(b.adapter.lines).toEqual(["C", "S6", "O", "C", "S6", "O"]);
  });

  it.each([
    ["S6", "the adapter refused S6"],
    ["O", "the adapter refused to open its channel"],
  ])("says that %s was refused, and lets go of the device", async (refused, what) => {
    const b = bench((line) => (line === refused ? "\x07" : "\r"));
    await expect(b.open()).rejects.toMatchObject({
      code: "LINK_OPEN_FAILED",
      message: expect.stringContaining(what),
    });
    expect(b.adapter.lines.at(-1)).toBe("C");
    expect(b.adapter.closed).toBe(1);
  });

  it("sets the data rate of CAN FD before it opens", async () => {
    for (const name of ["auto", "weact", "canable2"]) {
      const b = bench(() => (name === "canable2" ? "" : "\r"), name, { dataBitrateCommand: "Y2" });
      const link = await b.open();
      expect(b.adapter.lines).toEqual(["C", "S6", "Y2", "O"]);
      expect(link.maxPayload).toBe(64);
    }
  });

  it.each([
    ["refuses the data rate", (line: string) => (line === "Y2" ? "\x07" : "\r"), "the adapter refused Y2"],
    ["does not say whether it has CAN FD", () => "", "does not say whether it has CAN FD"],
  ])("fails with CAN FD on an unknown adapter that %s", async (_, say, what) => {
    const b = bench(say, "auto", { dataBitrateCommand: "Y2" });
    await expect(b.open()).rejects.toMatchObject({ code: "LINK_OPEN_FAILED", message: expect.stringContaining(what) });
    expect(b.adapter.closed).toBe(1);
  });

  it("never probes with X, nor with a bare CR", async () => {
    for (const name of ADAPTERS.keys()) {
      const b = bench(() => "\r", name);
      const link = await b.open();
      await link.close();
      expect(b.adapter.lines.every((line) => /^(C|S6|O)$/.test(line))).toBe(true);
    }
  });

  it("takes frames of a running bus for what they are", async () => {
    const b = bench((line) => (line === "O" ? "t1230\r\rt1231FF\r" : "t1230\r\r"));
    const link = await b.open();
    const heard: number[] = [];
    link.onFrame((received) => heard.push(received.data.length));
    b.adapter.speak("t12");
    b.adapter.speak("32AABB\r");
    expect(heard).toEqual([2]);
  });
});

describe("sending by an adapter", () => {
  it("waits for the acknowledgement where the opening commands were acknowledged", async () => {
    const b = bench((line) => (line.startsWith("t") ? "" : "\r"));
    const link = await b.open();
    let done = false;
    const sent = link.send(frame).then(() => {
      done = true;
    });
    await b.clock.advance(10);
    expect(done).toBe(false);
    b.adapter.speak("z\r");
    await sent;
    await link.close();
    expect(b.clock.pending).toBe(0);
  });

  it("fails after a second without acknowledgement, each frame by its own time", async () => {
    const b = bench((line) => (line.startsWith("t") ? "" : "\r"));
    const link = await b.open();
    const times: [string, number][] = [];
    const send = () =>
      link.send(frame).catch((error: { code: string }) => {
        times.push([error.code, b.clock.monotonic()]);
      });
    void send();
    await b.clock.advance(400);
    void send();
    await b.clock.advance(2_000);
    expect(times).toEqual([
      ["LINK_SEND_FAILED", 1_000],
      ["LINK_SEND_FAILED", 1_400],
    ]);
  });

  it("counts acknowledgements in order: the second frame of three refused", async () => {
    const b = bench((line) => (line.startsWith("t") ? "" : "\r"));
    const link = await b.open();
    const results = Promise.allSettled([link.send(frame), link.send(frame), link.send(frame)]);
    b.adapter.speak("z\r\x07z\r");
    expect((await results).map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("asks for the status after a refusal, and the next frame's acknowledgement is its own", async () => {
    const b = bench((line, nth) => (line === "F" ? "F24\r" : line.startsWith("t") && nth === 1 ? "\x07" : "\r"));
    const link = await b.open();
    const events: LinkEvent[] = [];
    link.onEvent((event) => events.push(event));
    await expect(link.send(frame)).rejects.toMatchObject({ code: "LINK_SEND_FAILED" });
    await link.send(frame);
    expect(b.adapter.lines.slice(3)).toEqual(["t7E0101", "F", "t7E0101"]);
    expect(events).toEqual([{ kind: "warning", text: "the adapter reports errorWarning, errorPassive" }]);
    await link.close();
    expect(b.clock.pending).toBe(0);
  });

  it("does not wait where nothing is acknowledged, and tells of a late refusal", async () => {
    const b = bench(() => "", "canable2");
    const link = await b.open();
    const events: LinkEvent[] = [];
    link.onEvent((event) => events.push(event));
    await link.send(frame);
    b.adapter.speak("\x07");
    expect(events).toEqual([{ kind: "warning", text: "the adapter refused a frame" }]);
    expect(b.clock.pending).toBe(0);
  });

  it("refuses CAN FD where the adapter has none, and frames that do not exist", async () => {
    const b = bench(() => "\r");
    const link = await b.open();
    await expect(link.send({ ...frame, fd: true })).rejects.toMatchObject({ code: "LINK_SEND_FAILED" });
    await expect(link.send({ ...frame, id: 0x800 })).rejects.toMatchObject({ code: "LINK_SEND_FAILED" });
  });

  it("ends everything that waits when the device goes", async () => {
    const b = bench((line) => (line.startsWith("t") ? "" : "\r"));
    const link = await b.open();
    const ends: Error[] = [];
    link.onClosed((error) => ends.push(error));
    const results = Promise.allSettled([link.send(frame), link.send(frame)]);
    b.adapter.ended(new Error("unplugged"));
    expect((await results).map((result) => result.status === "rejected" && String(result.reason))).toEqual([
      "Error: unplugged",
      "Error: unplugged",
    ]);
    expect(ends).toHaveLength(1);
    expect(b.clock.pending).toBe(0);
  });
});

describe("what an adapter says", () => {
  it("damaged lines and its status are events, never frames", async () => {
    const b = bench(() => "\r");
    const link = await b.open();
    const events: LinkEvent[] = [];
    let frames = 0;
    link.onEvent((event) => events.push(event));
    link.onFrame(() => frames++);
    b.adapter.speak("t12\rF80\rF08\rF00\rV1013\rt1230\r");
    expect(frames).toBe(1);
    expect(events).toEqual([
      { kind: "warning", text: "a damaged line from the adapter was skipped" },
      { kind: "warning", text: "the adapter reports busError" },
      { kind: "warning", text: "the adapter reports overrun" },
    ]);
  });
});
