/** A TLS proxy between the station and one server, at which requests meet faults. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { type Agent, request as send } from "undici";
import { CORRELATION_ID, IDEMPOTENCY_KEY } from "../../../src/contract/common.js";
import { breathe } from "../../../src/shared/clock.js";
import { freePort } from "../../free-port.js";
import { answerWrongly } from "./bodies.js";
import type { ConnectionFault, ExchangeFault, ServerName } from "./faults.js";
import { keyOf } from "./faults.js";
import { HOST, type Identities } from "./identities.js";
import type { Ledger } from "./ledger.js";

/** ms between two bytes of an answer that drips. */
const DRIP = 1_000;
/** s that an overloaded server asks for. */
const RETRY_AFTER = 2;

export interface FaultProxyOptions {
  readonly server: ServerName;
  /** Base URL of the server, and how it is reached. */
  readonly upstream: string;
  readonly agent: Agent;
  readonly identities: Identities;
  /** The fault that this request meets. */
  readonly faultOf: (key: string) => ExchangeFault | undefined;
  /** True where every request is to have a connection of its own. */
  readonly apart: () => boolean;
  /** Told of every request that came in whole and has an Idempotency-Key, whatever it meets then. */
  readonly ledger: Ledger;
  /** The client is kept waiting. */
  readonly keepWaiting: () => void;
  /** Virtual ms. */
  readonly sleep: (ms: number) => Promise<void>;
}

interface Upstream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Exchange {
  readonly key: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Has the server do it. @param forgetful without the request's Idempotency-Key */
  readonly forward: (forgetful?: boolean) => Promise<Upstream>;
}

export class FaultProxy {
  readonly #options: FaultProxyOptions;
  readonly #server: Server;
  readonly #failures: unknown[] = [];
  /** The first answer to each request, by its name: that of a unit before. */
  readonly #first = new Map<string, string>();
  #port = 0;
  #broken = false;

  constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#server = createServer(options.identities.right, (request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.#failures.push(error);
        response.destroy();
      });
    });
    // Clients that turn away from a wrong certificate.
    this.#server.on("tlsClientError", () => undefined);
  }

  async open(): Promise<string> {
    await this.#listen();
    return `https://${HOST}:${this.#port}`;
  }

  /** What went wrong in the proxy itself. */
  get failures(): readonly unknown[] {
    return this.#failures;
  }

  async #listen(): Promise<void> {
    this.#port ||= await freePort();
    await new Promise<void>((resolve) => this.#server.listen(this.#port, HOST, resolve));
  }

  /** New connections meet the fault from now on. */
  async break(fault: ConnectionFault): Promise<void> {
    this.#broken = true;
    if (fault === "refuse") this.#server.close();
    else this.#server.setSecureContext(this.#options.identities[fault]);
    await breathe();
  }

  async mend(): Promise<void> {
    if (!this.#broken) return;
    this.#broken = false;
    this.#server.setSecureContext(this.#options.identities.right);
    if (!this.#server.listening) await this.#listen();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { server, apart, faultOf, ledger } = this.#options;
    response.on("error", () => undefined);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString("utf8");
    const { method = "", url = "" } = request;
    const key = keyOf(server, method, url, body);
    const { [IDEMPOTENCY_KEY]: id, [CORRELATION_ID]: set = "" } = request.headers;
    if (typeof id === "string") ledger.note(method, url, body, String(set), id);
    if (apart()) response.shouldKeepAlive = false;
    const forward = (forgetful = false) => this.#forward(request, body, forgetful);
    const exchange: Exchange = { key, request, response, forward };
    const fault = faultOf(key);
    if (fault !== undefined) return this.#strike(fault, exchange);
    const answer = await forward();
    if (!this.#first.has(key)) this.#first.set(key, answer.body);
    give(response, answer);
  }

  async #forward(request: IncomingMessage, body: string, forgetful: boolean): Promise<Upstream> {
    const { upstream, agent } = this.#options;
    const { host: _host, connection: _connection, "content-length": _length, ...headers } = request.headers;
    if (forgetful) delete headers[IDEMPOTENCY_KEY];
    const method = request.method as "POST";
    const answer = await send(`${upstream}${request.url}`, {
      dispatcher: agent,
      method,
      headers,
      ...(body === "" ? {} : { body }),
    });
    const own: Record<string, string> = {};
    for (const [name, value] of Object.entries(answer.headers))
      if (typeof value === "string" && !/^(connection|keep-alive|content-length|transfer-encoding|date)$/.test(name))
        own[name] = value;
    return { status: answer.statusCode, headers: own, body: await answer.body.text() };
  }

  async #strike(fault: ExchangeFault, { key, request, response, forward }: Exchange): Promise<void> {
    const { keepWaiting } = this.#options;
    const cut = () => void request.socket.destroy();
    const error = (status: number, headers: Record<string, string> = {}) =>
      give(response, { status, headers: { "content-type": "application/json", ...headers }, body: "{}" });
    switch (fault) {
      case "stall":
        return keepWaiting();
      case "drip":
        return this.#drip(response, await forward());
      case "cut-before-commit":
        return cut();
      case "cut-after-commit":
        await forward();
        return cut();
      case "cut-and-forgotten":
        await forward(true);
        return cut();
      case "cut-amid-answer": {
        const { status, headers, body } = await forward();
        response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
        response.write(body.slice(0, body.length / 2), cut);
        return;
      }
      case "500":
        return error(500);
      case "500-after-commit":
        await forward();
        return error(500);
      case "503":
        return error(503, { "retry-after": String(RETRY_AFTER) });
      case "redirect":
        return error(307, { location: `${this.#options.upstream}${request.url}` });
      default:
        return give(response, answerWrongly(fault, await forward(), this.#first.get(key)));
    }
  }

  /** The answer, a byte a second. */
  async #drip(response: ServerResponse, { status, headers, body }: Upstream): Promise<void> {
    response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
    response.flushHeaders();
    this.#options.keepWaiting();
    for (const byte of Buffer.from(body)) {
      if (response.destroyed) return;
      response.write(Uint8Array.of(byte));
      await this.#options.sleep(DRIP);
    }
    response.end();
  }
}

function give(response: ServerResponse, { status, headers, body }: Upstream): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
