import { expect, it } from "vitest";
import { adapterOverTcp } from "../../../../src/ecu/link/slcan/adapter-link.js";
import type { TcpListener } from "../../../../src/ecu/link/tcp.js";
import { ascii, fromAscii } from "../../../../src/shared/bytes.js";
import { breathe, VirtualClock } from "../../../../src/shared/clock.js";
import { Listeners } from "../../../../src/shared/listeners.js";

type TcpStream = TcpListener["onClient"] extends Listeners<[infer Stream]> ? Stream : never;

/** A host's stream; while it is deaf, nothing that is written leaves this machine. */
class Host {
  deaf = false;
  heard: string[] = [];
  say: (text: string) => void = () => undefined;
  #held: (() => void)[] = [];

  write(bytes: Uint8Array): Promise<void> {
    this.heard.push(fromAscii(bytes));
    return this.deaf ? new Promise((resolve) => this.#held.push(resolve)) : Promise.resolve();
  }

  hears(): void {
    this.deaf = false;
    for (const resolve of this.#held.splice(0)) resolve();
  }

  get stream(): TcpStream {
    const stream = {
      name: "host",
      write: (bytes: Uint8Array) => this.write(bytes),
      onData: (listener: (chunk: Uint8Array) => void) => {
        this.say = (text) => listener(ascii(text));
      },
      onClosed: () => undefined,
      close: async () => undefined,
    };
    // Of a TCP stream the adapter uses these alone.
    return stream as unknown as TcpStream;
  }
}

it("a host that does not read loses frames, and keeps the bus from nobody else for longer than a moment", async () => {
  const clock = new VirtualClock();
  const onClient = new Listeners<[TcpStream]>();
  const listener: TcpListener = { port: 1, onClient, onClosed: () => undefined, close: async () => undefined };
  const bus = adapterOverTcp(listener, "slcan://127.0.0.1:1", { url: "slcan:", fd: false, pace: undefined }, clock);
  const [reader, logger] = [new Host(), new Host()];
  for (const host of [reader, logger]) {
    onClient.emit(host.stream);
    host.say("O\r");
  }
  logger.deaf = true;
  const frame = { id: 0x7e8, extended: false, data: Uint8Array.of(1) };
  const first = bus.send(frame);
  await clock.advance(101);
  // The answer that was under way waits for its own limit; what comes behind it does not.
  await bus.send(frame);
  await bus.send(frame);
  const frames = (host: Host) => host.heard.join("").match(/t7E8101/g)?.length ?? 0;
  expect([frames(reader), frames(logger)]).toEqual([3, 1]);
  logger.hears();
  await first;
  await breathe();
  await bus.send(frame);
  expect([frames(reader), frames(logger)]).toEqual([4, 2]);
  await bus.close();
});
