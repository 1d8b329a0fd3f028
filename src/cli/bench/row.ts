/** One line of `ecustation bench`. */
export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the same machine could do at best in the same run, in `unit`; undefined where there is no such figure. */
  readonly limit?: number;
  /** value / limit. */
  readonly ratio?: number;
  /** What the row must reach, as text. */
  readonly bar: string;
  readonly ok: boolean;
}
