/** Messages of a bus as lines: time, direction, meaning, bytes. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { TraceLine } from "../../contract/views.js";
import { pairs, timeOfDay } from "../format.js";
import { useTexts } from "../texts/texts.js";
import { Region } from "./region.js";

const ARROWS: Readonly<Record<TraceLine["kind"], string>> = { request: "→", response: "←", fault: "✕", note: "·" };

interface TraceLinesProps {
  readonly lines: readonly TraceLine[];
  readonly label: string;
  /** Keeps the last line in sight. */
  readonly follow?: boolean;
}

export function TraceLines({ lines, label, follow }: TraceLinesProps) {
  const { t } = useTexts();
  const box = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (follow === true && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [follow, lines]);
  return (
    <Region box={box} kind="trace-lines" label={label}>
      <table>
        <tbody>
          {lines.map(({ at, kind, text, hex }, index) => (
            <tr key={`${at} ${index}`} class={kind}>
              <td>{`${timeOfDay(at)}.${String(Math.floor(at % 1000)).padStart(3, "0")}`}</td>
              <td>
                <span role="img" aria-label={t(`trace.${kind}`)}>
                  {ARROWS[kind]}
                </span>
              </td>
              <td>{text}</td>
              <td>
                <code>{pairs(hex)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Region>
  );
}
