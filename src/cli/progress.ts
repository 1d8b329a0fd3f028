/** Shows a run on a terminal (a live list of steps) or as plain lines where stdout is no terminal. */
import type { Timer } from "../shared/clock.js";
import { shownFacts } from "../station/facts.js";
import type { Clock, Operator, Outcome, RunEvent, RunRecord, StepRecord } from "../station/ports.js";
import type { Language } from "./config.js";
import { printable, shortened } from "./printable.js";

const OUTCOME_WORDS: Record<Outcome, { ko: string; en: string }> = {
  PASS: { ko: "합격", en: "PASS" },
  FAIL: { ko: "불합격", en: "FAIL" },
  ERROR: { ko: "오류", en: "ERROR" },
  TIMEOUT: { ko: "시간 초과", en: "TIMEOUT" },
  ABORTED: { ko: "중단됨", en: "ABORTED" },
};

const SIGNS: Record<StepRecord["state"], string> = { done: "✓", failed: "✗", skipped: "–" };
const COLUMN = 22;
/** ms between two drawings of the live list. */
const REDRAW = 200;

export interface Progress {
  event(event: RunEvent): void;
  /** The person at the terminal, whose questions no drawing disturbs. */
  around(operator: Operator): Operator;
  /** Ends the live list; lines printed afterwards stay below it. To be called however the run ended. */
  end(): void;
}

interface Output {
  write(text: string): void;
  /** Terminals get the live list. */
  readonly live: boolean;
  /** Size of the terminal now; undefined where nobody knows. */
  size(): { readonly columns: number; readonly rows: number } | undefined;
}

/** One step as a line: sign, name, seconds, what was found. */
export function stepLine(record: StepRecord): string {
  const facts = shownFacts(record.facts)
    .map(({ name, value }) => `${name} ${value}`)
    .join(", ");
  const took = (record.ms / 1_000).toFixed(2).padStart(6);
  return `${SIGNS[record.state]} ${record.step.padEnd(COLUMN)} ${took} s  ${printable(facts)}`.trimEnd();
}

/** The verdict in the operator's language(s): the word first, then what to do and the code. */
export function verdictLines(record: RunRecord, language: Language): string[] {
  const words = OUTCOME_WORDS[record.outcome];
  const seconds = ((record.finishedAt - record.startedAt) / 1_000).toFixed(2);
  const word = record.outcome === "PASS" || language === "en" ? words.en : `${words.en} ${words.ko}`;
  const unit = [record.header.inputs.vin, record.identity?.ecuId].filter((part) => part !== undefined).join(" · ");
  const lines = [`${word}  ${seconds} s  ${unit}`.trimEnd()];
  if (record.failure !== undefined) {
    const { code, step, text, causes } = record.failure;
    if (language !== "en") lines.push(`  ${shortened(text.ko)}`);
    if (language !== "ko") lines.push(`  ${shortened(text.en)}`);
    lines.push(`  ${code} in ${step}`);
    for (const cause of causes) lines.push(`  because: ${shortened(cause)}`);
  }
  if (record.owed > 0) {
    if (language !== "en")
      lines.push(`  서버에 전달되지 않은 결과 ${record.owed}건은 보관되며, 서버가 돌아오면 전달됩니다.`);
    if (language !== "ko")
      lines.push(`  ${record.owed} result(s) are kept and will be delivered when the server is back.`);
  }
  return lines;
}

function resumedLines(runId: string, language: Language): string {
  const ko = `중단된 작업 ${runId}을(를) 이어서 진행합니다.`;
  const en = `Interrupted run ${runId} goes on.`;
  return { ko: `${ko}\n`, en: `${en}\n`, both: `${ko}\n${en}\n` }[language];
}

function plainProgress(output: Output, language: Language): Progress {
  return {
    event(event) {
      if (event.kind === "begun" && event.resumed) output.write(resumedLines(event.header.runId, language));
      if (event.kind === "step-finished") output.write(`${stepLine(event.record)}\n`);
    },
    around: (operator) => operator,
    end: () => undefined,
  };
}

/** Takes the cursor up over that many lines and clears them. */
function erasing(lines: number): string {
  return lines > 0 ? `\u001b[${lines}A\r\u001b[J` : "";
}

/** What follows `step` in a list; all of it where the step is not there. */
function after(steps: readonly string[], step: string | undefined): readonly string[] {
  return steps.slice(step === undefined ? 0 : steps.indexOf(step) + 1);
}

/** Steps that ended stand for good; below them, drawn anew, the one at work and the ones to come, as many as the terminal has room for. */
function liveProgress(output: Output, clock: Clock, language: Language): Progress {
  let waiting: readonly string[] = [];
  let running: { readonly step: string; readonly since: number } | undefined;
  let drawn = 0;
  let timer: Timer | undefined;

  const fitted = (line: string) => {
    const columns = output.size()?.columns ?? 0;
    return columns > 1 ? line.slice(0, columns - 1) : line;
  };
  const liveLines = () => {
    const lines = waiting.map((step) => `○ ${step}`);
    if (running !== undefined) {
      const seconds = ((clock.monotonic() - running.since) / 1_000).toFixed(2);
      lines.unshift(`● ${running.step.padEnd(COLUMN)} ${seconds.padStart(6)} s`);
    }
    return lines.slice(0, Math.max(1, (output.size()?.rows ?? 24) - 2)).map(fitted);
  };
  /** Replaces the live part by lines that stay and a new live part. */
  const draw = (lasting: string) => {
    const lines = liveLines();
    output.write(`${erasing(drawn)}${lasting}${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines.length;
  };
  const tick = () => {
    timer?.cancel();
    draw("");
    timer = clock.timer(REDRAW, tick);
  };
  return {
    event(event) {
      switch (event.kind) {
        case "begun":
          // Comes again when an interrupted run turned out to be another unit's and a fresh one began.
          waiting = after(event.header.plan, running?.step);
          if (event.resumed) draw(resumedLines(event.header.runId, language));
          tick();
          return;
        case "step-started":
          running = { step: event.step, since: clock.monotonic() };
          // Steps before it that did not come were done in an earlier life of the run.
          waiting = after(waiting, event.step);
          draw("");
          return;
        case "step-finished":
          running = undefined;
          draw(`${fitted(stepLine(event.record))}\n`);
          return;
        case "ended":
          return;
      }
    },
    around: (operator) => ({
      async ask(prompt, signal) {
        const began = timer !== undefined;
        timer?.cancel();
        output.write(erasing(drawn));
        drawn = 0;
        try {
          return await operator.ask(prompt, signal);
        } finally {
          if (began) tick();
        }
      },
    }),
    end() {
      timer?.cancel();
      timer = undefined;
      // What was never begun does not stay on the screen.
      running = undefined;
      waiting = [];
      if (drawn > 0) draw("");
    },
  };
}

/** @param output where the lines go; `live` for a terminal */
export function createProgress(output: Output, clock: Clock, language: Language): Progress {
  return output.live ? liveProgress(output, clock, language) : plainProgress(output, language);
}
