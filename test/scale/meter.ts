/** Times of a simulation's requests, by what was asked. */

export interface Line {
  readonly what: string;
  readonly count: number;
  /** ms; each from the first try to the answer, retries and fail-over included. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Requests that a client gave up, and that were sent again with their Idempotency-Key. */
  readonly givenUp: number;
}

interface Sample {
  readonly at: number;
  readonly ms: number;
}

export class Meter {
  readonly #samples = new Map<string, Sample[]>();
  readonly #givenUp = new Map<string, number>();

  /** @param at when the request was first sent, ms of any steady clock */
  answered(what: string, at: number, ms: number): void {
    const samples = this.#samples.get(what) ?? [];
    samples.push({ at, ms });
    this.#samples.set(what, samples);
  }

  gaveUp(what: string): void {
    this.#givenUp.set(what, (this.#givenUp.get(what) ?? 0) + 1);
  }

  get count(): number {
    return [...this.#samples.values()].reduce((sum, { length }) => sum + length, 0);
  }

  get givenUp(): number {
    return [...this.#givenUp.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One line a kind of request, and one over all. */
  lines(): Line[] {
    const all = [...this.#samples.values()].flat();
    return [...this.#samples, ["all", all] as const].map(([what, samples]) => {
      const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b);
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
      const givenUp = what === "all" ? this.givenUp : (this.#givenUp.get(what) ?? 0);
      return { what, count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1), givenUp };
    });
  }

  /** Requests that were sent from `from` to `to`: the longest time of one, ms, and when the last of them was answered. */
  within(from: number, to: number): { readonly longest: number; readonly lastAnswer: number } {
    const sent = [...this.#samples.values()].flat().filter(({ at }) => at >= from && at < to);
    return {
      longest: Math.max(0, ...sent.map(({ ms }) => ms)),
      lastAnswer: Math.max(from, ...sent.map(({ at, ms }) => at + ms)),
    };
  }
}
