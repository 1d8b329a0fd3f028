/** Which server of a list is asked first. */
import type { Clock } from "../shared/clock.js";

export interface PreferenceOptions {
  /** In order of preference; at least one. */
  readonly servers: readonly string[];
  readonly clock: Clock;
  /** How long another server than the first is kept to before the ones ahead of it are looked for, ms. */
  readonly stickFor: number;
  /** Whether that server answers. Never rejects. */
  readonly answers: (server: string, signal: AbortSignal) => Promise<boolean>;
}

/**
 * Keeps to the server that answered last, so that one that is away costs its time limit once. The ones ahead of it in the list are
 * looked for now and then, beside the requests and never by one of them; the first that answers is kept to from then on.
 */
export class Preference {
  readonly #options: PreferenceOptions;
  readonly #end = new AbortController();
  #kept: string | undefined;
  /** When the servers ahead were last known to be away, monotonic ms. */
  #since = 0;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: PreferenceOptions) {
    this.#options = options;
  }

  /** Every server, the one to ask first in front. */
  inOrder(): readonly string[] {
    const { servers } = this.#options;
    const kept = this.#kept;
    if (kept === undefined) return servers;
    this.#lookAhead(kept);
    return [kept, ...servers.filter((server) => server !== kept)];
  }

  /** That server answered, after one that was asked before it did not. */
  moveTo(server: string): void {
    const { servers, clock } = this.#options;
    if (server === (this.#kept ?? servers[0])) return;
    this.#kept = server === servers[0] ? undefined : server;
    this.#since = clock.monotonic();
  }

  /** Resolves when nothing is looked for any more. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#looking;
  }

  #lookAhead(kept: string): void {
    const { servers, clock, stickFor } = this.#options;
    if (clock.monotonic() - this.#since < stickFor) return;
    this.#since = clock.monotonic();
    const ahead = servers.slice(0, servers.indexOf(kept));
    this.#looking = this.#looking.then(() => this.#look(ahead));
  }

  async #look(ahead: readonly string[]): Promise<void> {
    const { answers } = this.#options;
    for (const server of ahead) {
      if (this.#end.signal.aborted) return;
      if (!(await answers(server, this.#end.signal))) continue;
      this.moveTo(server);
      return;
    }
  }
}
