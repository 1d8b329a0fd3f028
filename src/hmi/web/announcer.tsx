/** Says each verdict to a screen reader, on whatever screen. */
import { useLayoutEffect, useState } from "preact/hooks";
import { live } from "./live/live.js";
import { type BayVerdict, verdictsSince } from "./live/verdicts.js";
import { useTexts } from "./texts/texts.js";

export function Announcer() {
  const { t, local } = useTexts();
  const [last, setLast] = useState<BayVerdict | undefined>(undefined);
  useLayoutEffect(() => {
    let before = live.value.state;
    return live.subscribe(() => {
      const now = live.value.state;
      const next = verdictsSince(before, now).at(-1);
      if (next !== undefined) setLast(next);
      before = now;
    });
  }, []);
  const verdict = last?.verdict;
  return (
    <p class="unseen" aria-live="assertive" data-announcer>
      {last === undefined || verdict === undefined
        ? ""
        : `${t("announce", {
            bay: last.bay,
            outcome: t(`outcome.${verdict.outcome}`),
            unit: verdict.vin ?? verdict.ecuId ?? t("unit.unknown"),
          })}. ${verdict.failure === undefined ? "" : local(verdict.failure.text)}`}
    </p>
  );
}
