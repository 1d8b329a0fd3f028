import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { answerTo, promptLines, terminalOperator } from "../../../src/cli/operator.js";
import type { Prompt } from "../../../src/station/ports.js";

const PROMPT: Prompt = {
  text: { ko: "어떻게?", en: "How?" },
  choices: [
    { value: "go-on", text: { ko: "계속", en: "Go on" } },
    { value: "anew", text: { ko: "새로", en: "Anew" } },
  ],
};

function terminal(isTTY = true) {
  const stdin = Object.assign(new PassThrough(), { isTTY });
  const stderr = Object.assign(new PassThrough(), { isTTY });
  let shown = "";
  stderr.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const io = { stdin, stdout: new PassThrough(), stderr, env: {}, signal: new AbortController().signal };
  return { io, stdin, shown: () => shown };
}

describe("a question on the terminal", () => {
  it("shows its choices with numbers, in the operator's languages", () => {
    expect(promptLines(PROMPT, "en")).toEqual(["How?", "  1  Go on (go-on)", "  2  Anew (anew)"]);
    expect(promptLines(PROMPT, "both")).toEqual([
      "어떻게?",
      "How?",
      "  1  계속 / Go on (go-on)",
      "  2  새로 / Anew (anew)",
    ]);
  });

  it.each([
    ["2", "anew"],
    ["anew", "anew"],
    ["3", undefined],
    ["", undefined],
  ])("takes %j for %s", (line, value) => {
    expect(answerTo(PROMPT, line)).toBe(value);
  });

  it("takes any text where there are no choices", () => {
    expect(answerTo({ text: PROMPT.text }, "12")).toBe("12");
  });

  it("is asked again until the answer is one of them", async () => {
    const { io, stdin, shown } = terminal();
    const answer = terminalOperator(io, "en")?.ask(PROMPT, io.signal);
    stdin.write("perhaps\n2\n");
    expect(await answer).toBe("anew");
    expect(shown().split("> ").length).toBe(3);
  });

  it("ends with its signal", async () => {
    const { io } = terminal();
    const abort = new AbortController();
    const answer = terminalOperator(io, "en")?.ask(PROMPT, abort.signal);
    abort.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
  });

  it("is asked of nobody where there is no terminal", () => {
    expect(terminalOperator(terminal(false).io, "en")).toBeUndefined();
  });
});
