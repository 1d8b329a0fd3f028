/** How many cases of which endpoint were answered how. */
import type { Judgement } from "./judge.js";

interface Counts {
  total: number;
  past: number;
  readonly labels: Map<string, number>;
}

export class Histogram {
  readonly #endpoints = new Map<string, Counts>();

  add(endpoint: string, { label, past }: Judgement): void {
    const counts = this.#endpoints.get(endpoint) ?? { total: 0, past: 0, labels: new Map<string, number>() };
    counts.total++;
    if (past) counts.past++;
    counts.labels.set(label, (counts.labels.get(label) ?? 0) + 1);
    this.#endpoints.set(endpoint, counts);
  }

  of(endpoint: string): { readonly total: number; readonly past: number } {
    return this.#endpoints.get(endpoint) ?? { total: 0, past: 0 };
  }

  get sum(): { readonly total: number; readonly past: number } {
    const all = [...this.#endpoints.values()];
    return {
      total: all.reduce((sum, { total }) => sum + total, 0),
      past: all.reduce((sum, { past }) => sum + past, 0),
    };
  }

  lines(): string[] {
    return [...this.#endpoints]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([endpoint, { total, past, labels }]) => {
        const list = [...labels].sort(([a], [b]) => a.localeCompare(b)).map(([label, count]) => `${label}: ${count}`);
        return `${endpoint.padEnd(24)} ${String(total).padStart(6)}, past the schema ${Math.round((100 * past) / total)} %   ${list.join(", ")}`;
      });
  }
}
