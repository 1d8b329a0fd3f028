/** First-pass yield, failures by code, takt over time. */
import { useMemo, useState } from "preact/hooks";
import { OUTCOMES } from "../../contract/state.js";
import type { YieldView } from "../../contract/views.js";
import { get } from "../api.js";
import { day, percent, seconds, timeOfDay } from "../format.js";
import { live } from "../live/live.js";
import { Bars } from "../parts/bars.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { Takts } from "../parts/takts.js";
import { useTexts } from "../texts/texts.js";

const DAY = 24 * 60 * 60 * 1000;
const SPANS = [1, 7, 30] as const;

export function Yield() {
  const { t } = useTexts();
  const [days, setDays] = useState<(typeof SPANS)[number]>(1);
  const span = useMemo(() => {
    const to = Math.round(Date.now() + live.value.ahead) + 1;
    return { from: to - days * DAY, to, ahead: -new Date(to).getTimezoneOffset() };
  }, [days]);
  const { load, reload } = useLoad(`${span.to} ${days}`, (signal) => get("yield", {}, span, signal));
  return (
    <>
      <div class="actions">
        {SPANS.map((count) => (
          <button key={count} type="button" class="plain" aria-pressed={count === days} onClick={() => setDays(count)}>
            {t("yield.days", { count })}
          </button>
        ))}
      </div>
      <Loaded load={load} reload={reload} empty={{ when: ({ units }) => units === 0, text: t("yield.none") }}>
        {(view) => <Charts view={view} days={days} />}
      </Loaded>
    </>
  );
}

function Charts({ view, days }: { readonly view: YieldView; readonly days: number }) {
  const { t, local } = useTexts();
  const { units, firstPass, byOutcome, byCode, takts } = view;
  const share = percent(firstPass, units);
  return (
    <>
      <section class="figures">
        <p>
          <span class="muted">{t("yield.firstPass")}</span>{" "}
          <strong>{share === undefined ? "–" : t("percent", { value: share })}</strong>
        </p>
        <p>
          <span class="muted">{t("yield.units")}</span> <strong>{units}</strong>
        </p>
      </section>
      <section>
        <h2>{t("yield.byOutcome")}</h2>
        <Bars
          label={t("yield.byOutcome")}
          rows={OUTCOMES.map((outcome) => ({
            name: t(`outcome.${outcome}`),
            value: byOutcome[outcome],
            kind: outcome === "PASS" ? "pass" : "fail",
          }))}
        />
      </section>
      {byCode.length === 0 ? null : (
        <section>
          <h2>{t("yield.byCode")}</h2>
          <Bars
            label={t("yield.byCode")}
            rows={byCode.map(({ code, runs, text }) => ({ name: code, hint: local(text), value: runs, kind: "fail" }))}
          />
        </section>
      )}
      {takts.length === 0 ? null : (
        <section>
          <h2>{t("yield.takts")}</h2>
          <Takts
            label={t("yield.takts")}
            points={takts.map(({ at, median, worst, runs }) => ({
              at: days === 1 ? timeOfDay(at).slice(0, 5) : day(at).slice(5),
              median,
              worst,
              words: t("yield.point", { runs, median: seconds(median), worst: seconds(worst) }),
            }))}
          />
          <p class="muted">
            <span class="key median" aria-hidden="true" /> {t("yield.median")}{" "}
            <span class="key worst" aria-hidden="true" /> {t("yield.worst")}
          </p>
        </section>
      )}
    </>
  );
}
