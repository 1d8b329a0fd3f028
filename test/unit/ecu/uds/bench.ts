/** A scripted transport: what the client sends is recorded with its time, answers come when the test says so. */

import type { DiagTransport, ReceivedMessage, SendOptions } from "../../../../src/ecu/transport/transport.js";
import { createUdsClient, type RequestOptions, type UdsOptions } from "../../../../src/ecu/uds/client.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { isStationError } from "../../../../src/shared/errors.js";

export class ScriptedTransport implements DiagTransport {
  readonly maxMessage = 4_095;
  readonly sent: { hex: string; at: number }[] = [];
  /** ms from a request until its last frame is confirmed. */
  sending = 0;
  /** Called at each confirmation with the request. */
  answer: (request: string) => void = () => undefined;
  failure: Error | undefined;
  #message: (message: ReceivedMessage) => void = () => undefined;
  #start: (length: number) => void = () => undefined;
  #error: (error: Error) => void = () => undefined;
  #closed: (error: Error) => void = () => undefined;
  listeners = 0;
  underWay = 0;
  overlaps = 0;

  constructor(readonly clock: VirtualClock) {}

  async send(data: Uint8Array, { signal }: SendOptions = {}): Promise<number> {
    if (this.failure !== undefined) throw this.failure;
    if (++this.underWay > 1) this.overlaps++;
    this.sent.push({ hex: toHex(data), at: this.clock.monotonic() });
    try {
      if (this.sending > 0) await this.clock.sleep(this.sending, signal);
    } finally {
      this.underWay--;
    }
    this.answer(toHex(data));
    return this.clock.monotonic();
  }

  say(hex: string): void {
    this.#message({ data: fromHex(hex), functional: false, at: this.clock.monotonic() });
  }

  begin(length: number): void {
    this.#start(length);
  }

  fail(error: Error): void {
    this.#error(error);
  }

  unplug(error: Error): void {
    this.failure = error;
    this.#closed(error);
  }

  #on(): () => void {
    this.listeners++;
    return () => this.listeners--;
  }

  onMessage(listener: (message: ReceivedMessage) => void): () => void {
    this.#message = listener;
    return this.#on();
  }

  onStart(listener: (length: number) => void): () => void {
    this.#start = listener;
    return this.#on();
  }

  onError(listener: (error: Error) => void): () => void {
    this.#error = listener;
    return this.#on();
  }

  onClosed(listener: (error: Error) => void): () => void {
    this.#closed = listener;
    return this.#on();
  }

  close(): void {}
}

export const OPTIONS: UdsOptions = {
  P2: 50,
  P2star: 5_000,
  S3: 5_000,
  margin: 10,
  maxResponsePending: 3,
  requestLimit: 30_000,
  busyRepeats: 2,
  busyDelay: 100,
};

export function bench(options: Partial<UdsOptions> = {}) {
  const clock = new VirtualClock();
  const transport = new ScriptedTransport(clock);
  const client = createUdsClient(transport, { ...OPTIONS, ...options }, clock);
  return {
    clock,
    transport,
    client,
    get wire() {
      return transport.sent.map((sent) => sent.hex);
    },
    /** Starts a request; the answer tells how and when it went. */
    ask(hex: string, requestOptions?: RequestOptions) {
      const outcome: { hex?: string; code?: string; details?: unknown; at?: number } = {};
      client.request(fromHex(hex), requestOptions).then(
        (response) => Object.assign(outcome, { hex: toHex(response), at: clock.monotonic() }),
        (error: unknown) =>
          Object.assign(outcome, {
            code: isStationError(error) ? error.code : String(error),
            ...(isStationError(error) ? { details: error.details } : {}),
            at: clock.monotonic(),
          }),
      );
      return outcome;
    },
    /** The ECU says something after `ms`. */
    async say(ms: number, ...responses: string[]) {
      await clock.advance(ms);
      for (const response of responses) {
        transport.say(response);
        await clock.advance(0);
      }
    },
  };
}
