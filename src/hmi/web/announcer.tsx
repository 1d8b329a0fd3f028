/** Says each verdict and each question to a screen reader, on whatever screen. */
import { useLayoutEffect, useState } from "preact/hooks";
import { live } from "./live/live.js";
import { type BayPrompt, type BayVerdict, promptsSince, verdictsSince } from "./live/verdicts.js";
import { type Texts, useTexts } from "./texts/texts.js";

interface Said {
  /** Counts: what is said once more in the same words is another one. */
  readonly number: number;
  readonly verdicts: readonly BayVerdict[];
  readonly prompts: readonly BayPrompt[];
}

export function Announcer() {
  const texts = useTexts();
  const [said, setSaid] = useState<Said>({ number: 0, verdicts: [], prompts: [] });
  useLayoutEffect(() => {
    let before = live.value.state;
    return live.subscribe(() => {
      const now = live.value.state;
      const [verdicts, prompts] = [verdictsSince(before, now), promptsSince(before, now)];
      if (verdicts.length + prompts.length > 0) setSaid(({ number }) => ({ number: number + 1, verdicts, prompts }));
      before = now;
    });
  }, []);
  // A new element each time: words that only stay the same are not said again.
  return (
    <div class="unseen" aria-live="assertive" data-announcer>
      <p key={said.number}>
        {[
          ...said.verdicts.map((verdict) => verdictWords(verdict, texts)),
          ...said.prompts.map(({ bay, prompt }) =>
            texts.t("announce.prompt", { bay, question: texts.local(prompt.text) }),
          ),
        ].join(" ")}
      </p>
    </div>
  );
}

function verdictWords({ bay, verdict }: BayVerdict, { t, local }: Texts): string {
  const { outcome, vin, ecuId, failure } = verdict;
  const words = t("announce", { bay, outcome: t(`outcome.${outcome}`), unit: vin ?? ecuId ?? t("unit.unknown") });
  return `${words}. ${failure === undefined ? "" : local(failure.text)}`;
}
