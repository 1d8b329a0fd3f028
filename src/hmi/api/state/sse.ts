/** Server-sent events (WHATWG HTML 9.2): one stream of one reader. */
import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";

/** Bytes that may wait for a reader; one that is further behind is let go, and comes back by itself. */
const MOST_WAITING = 1_048_576;
/** ms after which a browser comes back. */
const RETRY = 1_000;

/** One event as text. @param data JSON, without a line end */
export function eventText(event: string, data: string, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}

export class EventReader {
  readonly #response: ServerResponse;
  /** When the reader went away, or was let go. */
  readonly gone: Promise<void>;

  /** Takes the answer over from Fastify; headers that were set on it go out. */
  constructor(reply: FastifyReply) {
    reply.hijack();
    this.#response = reply.raw;
    // A reader may be gone before its request was looked at, and is then told of no more.
    this.gone = this.#response.destroyed
      ? Promise.resolve()
      : new Promise((resolve) => void this.#response.once("close", resolve));
    this.#response.on("error", () => undefined);
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) this.#response.setHeader(name, value);
    this.#response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      connection: "keep-alive",
    });
    this.#response.write(`retry: ${RETRY}\n\n`);
  }

  send(text: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    this.#response.write(text);
    if (this.#response.writableLength > MOST_WAITING) this.#response.destroy();
  }

  end(): void {
    this.#response.end();
  }
}
