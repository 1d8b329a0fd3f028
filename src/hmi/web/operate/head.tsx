/** The head of a bay's tile: its name and link, the profile, the unit, and the time that it takes. */
import { useState } from "preact/hooks";
import type { BayView, ProfileView, RunView } from "../../contract/state.js";
import { get, post } from "../api.js";
import { minutes } from "../format.js";
import { useAction } from "../parts/action.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { Modal } from "../parts/modal.js";
import { useNow } from "../parts/now.js";
import { useMay } from "../session.js";
import { useTexts } from "../texts/texts.js";

export function TileHead({ bay, number }: { readonly bay: BayView; readonly number: number }) {
  const { t } = useTexts();
  const profile = bay.phase === "idle" ? bay.profile : (bay.run?.profile ?? bay.profile);
  const vin = bay.phase === "idle" ? undefined : bay.run?.inputs.vin;
  return (
    <header class="head">
      <h2>
        {number} · {bay.name}
      </h2>
      <span class="link muted">{bay.link ?? t("link.simulated")}</span>
      <ProfileButton bay={bay} profile={profile} />
      <span class="space" />
      {vin === undefined ? null : (
        <span class="unit">
          <span class="muted">{t("vin")}</span> <code>{vin}</code>
        </span>
      )}
      {bay.run === undefined ? null : <Elapsed run={bay.run} bay={bay} />}
    </header>
  );
}

function Elapsed({ run, bay }: { readonly run: RunView; readonly bay: BayView }) {
  const { t } = useTexts();
  const running = bay.phase !== "idle";
  const now = useNow(500, running);
  const ms = running ? now - run.startedAt : bay.verdict?.ms;
  if (ms === undefined) return null;
  const late = run.takt !== undefined && ms > run.takt;
  return (
    <span class={`elapsed ${late ? "late" : ""}`} role="timer" aria-label={t("takt")}>
      {minutes(ms)}
      {run.takt === undefined ? "" : ` / ${minutes(run.takt)}`}
      {late && run.takt !== undefined ? ` ${t("takt.over", { time: minutes(ms - run.takt) })}` : ""}
    </span>
  );
}

function ProfileButton({ bay, profile }: { readonly bay: BayView; readonly profile: ProfileView | undefined }) {
  const { t, local } = useTexts();
  const [open, setOpen] = useState(false);
  const mayChoose = useMay("chooseProfile");
  const words =
    profile === undefined
      ? t("profile.byScan")
      : `${local(profile.title)} · v${profile.version} ${t(profile.approved ? "profile.approved" : "profile.unapproved")}`;
  if (!mayChoose || bay.phase !== "idle") return <span class="profile">{words}</span>;
  return (
    <>
      <span class="profile small">{words}</span>
      <button type="button" class="flat profile" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {words}
      </button>
      <Modal open={open} label={t("profile.choose")} onClose={() => setOpen(false)}>
        <ProfileChoice bay={bay} onDone={() => setOpen(false)} />
      </Modal>
    </>
  );
}

function ProfileChoice({ bay, onDone }: { readonly bay: BayView; readonly onDone: () => void }) {
  const { t, local } = useTexts();
  const { load, reload } = useLoad("profiles", (signal) => get("profiles", {}, {}, signal));
  const { busy, run, refused } = useAction();
  const choose = (profile: string | null) =>
    run(() => post("chooseProfile", { bay: bay.name }, { profile }).then(onDone));
  return (
    <>
      <h2>{t("profile.choose")}</h2>
      <Loaded load={load} reload={reload}>
        {(profiles) => (
          <div class="stack">
            <button type="button" class="plain" disabled={busy} onClick={() => choose(null)}>
              {t("profile.byScan")}
            </button>
            {profiles.map((row) => (
              <button
                key={row.hash}
                type="button"
                class="plain"
                disabled={busy}
                aria-pressed={row.name === bay.profile?.name}
                onClick={() => choose(row.name)}
              >
                {local(row.title)} · {row.name} v{row.version}
              </button>
            ))}
          </div>
        )}
      </Loaded>
      {refused === undefined ? null : (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
      <button type="button" class="plain" onClick={onDone}>
        {t("close")}
      </button>
    </>
  );
}
