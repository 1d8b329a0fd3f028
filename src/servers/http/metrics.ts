/** Numbers for Prometheus (text exposition format 0.0.4). Labels come from fixed sets: never a name, an address or a key. */

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  inc(labels?: Labels): void;
}

export interface Histogram {
  /** @param value in the unit of the name, seconds as a rule */
  observe(labels: Labels, value: number): void;
}

interface Sample {
  /** What follows the metric's name, e.g. `_bucket`. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

interface Family {
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly help: string;
  samples(): Iterable<Sample>;
}

/** Content type of the exposition. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** Upper ends of the buckets of durations, seconds. */
export const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

export class Metrics {
  readonly #families = new Map<string, Family>();
  readonly #shared = new Map<string, Counter | Histogram>();

  /** The counter of that name; several servers of one process share it. */
  counter(name: string, help: string): Counter {
    return this.#once(name, () => {
      const series = new Map<string, { labels: Labels; value: number }>();
      this.#families.set(name, { type: "counter", help, samples: () => series.values() });
      return {
        inc: (labels = {}) => {
          const key = labelText(labels);
          const one = series.get(key);
          if (one === undefined) series.set(key, { labels, value: 1 });
          else one.value++;
        },
      };
    });
  }

  /** @param buckets upper ends, rising */
  histogram(name: string, help: string, buckets: readonly number[] = SECONDS): Histogram {
    return this.#once(name, () => {
      const series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>();
      const samples = function* (): Generator<Sample> {
        for (const { labels, counts, sum, count } of series.values()) {
          for (const [i, end] of buckets.entries())
            yield { suffix: "_bucket", labels: { ...labels, le: String(end) }, value: counts[i] ?? 0 };
          yield { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: count };
          yield { suffix: "_sum", labels, value: sum };
          yield { suffix: "_count", labels, value: count };
        }
      };
      this.#families.set(name, { type: "histogram", help, samples });
      return {
        observe: (labels, value) => {
          const key = labelText(labels);
          const one = series.get(key) ?? { labels, counts: buckets.map(() => 0), sum: 0, count: 0 };
          series.set(key, one);
          for (const [i, end] of buckets.entries()) if (value <= end) one.counts[i] = (one.counts[i] ?? 0) + 1;
          one.sum += value;
          one.count++;
        },
      };
    });
  }

  /** A number that is read when it is asked for; the last one given counts. */
  gauge(name: string, help: string, read: () => number): void {
    this.#families.set(name, { type: "gauge", help, samples: () => [{ value: read() }] });
  }

  /** As `gauge`, of quantiles (by label `quantile`) with sum and count. */
  summary(name: string, help: string, read: () => readonly Sample[]): void {
    this.#families.set(name, { type: "summary", help, samples: read });
  }

  exposition(): string {
    const lines: string[] = [];
    for (const [name, { type, help, samples }] of this.#families) {
      lines.push(`# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`, `# TYPE ${name} ${type}`);
      for (const { suffix = "", labels = {}, value } of samples())
        lines.push(`${name}${suffix}${labelText(labels)} ${value}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #once<T extends Counter | Histogram>(name: string, make: () => T): T {
    const made = (this.#shared.get(name) as T | undefined) ?? make();
    this.#shared.set(name, made);
    return made;
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
