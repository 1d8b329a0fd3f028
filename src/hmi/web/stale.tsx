/** What lies over everything while the station says nothing: what is shown may not be true any more. */
import { live } from "./live/live.js";
import { useStore } from "./store.js";
import { useTexts } from "./texts/texts.js";

export function Stale() {
  const { t } = useTexts();
  const seconds = useStore(live, (value) => value.staleFor);
  const lost = useStore(live, (value) => value.lost);
  if (seconds === undefined) return null;
  return (
    <div class="stale" role="alert">
      <strong>{t(lost ? "stale.lost" : "stale.silent")}</strong>
      <span aria-hidden="true">{t("stale.since", { seconds })}</span>
      <span>{t("stale.todo")}</span>
    </div>
  );
}
