/** HTTP over TLS byte by byte, so that also what no HTTP library would send can be sent. */
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { Case } from "./http-cases.js";
import type { Answered } from "./judge.js";

export interface RawTarget extends Pick<ConnectionOptions, "ca" | "cert" | "key"> {
  readonly host: string;
  readonly port: number;
}

/** The bytes of a case; headers and path stand there as they are, but for line ends. */
export function rawRequest({ method, url, headers, body }: Case): Buffer {
  const bytes = body === undefined ? undefined : Buffer.from(body as string);
  const lines = [
    `${method} ${url} HTTP/1.1`,
    "host: 127.0.0.1",
    ...headers.map(([name, value]) => `${name}: ${value.replace(/[\r\n\0]/g, "")}`),
    ...(bytes === undefined ? [] : [`content-length: ${bytes.length}`]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes ?? Buffer.alloc(0)]);
}

/** One connection, made anew where the server ended it. */
export class RawConnection {
  #socket: TLSSocket | undefined;
  #read = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(private readonly target: RawTarget) {}

  /**
   * Sends bytes and reads one answer.
   * @param whole false for a request that the server cannot tell from the next: the connection is not used again
   * @returns undefined where the server ended the connection without an answer
   */
  async ask(bytes: Buffer, head: boolean, whole = true): Promise<Answered | undefined> {
    const socket = await this.#open();
    socket.write(bytes);
    const answer = await this.#answer(head);
    if (!whole || answer === undefined || /close/i.test(String(answer.headers.connection))) this.close();
    return answer;
  }

  /** For a peer that sends as it likes. */
  async socket(): Promise<TLSSocket> {
    return this.#open();
  }

  /** The next answer; undefined where the server ended the connection without one. */
  answer(): Promise<Answered | undefined> {
    return this.#answer(false);
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #open(): Promise<TLSSocket> {
    if (this.#socket !== undefined && !this.#ended && !this.#socket.destroyed) return this.#socket;
    this.#read = Buffer.alloc(0);
    this.#ended = false;
    const socket = connect({ ...this.target, servername: "localhost" });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    socket.on("data", (chunk: Buffer) => {
      this.#read = Buffer.concat([this.#read, chunk]);
      this.#wake?.();
    });
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        if (this.#socket === socket) this.#ended = true;
        this.#wake?.();
      });
    }
    return socket;
  }

  async #answer(head: boolean): Promise<Answered | undefined> {
    for (;;) {
      const found = this.#take(head);
      if (found !== undefined) return found;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(head: boolean): Answered | undefined {
    const end = this.#read.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const [first = "", ...lines] = this.#read.subarray(0, end).toString("latin1").split("\r\n");
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
    if (Number.isNaN(status)) throw new Error(`no HTTP: ${first}`);
    const length = head || status === 304 || status === 204 || status === 100 ? 0 : Number(headers["content-length"]);
    if (!Number.isInteger(length)) throw new Error(`an answer without its length: ${first}`);
    const body = this.#read.subarray(end + 4, end + 4 + length);
    if (body.length < length) return undefined;
    this.#read = this.#read.subarray(end + 4 + length);
    return { status, headers, body: Buffer.from(body) };
  }
}
