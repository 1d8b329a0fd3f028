/** The band that is read from two metres away: verdict, progress, question, or what is waited for. */
import { useRef } from "preact/hooks";
import type { BayView, Outcome, PromptView, VerdictView } from "../../contract/state.js";
import { post } from "../api.js";
import { useAction } from "../parts/action.js";
import { useMay } from "../session.js";
import { type Texts, textsIn, useTexts } from "../texts/texts.js";
import { counts, groupInFocus, partsOf, stepInFocus } from "./progress.js";

/** Never colour alone; characters that the usual fonts have, as they are on a PC without others. */
export const SYMBOLS: Readonly<Record<Outcome, string>> = {
  PASS: "✓",
  FAIL: "✕",
  ERROR: "!",
  TIMEOUT: "?",
  ABORTED: "■",
};

/** A step in words: `key:secoc-4` as `Key secoc-4`. */
export function stepWords(step: string, { named }: Texts): string {
  const { kind, name } = partsOf(step);
  return name === "" ? named("step", kind) : `${named("step", kind)} ${name}`;
}

export function Band({ bay }: { readonly bay: BayView }) {
  if (bay.prompt !== undefined) return <Question key={bay.prompt.id} bay={bay} prompt={bay.prompt} />;
  if (bay.phase !== "idle") return <Progress bay={bay} />;
  if (bay.verdict !== undefined) return <Verdict verdict={bay.verdict} />;
  return <Idle bay={bay} />;
}

function Idle({ bay }: { readonly bay: BayView }) {
  const { t, local } = useTexts();
  const missing = bay.scan.missing.map(({ label }) => local(label)).join(", ");
  return (
    <div class="band idle">
      <p class="word">{missing === "" ? t("scan.wait") : t("scan.waitFor", { what: missing })}</p>
    </div>
  );
}

function Progress({ bay }: { readonly bay: BayView }) {
  const texts = useTexts();
  const { t } = texts;
  const { run } = bay;
  const { over, all } = run === undefined ? { over: 0, all: 0 } : counts(run);
  const group = run && groupInFocus(run);
  const step = group && stepInFocus(group);
  const words =
    bay.phase === "queued"
      ? bay.waitsFor === undefined
        ? t("queued")
        : t("queued.for", { bay: bay.waitsFor })
      : bay.phase === "aborting"
        ? t("aborting.long")
        : group === undefined
          ? t("running")
          : t(`group.${group.group}`);
  return (
    <div class="band busy">
      <p class="word">{words}</p>
      <progress aria-label={t("progress")} max={Math.max(1, all)} value={over} />
      <p class="detail">
        {t("progress.steps", { over, all })}
        {step === undefined ? "" : ` · ${stepWords(step.step, texts)}`}
        {run?.resumed === true ? ` · ${t("resumed")}` : ""}
      </p>
    </div>
  );
}

const [KO, EN] = [textsIn("ko"), textsIn("en")];

function Verdict({ verdict }: { readonly verdict: VerdictView }) {
  const texts = useTexts();
  const { t, local } = texts;
  const { outcome, failure, vin, ecuId, owed } = verdict;
  return (
    <div class={`band verdict ${outcome}`} data-outcome={outcome}>
      <div class="words">
        <p class="word">
          <span aria-hidden="true">{SYMBOLS[outcome]}</span> <span lang="ko">{KO.t(`outcome.${outcome}`)}</span>{" "}
          <span lang="en">{EN.t(`outcome.${outcome}`)}</span>
        </p>
        <p class="unit">
          {vin === undefined ? (ecuId === undefined ? t("unit.unknown") : ecuId) : `${t("vin")} ${vin}`}
        </p>
      </div>
      {failure === undefined ? null : (
        <div class="cause">
          <p>{local(failure.text)}</p>
          <p class="code">
            {failure.code} · {stepWords(failure.step, texts)}
            {owed > 0 ? ` · ${t("owed", { count: owed })}` : ""}
          </p>
        </div>
      )}
      {owed > 0 && failure === undefined ? <p class="owed">{t("owed", { count: owed })}</p> : null}
    </div>
  );
}

function Question({ bay, prompt }: { readonly bay: BayView; readonly prompt: PromptView }) {
  const { t, local } = useTexts();
  const field = useRef<HTMLInputElement>(null);
  const { busy, run, refused } = useAction();
  const mayAnswer = useMay("answer");
  const answer = (value: string) => run(() => post("answer", { bay: bay.name }, { prompt: prompt.id, value }));
  const { choices, image } = prompt;
  return (
    <section class="band prompt" aria-label={t("prompt")}>
      {image === undefined ? null : <img src={image} alt="" />}
      <p class="word">{local(prompt.text)}</p>
      <div class="choices">
        {choices === undefined ? (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              answer(field.current?.value ?? "");
            }}
          >
            <input ref={field} type="text" maxLength={200} aria-label={t("prompt.answer")} disabled={!mayAnswer} />
            <button type="submit" class="act" disabled={busy || !mayAnswer}>
              {t("ok")}
            </button>
          </form>
        ) : (
          choices.map(({ value, text }) => (
            <button key={value} type="button" class="act" disabled={busy || !mayAnswer} onClick={() => answer(value)}>
              {local(text)}
            </button>
          ))
        )}
      </div>
      {refused === undefined ? null : (
        <p class="error" role="alert">
          {refused}
        </p>
      )}
    </section>
  );
}
