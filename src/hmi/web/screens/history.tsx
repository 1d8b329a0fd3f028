/** The search over all runs. */
import { useState } from "preact/hooks";
import { OUTCOMES } from "../../contract/state.js";
import type { RunPage, RunRow } from "../../contract/views.js";
import { addressWith, get, type Query } from "../api.js";
import { dateAndTime, grouped, midnight, seconds } from "../format.js";
import { live } from "../live/live.js";
import { SYMBOLS } from "../operate/band.js";
import { useAction } from "../parts/action.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { Region } from "../parts/region.js";
import { TableHead } from "../parts/table-head.js";
import { addressOfPlace } from "../route.js";
import { useMay } from "../session.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";

const FIELDS = ["text", "vin", "ecuId", "serialNumber", "certificate", "code", "station"] as const;
const COLUMNS = ["outcome", "vin", "startedAt", "took", "bay", "profile", "ecuId", "serialNumber"] as const;
const DAY = 24 * 60 * 60 * 1000;

/** A form's fields as the query that they mean; the last day counts whole. */
function queryOf(form: HTMLFormElement): Query {
  const data = new FormData(form);
  const field = (name: string) => String(data.get(name) ?? "").trim();
  const to = midnight(field("to"));
  const id = (name: string) => field(name).replace(/\s/g, "").toLowerCase();
  return {
    text: field("text"),
    // As the scan makes them, and as they are kept.
    vin: field("vin").toUpperCase(),
    ecuId: id("ecuId"),
    serialNumber: field("serialNumber"),
    certificate: id("certificate"),
    code: field("code").toUpperCase(),
    station: field("station"),
    bay: field("bay"),
    outcome: field("outcome"),
    from: midnight(field("from")),
    to: to === undefined ? undefined : to + DAY,
  };
}

export function History() {
  const { t } = useTexts();
  const [{ query, search }, setSearch] = useState<{ readonly query: Query; readonly search: number }>({
    query: {},
    search: 0,
  });
  const bays = useStore(live, ({ state }) => state?.bays.map(({ name }) => name).join("\n")) ?? "";
  const mayExport = useMay("export");
  // What is shown while another search goes on belongs to its own query. Each search begins with its own first page, the same one once more too:
  // pages that were found before do not join those of now.
  const { load, reload } = useLoad(String(search), async (signal) => ({
    query,
    search,
    page: await get("runs", {}, query, signal),
  }));
  return (
    <>
      <search>
        <form
          class="search"
          onSubmit={(event) => {
            event.preventDefault();
            setSearch({ query: queryOf(event.currentTarget), search: search + 1 });
          }}
        >
          {FIELDS.map((name) => (
            <label key={name}>
              {t(`field.${name}`)}
              <input type="search" name={name} maxLength={60} />
            </label>
          ))}
          <label>
            {t("field.outcome")}
            <select name="outcome">
              <option value="">{t("any")}</option>
              {OUTCOMES.map((outcome) => (
                <option key={outcome} value={outcome}>
                  {t(`outcome.${outcome}`)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {t("field.bay")}
            <select name="bay">
              <option value="">{t("any")}</option>
              {bays.split("\n").map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          {(["from", "to"] as const).map((name) => (
            <label key={name}>
              {t(`field.${name}`)}
              <input type="date" name={name} />
            </label>
          ))}
          <button type="submit" class="act">
            {t("search")}
          </button>
          {mayExport ? (
            <a class="button plain" href={addressWith("runsExport", {}, query)} download>
              {t("export.csv")}
            </a>
          ) : null}
        </form>
      </search>
      <Loaded
        load={load}
        reload={reload}
        empty={{ when: ({ page }) => page.runs.length === 0, text: t("history.none") }}
      >
        {(found) => <Found key={found.search} first={found.page} query={found.query} />}
      </Loaded>
    </>
  );
}

function Found({ first, query }: { readonly first: RunPage; readonly query: Query }) {
  const { t } = useTexts();
  const [more, setMore] = useState<readonly RunPage[]>([]);
  const { busy, run, refused } = useAction();
  const next = (more.at(-1) ?? first).next;
  const runs = [first, ...more].flatMap((page) => page.runs);
  return (
    <>
      <Region label={t("screen.history")}>
        <table>
          <TableHead columns={COLUMNS.map((name) => t(`field.${name}`))} />
          <tbody>
            {runs.map((row) => (
              <Row key={row.runId} row={row} />
            ))}
          </tbody>
        </table>
      </Region>
      {next === undefined ? null : (
        <button
          type="button"
          class="plain"
          disabled={busy}
          onClick={() => run(async () => setMore([...more, await get("runs", {}, { ...query, after: next })]))}
        >
          {t("more")}
        </button>
      )}
      {refused === undefined ? null : (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
    </>
  );
}

function Row({ row }: { readonly row: RunRow }) {
  const { t } = useTexts();
  const { outcome } = row;
  return (
    <tr>
      <td class={`outcome ${outcome ?? ""}`}>
        <a href={addressOfPlace("history", row.runId)}>
          {outcome === undefined ? t("history.open") : `${SYMBOLS[outcome]} ${t(`outcome.${outcome}`)}`}
        </a>
        {row.code === undefined ? null : <small class="code">{row.code}</small>}
      </td>
      <td>
        <code>{row.vin ?? "–"}</code>
      </td>
      <td>{dateAndTime(row.startedAt)}</td>
      <td>{row.ms === undefined ? "–" : t("seconds", { value: seconds(row.ms) })}</td>
      <td>{row.bay}</td>
      <td>{row.profile}</td>
      <td>
        <code>{row.ecuId === undefined ? "–" : grouped(row.ecuId)}</code>
      </td>
      <td>{row.serialNumber ?? "–"}</td>
    </tr>
  );
}
