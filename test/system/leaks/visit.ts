/** What the operator page's server sends, byte by byte. */
import { type ClientRequest, get } from "node:http";
import { Browser } from "../../unit/hmi/bench.js";

/** Everything that a stream of the page's server sends until it is ended. */
class Stream {
  readonly #chunks: Buffer[] = [];
  readonly #request: ClientRequest;
  readonly #ended: Promise<void>;

  constructor(url: string, path: string) {
    let end: () => void = () => undefined;
    this.#ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#request = get(new URL(path, url), (response) => {
      response.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
      response.on("error", () => undefined);
      response.on("close", end);
    });
    this.#request.on("error", end);
  }

  /** What a whole answer is, or what came until now. */
  async bytes(cut = false): Promise<Buffer> {
    if (cut) this.#request.destroy();
    await this.#ended;
    return Buffer.concat(this.#chunks);
  }
}

/** A person at the page, who looks at everything that there is of the last run. */
export class Visit {
  readonly #url: string;
  readonly #streams: ReadonlyMap<string, Stream>;

  /** Listens from here on. */
  constructor(url: string, bay: string) {
    this.#url = url;
    this.#streams = new Map([
      ["page-events", new Stream(url, "/api/events")],
      ["page-live-trace", new Stream(url, `/api/bays/${bay}/trace`)],
    ]);
  }

  /** Each answer by a name of its own. */
  async end(step: string): Promise<ReadonlyMap<string, Buffer>> {
    const found = new Map<string, Buffer>();
    const browser = new Browser(Number(new URL(this.#url).port));
    const { runs } = (await browser.get("/api/runs")).json as { runs: readonly { runId: string }[] };
    const run = `/api/runs/${runs[0]?.runId}`;
    const answers = {
      "page-runs": "/api/runs",
      "page-run": run,
      "page-record": `${run}/record`,
      "page-messages": `${run}/messages?step=${step}`,
      "page-trace": `${run}/trace/pcapng`,
      "page-export": "/api/runs-export",
      "page-profiles": "/api/profiles",
      "page-outbox": "/api/outbox",
      "page-bays": "/api/bays",
    };
    for (const [name, path] of Object.entries(answers)) found.set(name, await new Stream(this.#url, path).bytes());
    for (const [name, stream] of this.#streams) found.set(name, await stream.bytes(true));
    return found;
  }
}
