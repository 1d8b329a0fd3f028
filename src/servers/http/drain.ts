/**
 * Ends an HTTP server without losing a request. First it goes on listening while clients are moved off: every answer says
 * `connection: close`. When the requests that were under way have their answers, it stops listening; what came in meanwhile is still
 * answered. What is left at the limit is cut off.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../shared/clock.js";
import type { ShutdownConfig } from "./config.js";

interface Connection {
  readonly socket: Socket;
  asked: boolean;
}

export class Drain {
  readonly #app: FastifyInstance;
  readonly #clock: Clock;
  readonly #timers: ShutdownConfig;
  /** By the peer's address and port: a TLS socket and the TCP socket below it have the same. */
  readonly #connections = new Map<string, Connection>();
  readonly #answers = new Set<ServerResponse>();
  #closing = false;
  #ended: Promise<void> | undefined;

  constructor(app: FastifyInstance, clock: Clock, timers: ShutdownConfig) {
    this.#app = app;
    this.#clock = clock;
    this.#timers = timers;
    app.server.on("connection", (socket: Socket) => {
      const name = nameOf(socket);
      this.#connections.set(name, { socket, asked: false });
      socket.once("close", () => this.#connections.delete(name));
    });
    app.server.prependListener("request", (request, response) => this.#begin(request, response));
  }

  /** Ends the server once, however often it is called; resolves when it is closed with all its hooks. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(nameOf(request.socket));
    if (connection !== undefined) connection.asked = true;
    this.#answers.add(response);
    if (this.#ended !== undefined) response.setHeader("connection", "close");
    response.once("close", () => {
      this.#answers.delete(response);
      // One whose head was on its way before the end began has left its connection open.
      if (this.#closing) setImmediate(() => this.#app.server.closeIdleConnections());
    });
  }

  async #end(): Promise<void> {
    const { notice, limit } = this.#timers;
    const over = new AbortController();
    const pause = (ms: number) => this.#clock.sleep(ms, over.signal).catch(() => undefined);
    for (const answer of this.#answers) if (!answer.headersSent) answer.setHeader("connection", "close");
    const cut = pause(limit);
    const moved = this.#connections.size === 0 ? undefined : pause(notice);
    await Promise.race([cut, Promise.all([moved, ...[...this.#answers].map(closed)])]);
    this.#closing = true;
    const ended = this.#app.close();
    void pause(notice).then(() => this.#cut(({ asked }) => !asked));
    void cut.then(() => this.#cut(() => true));
    try {
      await ended;
    } finally {
      over.abort();
    }
  }

  #cut(which: (connection: Connection) => boolean): void {
    for (const connection of this.#connections.values()) if (which(connection)) connection.socket.destroy();
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`;
}

function closed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => void response.once("close", resolve));
}
