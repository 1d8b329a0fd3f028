import { describe, expect, it } from "vitest";
import { createProgress, type Progress } from "../../../src/cli/progress.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import type { RunEvent, RunHeader } from "../../../src/station/ports.js";

const header: RunHeader = {
  runId: "run-1",
  bay: "1",
  link: "sim:",
  profile: { name: "evcc", version: 1, hash: "ab".repeat(32) },
  inputs: {},
  expectedEcuId: undefined,
  startedAt: 0,
  programVersion: "0.0.0",
  plan: ["open", "identify", "unlock", "key:master", "verify"],
};
const begun = (resumed: boolean): RunEvent => ({ kind: "begun", header, resumed });
const started = (step: string): RunEvent => ({ kind: "step-started", step, at: 0 });
const finished = (step: string, text = ""): RunEvent => ({
  kind: "step-finished",
  record: { step, state: "done", startedAt: 0, ms: 120, facts: { text } },
});

const ESCAPE = "\u001b";

/** What stands on a terminal after the escapes that the list uses. */
function screen(written: string): string[] {
  const lines: string[] = [""];
  for (const part of written.replaceAll(ESCAPE, "^").split(/(\^\[\d*[AJ]|\r|\n)/)) {
    const up = /^\^\[(\d+)A$/.exec(part);
    if (up !== null) lines.length = Math.max(1, lines.length - Number(up[1]));
    else if (part === "^[J") lines[lines.length - 1] = "";
    else if (part === "\n") lines.push("");
    else if (part !== "\r") lines[lines.length - 1] += part;
  }
  return lines.filter((line) => line !== "");
}

function terminal(live: boolean, size = { columns: 80, rows: 24 }) {
  const clock = new VirtualClock();
  let written = "";
  const output = {
    write: (text: string) => {
      written += text;
    },
    live,
    size: () => size,
  };
  const progress: Progress = createProgress(output, clock, "en");
  return { clock, progress, shown: () => screen(written), written: () => written };
}

describe("the live list of steps", () => {
  it("shows what ended, what is at work with its time, and what is to come", async () => {
    const { clock, progress, shown } = terminal(true);
    progress.event(begun(false));
    progress.event(started("open"));
    progress.event(finished("open"));
    progress.event(started("identify"));
    await clock.advance(1_000);
    expect(shown().map((line) => line.replace(/ +/g, " "))).toEqual([
      "✓ open 0.12 s text",
      "● identify 1.00 s",
      "○ unlock",
      "○ key:master",
      "○ verify",
    ]);
    progress.end();
    expect(shown()).toHaveLength(1);
  });

  it("leaves no timer behind, even where a run begins twice", async () => {
    const { clock, progress } = terminal(true);
    progress.event(begun(true));
    progress.event(started("identify"));
    progress.event(begun(false));
    await clock.advance(500);
    progress.end();
    expect(clock.pending).toBe(0);
  });

  it("cuts lines that would wrap and lists no more than the terminal holds", () => {
    const { progress, shown } = terminal(true, { columns: 30, rows: 5 });
    progress.event(begun(false));
    progress.event(started("open"));
    progress.event(finished("open", "x".repeat(200)));
    expect(shown()).toHaveLength(1 + 3);
    for (const line of shown()) expect(line.length).toBeLessThan(30);
  });
});

describe("a run that goes on", () => {
  it("does not list steps of its earlier life as still to come", () => {
    const { progress, shown } = terminal(true);
    progress.event(begun(true));
    progress.event(started("unlock"));
    progress.event(finished("unlock"));
    progress.event(started("verify"));
    expect(shown().map((line) => line.split(/ +/).slice(0, 2).join(" "))).toEqual([
      "Interrupted run",
      "✓ unlock",
      "● verify",
    ]);
    progress.end();
  });
});

describe("without a terminal", () => {
  it("prints a plain line a step, and that an interrupted run goes on", () => {
    const { progress, written } = terminal(false);
    progress.event(begun(true));
    progress.event(started("open"));
    progress.event(finished("open", "x"));
    progress.end();
    expect(written()).toBe("Interrupted run run-1 goes on.\n✓ open                     0.12 s  text x\n");
  });
});
