/** TCP as a byte stream, both ways. */
import { createServer, connect as netConnect, type Server, type Socket } from "node:net";
import type { Clock } from "../../shared/clock.js";
import { describe, StationError } from "../../shared/errors.js";
import { Listeners } from "../../shared/listeners.js";
import type { ByteStream } from "./stream.js";

/** Idle ms after which the operating system asks whether the peer still lives. */
const KEEPALIVE_MS = 1_000;
/** Most ms that a closing socket may take to say good-bye before it is cut. */
const LINGER_MS = 500;

class TcpStream implements ByteStream {
  readonly name: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #data: (chunk: Uint8Array) => void = () => undefined;
  #ended: (error: Error) => void = () => undefined;
  #closing: Promise<void> | undefined;
  #gone: Error | undefined;
  #why = "the connection was closed";

  constructor(socket: Socket, name: string, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.name = name;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
    socket.on("error", (error) => {
      this.#why = describe(error);
    });
    // A peer that has closed its side will never answer again: that is the end of an adapter.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#gone = new StationError("LINK_CLOSED", { details: { what: `${name}: ${this.#why}` } });
      if (this.#closing === undefined) this.#ended(this.#gone);
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    // Frames and acknowledgements made in one turn leave in one segment.
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => {
        if (error) reject(this.#gone ?? closed(this.name, error));
        else resolve();
      });
    });
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    this.#data = listener;
  }

  onClosed(listener: (error: Error) => void): void {
    this.#ended = listener;
    if (this.#gone !== undefined && this.#closing === undefined) listener(this.#gone);
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.#gone !== undefined) {
        resolve();
        return;
      }
      const limit = this.#clock.timer(LINGER_MS, () => this.#socket.destroy());
      this.#socket.once("close", () => {
        limit.cancel();
        resolve();
      });
      // The peer's own end follows ours; cutting the connection before could take the last bytes with it.
      this.#socket.end();
    });
    return this.#closing;
  }
}

function closed(name: string, cause: unknown): StationError {
  return new StationError("LINK_CLOSED", { details: { what: `${name}: ${describe(cause)}` }, cause });
}

/** @throws StationError LINK_OPEN_FAILED */
export function connectTcp(host: string, port: number, clock: Clock, signal?: AbortSignal): Promise<TcpStream> {
  return connect(() => netConnect({ host, port }), `${host}:${port}`, clock, signal);
}

/** A socket of the file system. @throws StationError LINK_OPEN_FAILED */
export function connectUnix(path: string, clock: Clock, signal?: AbortSignal): Promise<TcpStream> {
  return connect(() => netConnect({ path }), path, clock, signal);
}

function connect(open: () => Socket, name: string, clock: Clock, signal: AbortSignal | undefined): Promise<TcpStream> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const socket = open();
    const onAbort = () => {
      socket.destroy();
      reject(signal?.reason);
    };
    const onError = (error: Error) => {
      signal?.removeEventListener("abort", onAbort);
      reject(new StationError("LINK_OPEN_FAILED", { details: { what: `${name}: ${describe(error)}` }, cause: error }));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("error", onError);
    socket.once("connect", () => {
      signal?.removeEventListener("abort", onAbort);
      socket.removeListener("error", onError);
      resolve(new TcpStream(socket, name, clock));
    });
  });
}

export interface TcpListener {
  /** The port that is really listened on. */
  readonly port: number;
  readonly onClient: Listeners<[TcpStream]>;
  onClosed(listener: (error: Error) => void): void;
  close(): Promise<void>;
}

/** @param port 0 picks a free one. @throws StationError LINK_OPEN_FAILED */
export async function listenTcp(host: string, port: number, clock: Clock): Promise<TcpListener> {
  const onClient = new Listeners<[TcpStream]>();
  const clients = new Set<TcpStream>();
  const server: Server = createServer((socket) => {
    const stream = new TcpStream(socket, `${socket.remoteAddress}:${socket.remotePort}`, clock);
    clients.add(stream);
    socket.once("close", () => clients.delete(stream));
    onClient.emit(stream);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new StationError("LINK_OPEN_FAILED", {
          details: { what: `${host}:${port}: ${describe(error)}` },
          cause: error,
        }),
      ),
    );
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  let ended: (error: Error) => void = () => undefined;
  server.on("error", (error) => ended(closed(`${host}:${port}`, error)));
  let closing: Promise<void> | undefined;
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    onClient,
    onClosed: (listener) => {
      ended = listener;
    },
    close: () => {
      closing ??= (async () => {
        const done = new Promise<void>((resolve) => server.close(() => resolve()));
        await Promise.all([...clients].map((client) => client.close()));
        await done;
      })();
      return closing;
    },
  };
}
