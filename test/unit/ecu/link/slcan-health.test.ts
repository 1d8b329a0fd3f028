import { describe, expect, it } from "vitest";
import type { LinkEvent } from "../../../../src/ecu/link/link.js";
import { ADAPTERS } from "../../../../src/ecu/link/slcan/adapters.js";
import { SlcanHost } from "../../../../src/ecu/link/slcan/host.js";
import type { ByteStream } from "../../../../src/ecu/link/stream.js";
import { ascii, fromAscii } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

const frame = { id: 0x7e0, extended: false, data: Uint8Array.of(1) };

/** An adapter that answers each line as `answer` has it, and a link to it. */
async function bench(answer: { say: (line: string) => string }) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  let data: (chunk: Uint8Array) => void = () => undefined;
  const stream: ByteStream = {
    name: "adapter",
    write: (bytes) => {
      for (const line of fromAscii(bytes).split("\r").slice(0, -1)) {
        lines.push(line);
        const text = answer.say(line);
        if (text !== "") queueMicrotask(() => data(ascii(text)));
      }
      return Promise.resolve();
    },
    onData: (listener) => {
      data = listener;
    },
    onClosed: () => undefined,
    close: () => Promise.resolve(),
  };
  const adapter = ADAPTERS.get("lawicel");
  if (adapter === undefined) throw new Error("no adapter");
  const link = await clock.drive(SlcanHost.open(stream, { url: "slcan:x", adapter, bitrateCommand: "S6" }, clock));
  const events: LinkEvent[] = [];
  const ends: [code: string, at: number][] = [];
  link.onEvent((event) => events.push(event));
  link.onClosed((error) => ends.push([(error as { code?: string }).code ?? "", clock.monotonic()]));
  return { clock, lines, link, events, ends, speak: (text: string) => data(ascii(text)) };
}

const healthy = (line: string): string => (line === "F" ? "F00\r" : line.startsWith("t") ? "z\r" : "\r");

describe("the look at an adapter's status", () => {
  it("ends the link 6 s after the last byte of an adapter that answered before", async () => {
    const adapter = { say: healthy };
    const b = await bench(adapter);
    await b.clock.advance(5_000);
    expect(b.ends).toEqual([]);
    const since = b.clock.monotonic();
    adapter.say = () => "";
    await b.clock.advance(7_000);
    expect(b.ends.map(([code]) => code)).toEqual(["LINK_CLOSED"]);
    const after = (b.ends[0]?.[1] ?? 0) - since;
    expect(after).toBeGreaterThan(5_800);
    expect(after).toBeLessThan(6_200);
    await expect(b.link.send(frame)).rejects.toMatchObject({ message: expect.stringContaining("no longer answers") });
  });

  it("lets an adapter be silent for P2*, as one does that shares its thread with a slow ECU", async () => {
    const adapter = { say: healthy };
    const b = await bench(adapter);
    for (let round = 0; round < 3; round++) {
      adapter.say = () => "";
      await b.clock.advance(5_500);
      adapter.say = healthy;
      await b.clock.advance(1_500);
    }
    expect(b.ends).toEqual([]);
    await b.link.send(frame);
    await b.link.close();
  });

  it.each([
    ["a refusal", "\x07"],
    ["a bare CR", "\r"],
    ["nothing", ""],
  ])("is given up where the first is answered by %s", async (_, said) => {
    const b = await bench({ say: (line) => (line === "F" ? said : healthy(line)) });
    await b.clock.advance(10_000);
    expect(b.lines.filter((line) => line === "F")).toHaveLength(1);
    expect(b.ends).toEqual([]);
    await b.clock.drive(b.link.send(frame));
    await b.link.close();
  });

  it("takes no acknowledgement from a frame whose `F` before it was not answered", async () => {
    const b = await bench({ say: (line) => (line === "F" ? "" : healthy(line)) });
    await b.clock.advance(310);
    expect(b.lines.at(-1)).toBe("F");
    await b.link.send(frame);
    await b.link.close();
  });

  it("says an overrun once, as long as it lasts", async () => {
    const b = await bench({ say: (line) => (line === "F" ? "F08\r" : healthy(line)) });
    await b.clock.advance(3_000);
    expect(b.events).toEqual([{ kind: "warning", text: "the adapter reports overrun" }]);
    await b.link.close();
  });
});

describe("an adapter whose controller is off the bus", () => {
  it("is closed and opened again, and works", async () => {
    const adapter = { say: (line: string) => (line === "F" ? "F86\r" : healthy(line)) };
    const b = await bench(adapter);
    await b.clock.advance(610);
    adapter.say = healthy;
    await b.clock.advance(2_000);
    expect(b.events.map(({ kind }) => kind)).toEqual(["warning", "bus-off", "restarted"]);
    expect(b.lines.slice(3).filter((line) => line !== "F")).toEqual(["C", "S6", "O"]);
    await b.link.send(frame);
    expect(b.ends).toEqual([]);
    await b.link.close();
  });

  it("ends the link where that helped three times not", async () => {
    const b = await bench({ say: (line) => (line === "F" ? "F86\r" : healthy(line)) });
    await b.clock.advance(10_000);
    expect(b.events.map(({ kind }) => kind).filter((kind) => kind !== "warning")).toEqual([
      ...["bus-off", "restarted", "bus-off", "restarted", "bus-off", "restarted"],
      "bus-off",
    ]);
    expect(b.ends.map(([code]) => code)).toEqual(["LINK_BUS_OFF"]);
  });

  it("is left alone while frames of others come", async () => {
    const b = await bench({ say: (line) => (line === "F" ? "F86\r" : healthy(line)) });
    for (let i = 0; i < 20; i++) {
      await b.clock.advance(200);
      b.speak("t7E80\r");
    }
    expect(b.events.map(({ kind }) => kind)).toEqual(["warning"]);
    await b.link.close();
  });
});
