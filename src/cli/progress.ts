/** Shows a run on a terminal (a live list of steps) or as plain lines where stdout is no terminal. */
import type { Clock, Outcome, RunEvent, RunRecord, StepRecord } from "../station/ports.js";

export type Language = "ko" | "en" | "both";

const OUTCOME_WORDS: Record<Outcome, { ko: string; en: string }> = {
  PASS: { ko: "합격", en: "PASS" },
  FAIL: { ko: "불합격", en: "FAIL" },
  ERROR: { ko: "오류", en: "ERROR" },
  TIMEOUT: { ko: "시간초과", en: "TIMEOUT" },
  ABORTED: { ko: "중단", en: "ABORTED" },
};

const SIGNS: Record<StepRecord["state"], string> = { done: "✓", failed: "✗", skipped: "–" };
const COLUMN = 22;

export interface Progress {
  event(event: RunEvent): void;
  /** Ends the live list; lines printed afterwards stay below it. */
  end(): void;
}

interface Output {
  write(text: string): void;
  /** Terminals get the live list. */
  readonly live: boolean;
}

/** Facts for machines: in the record, not on the screen. */
const RECORD_ONLY: ReadonlySet<string> = new Set([
  "m4",
  "m5",
  "reportId",
  "correlationId",
  "sha256",
  "attempt",
  "slot",
  "code",
]);

/** One step as a line: sign, name, seconds, what was found. */
export function stepLine(record: StepRecord): string {
  const facts = Object.entries(record.facts)
    .filter(([name, value]) => !RECORD_ONLY.has(name) && value !== null)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
  return `${SIGNS[record.state]} ${record.step.padEnd(COLUMN)} ${(record.ms / 1_000).toFixed(2).padStart(6)} s  ${facts}`.trimEnd();
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
    if (language !== "en") lines.push(`  ${text.ko}`);
    if (language !== "ko") lines.push(`  ${text.en}`);
    lines.push(`  ${code} in ${step}`);
    for (const cause of causes) lines.push(`  because: ${cause}`);
  }
  if (record.owed > 0) {
    if (language !== "en")
      lines.push(`  서버에 전달되지 않은 결과 ${record.owed}건은 보관되며, 서버가 돌아오면 전달됩니다.`);
    if (language !== "ko")
      lines.push(`  ${record.owed} result(s) are kept and will be delivered when the server is back.`);
  }
  return lines;
}

function plainProgress(output: Output): Progress {
  return {
    event(event) {
      if (event.kind === "begun" && event.resumed) output.write(`taking up run ${event.header.runId} again\n`);
      if (event.kind === "step-finished") output.write(`${stepLine(event.record)}\n`);
    },
    end: () => undefined,
  };
}

function liveProgress(output: Output, clock: Clock): Progress {
  let plan: readonly string[] = [];
  const done = new Map<string, string>();
  let running: { step: string; since: number } | undefined;
  let drawn = 0;
  let timer = clock.timer(0, () => undefined);

  const draw = () => {
    const lines = plan.map((step) => {
      const line = done.get(step);
      if (line !== undefined) return line;
      if (running?.step !== step) return `○ ${step}`;
      return `● ${step.padEnd(COLUMN)} ${((clock.monotonic() - running.since) / 1_000).toFixed(2).padStart(6)} s`;
    });
    output.write(`${drawn > 0 ? `\u001b[${drawn}A` : ""}${lines.map((line) => `\u001b[2K${line}\n`).join("")}`);
    drawn = lines.length;
  };
  const tick = () => {
    draw();
    timer = clock.timer(200, tick);
  };
  return {
    event(event) {
      if (event.kind === "begun") {
        plan = event.header.plan;
        if (event.resumed) output.write(`taking up run ${event.header.runId} again\n`);
        tick();
        return;
      }
      if (event.kind === "step-started") {
        if (!plan.includes(event.step)) plan = [...plan, event.step];
        running = { step: event.step, since: clock.monotonic() };
      }
      if (event.kind === "step-finished") {
        if (!plan.includes(event.record.step)) plan = [...plan, event.record.step];
        done.set(event.record.step, stepLine(event.record));
        running = undefined;
      }
      draw();
    },
    end() {
      timer.cancel();
      if (drawn > 0) draw();
    },
  };
}

/** @param output where the lines go; `live` for a terminal */
export function createProgress(output: Output, clock: Clock): Progress {
  return output.live ? liveProgress(output, clock) : plainProgress(output);
}
