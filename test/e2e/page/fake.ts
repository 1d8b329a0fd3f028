/** A station for the page's tests: it speaks the contract over real HTTP, and is in whatever state a test wants. */
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { addressOf, CSRF_HEADER, ROUTES, type RouteName } from "../../../src/hmi/contract/routes.js";
import type { PageChange, PageState } from "../../../src/hmi/contract/state.js";
import { freePort } from "../../free-port.js";
import { root } from "../../system/harness.js";

const DIST = join(root, "dist", "hmi");
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
/** As strict as the station's. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'";

export interface Posted {
  readonly path: string;
  readonly body: unknown;
  readonly csrf: string | undefined;
}

export class FakeStation {
  /** Answers of GET routes by their path, and what a POST gets instead of 204. */
  readonly answers = new Map<string, { readonly status: number; readonly body: unknown }>();
  readonly posted: Posted[] = [];
  /** The last query of each path. */
  readonly asked = new Map<string, string>();
  /** Last-Event-ID of each connection to the events. */
  readonly connections: (string | undefined)[] = [];
  /** False: no beats, as of a station that hangs. */
  beating = true;
  /** True: POSTs are heard and never answered. */
  mute = false;
  readonly #open = new Set<ServerResponse>();
  readonly #traces = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => this.#answer(request, response));
  readonly #beats = setInterval(() => this.beating && this.beat(), 500);

  constructor(public state: PageState) {}

  /** @param at where another one was; left out, a free port */
  async open(at?: number): Promise<string> {
    const port = at ?? (await freePort());
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    return `http://127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    clearInterval(this.#beats);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  answer(route: RouteName, body: unknown, status = 200, values: Record<string, string> = {}): void {
    const path = addressOf(route, values as never);
    this.answers.set(`${ROUTES[route].method} ${path}`, { status, body });
  }

  /** Changes the state and tells the pages; `lost` leaves the telling out. */
  change(change: Partial<Pick<PageChange, "bay" | "servers" | "outbox">>, lost = false): void {
    const { bay, servers, outbox } = change;
    const number = this.state.number + 1;
    this.state = {
      ...this.state,
      number,
      bays: this.state.bays.map((one) => (one.name === bay?.name ? bay : one)),
      ...(servers === undefined ? {} : { servers }),
      ...(outbox === undefined ? {} : { outbox }),
    };
    if (!lost) this.#tell("change", { number, now: Date.now(), ...change });
  }

  beat(): void {
    const data = JSON.stringify({ now: Date.now(), number: this.state.number });
    for (const response of this.#open) response.write(`event: beat\ndata: ${data}\n\n`);
  }

  /** Pages that hear it now. */
  get readers(): number {
    return this.#open.size;
  }

  trace(line: object): void {
    for (const response of this.#traces) response.write(`event: line\ndata: ${JSON.stringify(line)}\n\n`);
  }

  /** Cuts every stream off. */
  cut(): void {
    for (const response of this.#open) response.destroy();
  }

  #tell(event: string, body: PageChange): void {
    for (const response of this.#open) this.#send(response, event, body);
  }

  #send(response: ServerResponse, event: string, body: PageState | PageChange): void {
    response.write(`id: ${this.state.epoch}:${body.number}\nevent: ${event}\ndata: ${JSON.stringify(body)}\n\n`);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path, search } = new URL(request.url ?? "/", "http://x");
    this.asked.set(path, search);
    if (path === ROUTES.events.path) this.#events(request, response);
    else if (/^\/api\/bays\/[^/]+\/trace$/.test(path)) this.#stream(response, this.#traces);
    else if (path.startsWith("/api/")) this.#api(request, response, path);
    else this.#asset(response, path);
  }

  #events(request: IncomingMessage, response: ServerResponse): void {
    this.connections.push(request.headers["last-event-id"]?.toString());
    this.#stream(response, this.#open);
    response.write("retry: 200\n");
    this.#send(response, "state", { ...this.state, now: Date.now() });
  }

  #stream(response: ServerResponse, among: Set<ServerResponse>): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
    among.add(response);
    response.on("close", () => among.delete(response));
  }

  #api(request: IncomingMessage, response: ServerResponse, path: string): void {
    let text = "";
    request.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on("end", () => {
      const csrf = request.headers[CSRF_HEADER]?.toString();
      if (request.method === "POST") this.posted.push({ path, body: text === "" ? undefined : JSON.parse(text), csrf });
      if (this.mute && request.method === "POST") return;
      const missing = request.method === "POST" ? { status: 204, body: undefined } : { status: 404, body: undefined };
      const { status, body } = this.answers.get(`${request.method} ${path}`) ?? missing;
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  #asset(response: ServerResponse, path: string): void {
    const name = path === "/" ? "index.html" : path.slice(1);
    const known = readdirSync(DIST, { recursive: true, encoding: "utf8" });
    if (!known.includes(name)) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(name)] ?? "text/html; charset=utf-8";
    response.writeHead(200, { "content-type": type, "content-security-policy": POLICY, "cache-control": "no-store" });
    response.end(readFileSync(join(DIST, name)));
  }
}
