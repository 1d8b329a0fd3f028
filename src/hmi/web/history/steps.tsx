/** Each step of a run; one click opens its messages of the wire, decoded. */
import { useState } from "preact/hooks";
import type { StepView } from "../../contract/state.js";
import type { RunDetail } from "../../contract/views.js";
import { get } from "../api.js";
import { readable, seconds, timeOfDay } from "../format.js";
import { stepWords } from "../operate/band.js";
import { MARKS } from "../operate/groups.js";
import { Loaded, useLoad } from "../parts/loaded.js";
import { TraceLines } from "../parts/trace-lines.js";
import { useMay } from "../session.js";
import { useTexts } from "../texts/texts.js";

export function Steps({ run }: { readonly run: RunDetail }) {
  const [open, setOpen] = useState<string | undefined>(undefined);
  const mayTrace = useMay("trace") && run.traces.length > 0;
  return (
    <ol class="steps">
      {run.steps.map((step) => (
        <Step
          key={step.step}
          runId={run.runId}
          step={step}
          mayTrace={mayTrace}
          open={open === step.step}
          onToggle={() => setOpen(open === step.step ? undefined : step.step)}
        />
      ))}
    </ol>
  );
}

interface StepProps {
  readonly runId: string;
  readonly step: StepView;
  readonly mayTrace: boolean;
  readonly open: boolean;
  readonly onToggle: () => void;
}

function Step({ runId, step, mayTrace, open, onToggle }: StepProps) {
  const texts = useTexts();
  const { t, named } = texts;
  return (
    <li class={`step ${step.state}`} data-step={step.step}>
      <div class="line">
        <span class="mark" role="img" aria-label={t(`state.${step.state}`)}>
          {MARKS[step.state]}
        </span>
        <strong class="name">{stepWords(step.step, texts)}</strong>
        <span class="took">{step.ms === undefined ? "" : t("seconds", { value: seconds(step.ms) })}</span>
        <span class="muted">{step.startedAt === undefined ? "" : timeOfDay(step.startedAt)}</span>
        <span class="facts">
          {step.facts.map(({ name, value }) => (
            <span key={name}>
              <span class="muted">{named("fact", name)}</span> <code>{readable(value)}</code>{" "}
            </span>
          ))}
        </span>
        {mayTrace && step.startedAt !== undefined ? (
          <button type="button" class="plain noprint" aria-expanded={open} onClick={onToggle}>
            {t("messages")}
          </button>
        ) : null}
      </div>
      {open ? <Messages runId={runId} step={step.step} /> : null}
    </li>
  );
}

function Messages({ runId, step }: { readonly runId: string; readonly step: string }) {
  const { t } = useTexts();
  const { load, reload } = useLoad(`${runId} ${step}`, (signal) =>
    get("runMessages", { run: runId }, { step }, signal),
  );
  return (
    <Loaded load={load} reload={reload} empty={{ when: (lines) => lines.length === 0, text: t("messages.none") }}>
      {(lines) => <TraceLines lines={lines} label={t("messages")} />}
    </Loaded>
  );
}
