/** The head of a bay's tile: its name and link, the profile, the unit, and the time that it takes. */
import type { BayView, RunView } from "../../contract/state.js";
import { minutes } from "../format.js";
import { useNow } from "../parts/now.js";
import { useMay } from "../session.js";
import { useTexts } from "../texts/texts.js";
import { ProfileChoice, useProfileWords } from "./profile-choice.js";

interface TileHeadProps {
  readonly bay: BayView;
  readonly number: number;
  readonly scansHere: boolean;
}

export function TileHead({ bay, number, scansHere }: TileHeadProps) {
  const { t } = useTexts();
  const idle = bay.phase === "idle";
  const words = useProfileWords(idle ? bay.profile : (bay.run?.profile ?? bay.profile));
  const mayChoose = useMay("chooseProfile") && idle;
  const vin = idle ? undefined : bay.run?.inputs.vin;
  return (
    <header class="head">
      <h2>
        {number} · {bay.name}
      </h2>
      {scansHere ? (
        <span class="here">
          <span aria-hidden="true">▸</span> <span class="word">{t("scan.here")}</span>
        </span>
      ) : null}
      <span class="link muted">{bay.link ?? t("link.simulated")}</span>
      <span class={`profile ${mayChoose ? "small" : ""}`}>{words}</span>
      {mayChoose ? <ProfileChoice bay={bay} kind="flat profile" /> : null}
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
