/** The steps of a run, folded to groups; the one that is worked on is open. */
import type { GroupView, RunView, StepView } from "../../contract/state.js";
import { readable, seconds } from "../format.js";
import { useNow } from "../parts/now.js";
import { useTexts } from "../texts/texts.js";
import { stepWords } from "./band.js";
import { type GroupState, groupInFocus, groupState, groupTime, isOver, stepInFocus } from "./progress.js";

export const MARKS: Readonly<Record<GroupState | StepView["state"], string>> = {
  waiting: "○",
  running: "●",
  done: "✓",
  failed: "✕",
  skipped: "–",
};
/** Facts of a step that fit beside it. */
const FACTS = 3;

export function Groups({ run, running }: { readonly run: RunView; readonly running: boolean }) {
  const now = useNow(200, running);
  const focus = groupInFocus(run);
  return (
    <ul class="groups">
      {run.groups.map((group) => (
        <Group key={group.group} group={group} open={group === focus} now={now} />
      ))}
    </ul>
  );
}

interface GroupProps {
  readonly group: GroupView;
  readonly open: boolean;
  readonly now: number;
}

function Group({ group, open, now }: GroupProps) {
  const texts = useTexts();
  const { t } = texts;
  const state = groupState(group);
  const time = groupTime(group, now);
  const step = stepInFocus(group);
  const { length } = group.steps;
  return (
    <li class={`group ${state}`}>
      <span class="mark" role="img" aria-label={t(`state.${state}`)}>
        {MARKS[state]}
      </span>
      <span class="name">
        {t(`group.${group.group}`)}
        {length > 1 ? ` ${group.steps.filter(isOver).length}/${length}` : ""}
      </span>
      <span class="took">{time === undefined ? "" : t("seconds", { value: seconds(time) })}</span>
      <span class="facts">
        {step === undefined
          ? ""
          : [open && length > 1 ? stepWords(step.step, texts) : "", said(step, texts.named)]
              .filter(Boolean)
              .join(" · ")}
      </span>
    </li>
  );
}

const said = ({ facts }: StepView, named: (prefix: "fact", name: string) => string) =>
  facts
    .slice(0, FACTS)
    .map(({ name, value }) => `${named("fact", name)} ${readable(value)}`)
    .join(", ");
