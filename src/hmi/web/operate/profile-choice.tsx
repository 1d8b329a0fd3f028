/** Which profile the next units of a bay get: a button that says it, and the choice behind it. */
import { useState } from "preact/hooks";
import type { BayView, ProfileView } from "../../contract/state.js";
import { get, post } from "../api.js";
import { useAction } from "../parts/action.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { Modal } from "../parts/modal.js";
import { useTexts } from "../texts/texts.js";

/** A profile with its version and whether it is approved; without one, that the scan decides. */
export function useProfileWords(profile: ProfileView | undefined): string {
  const { t, local } = useTexts();
  if (profile === undefined) return t("profile.byScan");
  const { title, version, approved } = profile;
  return `${local(title)} · v${version} ${t(approved ? "profile.approved" : "profile.unapproved")}`;
}

export function ProfileChoice({ bay, kind }: { readonly bay: BayView; readonly kind: string }) {
  const { t } = useTexts();
  const [open, setOpen] = useState(false);
  const words = useProfileWords(bay.profile);
  return (
    <>
      <button type="button" class={kind} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {words}
      </button>
      <Modal open={open} label={t("profile.choose")} onClose={() => setOpen(false)}>
        <Choices bay={bay} onDone={() => setOpen(false)} />
      </Modal>
    </>
  );
}

function Choices({ bay, onDone }: { readonly bay: BayView; readonly onDone: () => void }) {
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
