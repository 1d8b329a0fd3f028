/** Whether the servers can do their work: `/healthz` says that the process lives, `/readyz` what it lacks. */
import { withLimit } from "../../shared/abort.js";
import type { Clock } from "../../shared/clock.js";
import { isStationError } from "../../shared/errors.js";

/** A part that must work; throws where it does not. */
export type Check = () => Promise<unknown>;

export interface HealthOptions {
  readonly clock: Clock;
  /** How long one check may take, ms; default 3000. */
  readonly limit?: number;
  /** How long its outcome is given again, ms, so that many probes cost no more than one; default 2000. */
  readonly keep?: number;
}

/** `ok`, or the code of the error; never more, since anybody who may probe reads it. */
export type PartState = string;

export interface Readiness {
  readonly ready: boolean;
  /** By name of the part, e.g. `vpki.store`. */
  readonly parts: Readonly<Record<string, PartState>>;
}

interface Part {
  readonly check: Check;
  at: number;
  state: Promise<PartState> | undefined;
}

export class Health {
  readonly #parts = new Map<string, Part>();
  #ending = false;

  constructor(private readonly options: HealthOptions) {}

  /** @param server stands before the names of its parts */
  add(server: string, checks: Readonly<Record<string, Check>>): void {
    for (const [name, check] of Object.entries(checks))
      this.#parts.set(`${server}.${name}`, { check, at: 0, state: undefined });
  }

  /** From now on the servers are not ready, whatever works. */
  end(): void {
    this.#ending = true;
  }

  async readiness(): Promise<Readiness> {
    const states = await Promise.all([...this.#parts].map(async ([name, part]) => [name, await this.#state(part)]));
    const parts: Record<string, PartState> = {
      ...Object.fromEntries(states),
      shutdown: this.#ending ? "ENDING" : "ok",
    };
    return { ready: Object.values(parts).every((state) => state === "ok"), parts };
  }

  #state(part: Part): Promise<PartState> {
    const { clock, keep = 2_000 } = this.options;
    const now = clock.monotonic();
    if (part.state === undefined || now - part.at >= keep) {
      part.at = now;
      part.state = this.#ask(part.check);
    }
    return part.state;
  }

  async #ask(check: Check): Promise<PartState> {
    const { clock, limit = 3_000 } = this.options;
    try {
      await withLimit(clock, limit, undefined, () => new Late(), check);
      return "ok";
    } catch (error) {
      if (isStationError(error)) return error.code;
      return error instanceof Late ? "LATE" : "FAILED";
    }
  }
}

class Late extends Error {
  override readonly name = "Late";
}
