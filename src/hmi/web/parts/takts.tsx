/** Takt over time: median and worst of each bucket as lines. */
import { seconds } from "../format.js";
import { useTexts } from "../texts/texts.js";

export interface TaktPoint {
  /** When, for people. */
  readonly at: string;
  /** ms. */
  readonly median: number;
  readonly worst: number;
  /** All of it in words. */
  readonly words: string;
}

/** Units of the drawing; it scales with the page. */
const WIDTH = 960;
const HEIGHT = 240;
const LEFT = 72;
const BOTTOM = 32;
const TOP = 16;
/** Times that stand below the line at most. */
const LABELS = 12;

export function Takts({ label, points }: { readonly label: string; readonly points: readonly TaktPoint[] }) {
  const { t } = useTexts();
  const top = Math.max(1, ...points.map(({ worst }) => worst));
  const x = (index: number) =>
    points.length < 2 ? (LEFT + WIDTH) / 2 : LEFT + ((WIDTH - LEFT - 16) * index) / (points.length - 1);
  const y = (ms: number) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * ms) / top;
  const line = (of: "median" | "worst") => points.map((point, index) => `${x(index)},${y(point[of])}`).join(" ");
  const every = Math.ceil(points.length / LABELS);
  return (
    <figure class="takts">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {[0, top / 2, top].map((ms) => (
          <g key={ms}>
            <line class="grid" x1={LEFT} x2={WIDTH} y1={y(ms)} y2={y(ms)} />
            <text x={LEFT - 8} y={y(ms) + 5} text-anchor="end">
              {t("seconds", { value: seconds(ms) })}
            </text>
          </g>
        ))}
        <polyline class="worst" points={line("worst")} />
        <polyline class="median" points={line("median")} />
        {points.map((point, index) => (
          <g key={point.at}>
            <rect class="worst" x={x(index) - 4} y={y(point.worst) - 4} width="8" height="8" />
            <circle class="median" cx={x(index)} cy={y(point.median)} r="5" />
            {index % every === 0 ? (
              <text x={x(index)} y={HEIGHT - 8} text-anchor="middle">
                {point.at}
              </text>
            ) : null}
          </g>
        ))}
      </svg>
      <ul class="unseen">
        {points.map(({ at, words }) => (
          <li key={at}>
            {at}: {words}
          </li>
        ))}
      </ul>
    </figure>
  );
}
