/** Hardware profiles: which there are, what changed between their versions, and their approval. */
import { useState } from "preact/hooks";
import type { ProfileRow } from "../../contract/views.js";
import { get, post } from "../api.js";
import { dateAndTime } from "../format.js";
import { live } from "../live/live.js";
import { ProfileChoice } from "../operate/profile-choice.js";
import { Action } from "../parts/action.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { Region } from "../parts/region.js";
import { addressOfPlace } from "../route.js";
import { useMay } from "../session.js";
import { useStore } from "../store.js";
import { useTexts } from "../texts/texts.js";

export function Profiles({ hash }: { readonly hash: string | undefined }) {
  const { t } = useTexts();
  const { load, reload } = useLoad("profiles", (signal) => get("profiles", {}, {}, signal));
  return (
    <Loaded load={load} reload={reload} empty={{ when: (rows) => rows.length === 0, text: t("profiles.none") }}>
      {(rows) => {
        const row = rows.find((one) => one.hash === hash);
        if (row !== undefined) return <Changes key={row.hash} row={row} />;
        return (
          <>
            <OfBays />
            <List rows={rows} onChange={reload} />
          </>
        );
      }}
    </Loaded>
  );
}

/** The choice for each bay, where its tile has no room for it. */
function OfBays() {
  const { t } = useTexts();
  const bays = useStore(live, ({ state }) => state?.bays) ?? [];
  if (!useMay("chooseProfile")) return null;
  return (
    <section class="of-bays">
      <h2>{t("profile.choose")}</h2>
      {bays.map((bay) => (
        <p key={bay.name} data-bay-profile={bay.name}>
          <span>{t("bay", { name: bay.name })}</span> <ProfileChoice bay={bay} kind="plain" />
        </p>
      ))}
    </section>
  );
}

function List({ rows, onChange }: { readonly rows: readonly ProfileRow[]; readonly onChange: () => void }) {
  const { t, local } = useTexts();
  const mayApprove = useMay("approve");
  return (
    <ul class="cards">
      {rows.map((row) => (
        <li key={row.hash} class="card">
          <h2>{local(row.title)}</h2>
          <p>
            {row.name} · v{row.version} · <code>{row.hash.slice(0, 12)}</code>{" "}
            <span class={row.approved ? "up" : "attention"}>
              {t(row.approved ? "profile.approved" : "profile.unapproved")}
            </span>
          </p>
          <p class="muted">{row.file}</p>
          {row.approvals.map(({ user, at }) => (
            <p key={user}>{t("profile.approvedBy", { user, at: dateAndTime(at) })}</p>
          ))}
          {row.needed > 0 ? <p>{t("profile.needed", { count: row.needed })}</p> : null}
          <div class="actions">
            {row.former.length === 0 ? null : (
              <a class="button plain" href={addressOfPlace("profiles", row.hash)}>
                {t("profile.changes")}
              </a>
            )}
            {mayApprove && row.needed > 0 ? (
              <Action kind="act" work={() => post("approve", { hash: row.hash }).then(onChange)}>
                {t("profile.approve")}
              </Action>
            ) : null}
          </div>
        </li>
      ))}
    </ul>
  );
}

const SIGNS = { same: " ", added: "+", removed: "−" } as const;

function Changes({ row }: { readonly row: ProfileRow }) {
  const { t, local } = useTexts();
  const [since, setSince] = useState(row.former[0] ?? "");
  const { load, reload } = useLoad(since, (signal) => get("profileChanges", { hash: row.hash }, { since }, signal));
  return (
    <>
      <div class="actions">
        <a class="button plain" href={addressOfPlace("profiles")}>
          {t("back")}
        </a>
        <label>
          {t("profile.since")}
          <select value={since} onChange={(event) => setSince(event.currentTarget.value)}>
            {row.former.map((hash) => (
              <option key={hash} value={hash}>
                {hash.slice(0, 12)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <h2>
        {local(row.title)} · v{row.version}
      </h2>
      <Loaded load={load} reload={reload}>
        {({ lines }) => (
          <Region kind="diff" label={t("profile.changes")}>
            {lines.map(({ kind, text }, index) => (
              <div key={`${index} ${text}`} class={kind}>
                <span aria-hidden="true">{SIGNS[kind]}</span>
                {kind === "same" ? null : <span class="unseen">{t(`diff.${kind}`)}</span>}
                <code>{text}</code>
              </div>
            ))}
          </Region>
        )}
      </Loaded>
    </>
  );
}
