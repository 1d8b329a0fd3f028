/** The record of one run: what came of it, each step, and from there the messages of the wire. */
import type { RunDetail } from "../../contract/views.js";
import { addressWith, get } from "../api.js";
import { dateAndTime, readable, seconds } from "../format.js";
import { SYMBOLS, stepWords } from "../operate/band.js";
import { Copyable } from "../parts/copyable.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { Region } from "../parts/region.js";
import { TableHead } from "../parts/table-head.js";
import { addressOfPlace } from "../route.js";
import { useMay } from "../session.js";
import { useTexts } from "../texts/texts.js";
import { Steps } from "./steps.js";

export function UnitRecord({ runId }: { readonly runId: string }) {
  const { t } = useTexts();
  const { load, reload } = useLoad(runId, (signal) => get("run", { run: runId }, {}, signal));
  return (
    <>
      <p class="noprint">
        <a class="button plain" href={addressOfPlace("history")}>
          {t("record.back")}
        </a>
      </p>
      <Loaded load={load} reload={reload}>
        {(run) => <Detail run={run} />}
      </Loaded>
    </>
  );
}

function Detail({ run }: { readonly run: RunDetail }) {
  const { t, named } = useTexts();
  return (
    <article class="record">
      <Summary run={run} />
      <Downloads run={run} />
      <section>
        <h2>{t("record.steps")}</h2>
        <Steps run={run} />
      </section>
      <Pairs title={t("record.identity")} pairs={run.identity.map(({ name, value }) => [named("fact", name), value])} />
      <Pairs
        title={t("record.inputs")}
        pairs={Object.entries(run.inputs).map(([name, value]) => [named("fact", name), value])}
      />
      <Rows
        title={t("record.certificates")}
        columns={[t("field.name"), t("field.serial"), t("field.notAfter")]}
        rows={run.certificates.map(({ name, serial, notAfter }) => [name, serial, readable(notAfter)])}
      />
      <Rows
        title={t("record.receipts")}
        columns={[t("field.key"), "M4", "M5"]}
        rows={run.receipts.map(({ key, m4, m5 }) => [key, m4, m5])}
      />
      <Pairs
        title={t("record.timers")}
        pairs={run.timers.map(({ name, ms }) => [name, t("milliseconds", { value: ms.toFixed(1) })])}
      />
    </article>
  );
}

function Summary({ run }: { readonly run: RunDetail }) {
  const texts = useTexts();
  const { t, local } = texts;
  const { outcome, verdict } = run;
  const failure = verdict?.failure;
  return (
    <section class={`summary ${outcome ?? ""}`}>
      <p class="word">{outcome === undefined ? t("history.open") : `${SYMBOLS[outcome]} ${t(`outcome.${outcome}`)}`}</p>
      {failure === undefined ? null : (
        <>
          <p>{local(failure.text)}</p>
          <p class="code">
            {failure.code} · {stepWords(failure.step, texts)}
          </p>
        </>
      )}
      {verdict !== undefined && verdict.owed > 0 ? <p>{t("owed", { count: verdict.owed })}</p> : null}
      <dl>
        {run.vin === undefined ? null : <Pair name={t("vin")} value={run.vin} />}
        {run.ecuId === undefined ? null : <Pair name={t("field.ecuId")} value={run.ecuId} />}
        <dt>{t("field.startedAt")}</dt>
        <dd>
          {dateAndTime(run.startedAt)}
          {run.ms === undefined ? "" : ` · ${t("seconds", { value: seconds(run.ms) })}`}
          {run.resumed > 0 ? ` · ${t("record.resumed", { count: run.resumed })}` : ""}
        </dd>
        <dt>{t("field.bay")}</dt>
        <dd>
          {run.station} · {run.bay}
        </dd>
        <dt>{t("field.profile")}</dt>
        <dd>
          {run.profile} v{run.profileVersion} <code>{run.profileHash.slice(0, 12)}</code>
        </dd>
        <dt>{t("record.program")}</dt>
        <dd>{run.programVersion}</dd>
        <Pair name={t("record.id")} value={run.runId} />
      </dl>
    </section>
  );
}

function Downloads({ run }: { readonly run: RunDetail }) {
  const { t } = useTexts();
  const mayExport = useMay("export");
  const mayTrace = useMay("trace");
  return (
    <p class="actions noprint">
      <button type="button" class="plain" onClick={() => print()}>
        {t("print")}
      </button>
      {mayExport ? (
        <a class="button plain" href={addressWith("runRecord", { run: run.runId })} download>
          {t("export.json")}
        </a>
      ) : null}
      {mayTrace
        ? run.traces.map((format) => (
            <a key={format} class="button plain" href={addressWith("runTrace", { run: run.runId, format })} download>
              {t("export.trace", { format })}
            </a>
          ))
        : null}
    </p>
  );
}

function Pair({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <Copyable name={name} value={value} />
      </dd>
    </>
  );
}

function Pairs({ title, pairs }: { readonly title: string; readonly pairs: readonly (readonly [string, string])[] }) {
  if (pairs.length === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <dl>
        {pairs.map(([name, value]) => (
          <Pair key={name} name={name} value={value} />
        ))}
      </dl>
    </section>
  );
}

interface RowsProps {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function Rows({ title, columns, rows }: RowsProps) {
  if (rows.length === 0) return null;
  return (
    <section>
      <h2>{title}</h2>
      <Region label={title}>
        <table>
          <TableHead columns={columns} />
          <tbody>
            {rows.map((row) => (
              <tr key={row[0]}>
                {row.map((value, index) => (
                  <td key={columns[index]}>
                    {index === 0 ? value : <Copyable name={columns[index] ?? ""} value={value} />}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Region>
    </section>
  );
}
