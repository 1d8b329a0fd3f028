/** The servers' health, and the results that have not reached them. */
import { useRef, useState } from "preact/hooks";
import type { OutboxRowView } from "../../contract/views.js";
import { get, post } from "../api.js";
import { dateAndTime, grouped } from "../format.js";
import { live } from "../live/live.js";
import { Action, useAction } from "../parts/action.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { Modal } from "../parts/modal.js";
import { Region } from "../parts/region.js";
import { TableHead } from "../parts/table-head.js";
import { addressOfPlace } from "../route.js";
import { useMay } from "../session.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";

export function Servers() {
  const { t, local } = useTexts();
  const servers = useStore(live, ({ state }) => state?.servers) ?? [];
  return (
    <>
      <ul class="cards">
        {servers.map(({ name, state, trouble }) => (
          <li key={name} class="card">
            <h2>{name}</h2>
            <p class={state}>{t(`server.${state}`)}</p>
            {trouble === undefined ? null : <p>{local(trouble)}</p>}
          </li>
        ))}
      </ul>
      <h2>{t("outbox")}</h2>
      <Outbox />
    </>
  );
}

function Outbox() {
  const { t } = useTexts();
  const count = useStore(live, ({ state }) => state?.outbox);
  const key = count === undefined ? "" : `${count.waiting} ${count.quarantined}`;
  const { load, reload } = useLoad(key, (signal) => get("outbox", {}, {}, signal));
  return (
    <>
      {count?.full === true ? <p class="note wrong">{t("outbox.full")}</p> : null}
      <Loaded load={load} reload={reload} empty={{ when: (rows) => rows.length === 0, text: t("outbox.none") }}>
        {(rows) => <Rows rows={rows} onChange={reload} />}
      </Loaded>
    </>
  );
}

const COLUMNS = ["state", "sink", "what", "run", "ecuId", "attempts", "nextAt"] as const;

function Rows({ rows, onChange }: { readonly rows: readonly OutboxRowView[]; readonly onChange: () => void }) {
  const { t } = useTexts();
  const mayWaive = useMay("waive");
  const [waived, setWaived] = useState<OutboxRowView | undefined>(undefined);
  return (
    <Region label={t("outbox")}>
      <table>
        <TableHead columns={COLUMNS.map((name) => t(`field.${name}`))}>
          <td />
        </TableHead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <td class={row.state === "quarantined" ? "down" : ""}>
                {t(`outbox.state.${row.state}`)}
                {row.lastError === undefined ? null : <small>{row.lastError}</small>}
              </td>
              <td>{row.sink}</td>
              <td>{row.what}</td>
              <td>
                <a href={addressOfPlace("history", row.runId)}>{row.runId.slice(0, 12)}</a>
              </td>
              <td>
                <code>{grouped(row.ecuId)}</code>
              </td>
              <td>{row.attempts}</td>
              <td>{row.state === "waiting" ? dateAndTime(row.nextAt) : "–"}</td>
              <td>
                {row.state === "quarantined" ? (
                  <span class="actions">
                    <Action work={() => post("retry", { id: row.id }).then(onChange)}>{t("outbox.retry")}</Action>
                    {mayWaive ? (
                      <button type="button" class="danger" onClick={() => setWaived(row)}>
                        {t("outbox.waive")}
                      </button>
                    ) : null}
                  </span>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Modal open={waived !== undefined} label={t("outbox.waive")} onClose={() => setWaived(undefined)}>
        {waived === undefined ? null : (
          <Waive
            row={waived}
            onDone={() => {
              setWaived(undefined);
              onChange();
            }}
            onBack={() => setWaived(undefined)}
          />
        )}
      </Modal>
    </Region>
  );
}

interface WaiveProps {
  readonly row: OutboxRowView;
  readonly onDone: () => void;
  readonly onBack: () => void;
}

function Waive({ row, onDone, onBack }: WaiveProps) {
  const { t } = useTexts();
  const why = useRef<HTMLInputElement>(null);
  const { busy, run, refused } = useAction();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        run(() => post("waive", { id: row.id }, { reason: why.current?.value.trim() ?? "" }).then(onDone));
      }}
    >
      <h2>{t("outbox.waive")}</h2>
      <p>{t("outbox.waive.consequence", { what: row.what, ecuId: grouped(row.ecuId) })}</p>
      <label>
        {t("outbox.waive.reason")}
        <input ref={why} type="text" required maxLength={500} />
      </label>
      {refused === undefined ? null : (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
      <div class="actions">
        <button type="button" class="plain" onClick={onBack}>
          {t("back")}
        </button>
        <button type="submit" class="danger" disabled={busy}>
          {t("outbox.waive")}
        </button>
      </div>
    </form>
  );
}
