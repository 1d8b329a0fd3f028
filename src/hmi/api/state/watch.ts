/** Servers and outbox, looked at in the background: no request and no run ever waits for them. */
import { withLimit } from "../../../shared/abort.js";
import { asStationError, describe, StationError } from "../../../shared/errors.js";
import type { OutboxCount, ServerView } from "../../contract/state.js";
import type { PagePorts, PageServer } from "../ports.js";
import type { Board } from "./board.js";

/** ms between two looks at the servers, most ms that one may take, and ms between two looks at the outbox. */
const TIMES = { servers: 5_000, answer: 4_000, outbox: 1_000 } as const;

export class Watch {
  readonly #ports: PagePorts;
  readonly #board: Board;
  readonly #end = new AbortController();
  readonly #ended: Promise<unknown>;
  #wake: () => void = () => undefined;

  constructor(ports: PagePorts, board: Board) {
    this.#ports = ports;
    this.#board = board;
    this.#ended = Promise.all([this.#servers(), this.#outbox()]);
  }

  /** Looks at the servers at once. */
  look(): void {
    this.#wake();
  }

  async close(): Promise<void> {
    this.#end.abort(new StationError("RUN_ABORTED"));
    this.#wake();
    await this.#ended;
  }

  async #servers(): Promise<void> {
    while (!this.#end.signal.aborted) {
      const views = await Promise.all(this.#ports.servers.map((server) => this.#look(server)));
      if (this.#end.signal.aborted) return;
      this.#board.setServers(views);
      await this.#pause(TIMES.servers);
    }
  }

  async #outbox(): Promise<void> {
    const { clock, logger, outbox } = this.#ports;
    while (!this.#end.signal.aborted) {
      const count: OutboxCount | undefined = await outbox.count().catch((error: unknown) => {
        logger.warn("the page cannot count the outbox", { error: describe(error) });
        return undefined;
      });
      if (this.#end.signal.aborted) return;
      if (count !== undefined) this.#board.setOutbox(count);
      await clock.sleep(TIMES.outbox, this.#end.signal).catch(() => undefined);
    }
  }

  async #look({ name, ping }: PageServer): Promise<ServerView> {
    const late = () =>
      new StationError(name === "KMS" ? "KMS_UNREACHABLE" : "VPKI_UNREACHABLE", {
        details: { what: `no answer in ${TIMES.answer} ms` },
      });
    try {
      await withLimit(this.#ports.clock, TIMES.answer, this.#end.signal, late, ping);
      return { name, state: "up" };
    } catch (error) {
      return { name, state: "down", trouble: asStationError(error).text };
    }
  }

  async #pause(ms: number): Promise<void> {
    const over = new AbortController();
    const ended = () => over.abort(new StationError("RUN_ABORTED"));
    this.#wake = ended;
    await this.#ports.clock.sleep(ms, over.signal).catch(() => undefined);
  }
}
