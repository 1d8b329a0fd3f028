/** A plain bar chart: names, lengths, numbers. */

export interface BarRow {
  readonly name: string;
  readonly hint?: string;
  readonly value: number;
  readonly kind: "pass" | "fail";
}

/** px of one row, and of the longest bar. */
const ROW = 32;
const LONGEST = 480;

export function Bars({ label, rows }: { readonly label: string; readonly rows: readonly BarRow[] }) {
  const most = Math.max(1, ...rows.map(({ value }) => value));
  return (
    <ul class="bars" aria-label={label}>
      {rows.map(({ name, hint, value, kind }) => (
        <li key={name}>
          <span class="name">{name}</span>
          <svg width={LONGEST} height={ROW} viewBox={`0 0 ${LONGEST} ${ROW}`} aria-hidden="true">
            <rect class={kind} x="0" y="4" width={(LONGEST * value) / most} height={ROW - 8} />
          </svg>
          <strong>{value}</strong>
          {hint === undefined ? null : <span class="muted hint">{hint}</span>}
        </li>
      ))}
    </ul>
  );
}
