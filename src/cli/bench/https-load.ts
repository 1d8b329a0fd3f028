/** Clients that keep their TLS connections and ask as fast as they are answered. */
import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { Agent, request } from "undici";
import type { Started } from "./processes.js";

export interface Post {
  readonly path: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** What a load of requests gave. */
export interface Load {
  readonly seconds: number;
  /** ms of each request. */
  readonly times: readonly number[];
}

export class HttpsClients {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #connections: number;

  private constructor(url: string, agent: Agent, connections: number) {
    this.#url = url;
    this.#agent = agent;
    this.#connections = connections;
  }

  /** @param first line of a server that says its CA, and where it wants one the client's certificate */
  static async open(url: string, first: Started["first"], connections: number): Promise<HttpsClients> {
    const read = async (name: string) => {
      const file = first[name];
      return typeof file === "string" ? await readFile(file, "utf8") : undefined;
    };
    const [ca, cert, key] = await Promise.all([read("ca"), read("clientCert"), read("clientKey")]);
    const connect = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    return new HttpsClients(url, new Agent({ connect, connections, pipelining: 1 }), connections);
  }

  async post({ path, body, headers }: Post): Promise<Answer> {
    const answer = await request(`${this.#url}${path}`, {
      dispatcher: this.#agent,
      method: "POST",
      body,
      headers: { "content-type": "application/json", ...headers },
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  /** All of them, as many at a time as there are connections. @throws Error for an answer that `good` does not take */
  async load(posts: readonly Post[], good: (answer: Answer) => boolean): Promise<Load> {
    const times: number[] = [];
    const waiting = [...posts].reverse();
    const began = performance.now();
    const client = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const from = performance.now();
        const answer = await this.post(next);
        times.push(performance.now() - from);
        if (!good(answer)) throw new Error(`a server answered ${answer.status} ${answer.text.slice(0, 200)}`);
      }
    };
    await Promise.all(Array.from({ length: this.#connections }, client));
    return { seconds: (performance.now() - began) / 1_000, times };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
