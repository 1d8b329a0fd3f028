import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { StationError } from "../../../../src/shared/errors.js";
import { silentLogger } from "../../../../src/shared/logger.js";
import { type BayOrder, type BayState, Bays } from "../../../../src/station/bays/bays.js";
import type { Operator } from "../../../../src/station/ports.js";
import { SetClock } from "../set-clock.js";
import { HEADER, PASS, QUESTION } from "./one-run.js";

/** A run that ends when it is told to. */
function held(): { work: BayOrder["work"]; end: () => void; begun: Promise<void> } {
  let end: () => void = () => undefined;
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  const work: BayOrder["work"] = async ({ signal }) => {
    begin();
    await new Promise<void>((resolve, reject) => {
      void done.then(resolve);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return PASS;
  };
  return { work, end, begun };
}

let bays: Bays;
let clock: VirtualClock;

function open(...places: { name: string; shares?: string[] }[]): void {
  clock = new VirtualClock();
  bays = new Bays({ places, clock, logger: silentLogger, unwind: 5_000 });
}

beforeEach(() => open({ name: "A" }, { name: "B" }));
afterEach(() => bays.close());

describe("the bays of a station", () => {
  it("run units side by side, each with its own state", async () => {
    const a = held();
    const b = held();
    const first = bays.start("A", a);
    const second = bays.start("B", b);
    await Promise.all([a.begun, b.begun]);
    expect(bays.states().map(({ name, phase }) => [name, phase])).toEqual([
      ["A", "running"],
      ["B", "running"],
    ]);
    b.end();
    expect(await second).toEqual({ outcome: "PASS" });
    expect(bays.state("A").phase).toBe("running");
    expect(bays.state("B")).toMatchObject({ phase: "idle", verdict: { outcome: "PASS" } });
    a.end();
    expect(await first).toEqual({ outcome: "PASS" });
  });

  it("have the record as it was signed behind the run, and not as the run told of it", async () => {
    const signed = { ...PASS, signature: { alg: "Ed25519", key: "00", value: "AA==" } };
    const work: BayOrder["work"] = async ({ onEvent }) => {
      onEvent({ kind: "ended", record: PASS });
      return signed;
    };
    await bays.start("A", { work });
    expect(bays.state("A").run?.record).toEqual(signed);
  });

  it("take no second order while one is at work, and none for a bay that is not there", async () => {
    const a = held();
    const first = bays.start("A", a);
    expect(() => bays.start("A", a)).toThrow(expect.objectContaining({ code: "RUN_BUSY" }));
    expect(() => bays.start("C", a)).toThrow(expect.objectContaining({ code: "BAY_UNKNOWN" }));
    a.end();
    await first;
  });

  it("show a bay's steps as they begin and end", async () => {
    const seen: string[] = [];
    bays.changed.add(({ run }) =>
      seen.push((run?.steps ?? []).map(({ step, state }) => `${step} ${state}`).join(", ")),
    );
    const work: BayOrder["work"] = async ({ onEvent }) => {
      onEvent({ kind: "begun", header: HEADER, resumed: false });
      onEvent({ kind: "step-started", step: "open", at: 5 });
      onEvent({ kind: "step-finished", record: { step: "open", state: "done", startedAt: 5, ms: 2, facts: {} } });
      onEvent({ kind: "step-started", step: "vin", at: 7 });
      onEvent({ kind: "ended", record: PASS });
      return PASS;
    };
    await bays.start("A", { work });
    expect(seen).toContain("vin waiting, lock waiting");
    expect(seen).toContain("open running, vin waiting, lock waiting");
    expect(seen).toContain("open done, vin running, lock waiting");
    expect(bays.state("A").run?.record).toBe(PASS);
  });

  it("call a fault of the program an error of that bay's order, and go on", async () => {
    const verdict = await bays.start("A", { work: () => Promise.reject(new TypeError("x is undefined")) });
    expect(verdict).toMatchObject({ outcome: "ERROR", failure: { code: "INTERNAL" } });
    expect(await bays.start("A", { work: async () => PASS })).toEqual({ outcome: "PASS" });
  });

  it("say that nothing was recorded of an order that failed before its run, and that it was of one that had begun", async () => {
    const fault = new StationError("CONFIG_INVALID", { details: { what: "tokens: is missing" } });
    const before = await bays.start("A", { work: () => Promise.reject(fault) });
    expect(before.failure?.text).toEqual({
      ko: "설정 오류: tokens: 지정되지 않음. 유닛은 변경되지 않았으며, 기록된 것도 없습니다. 고친 다음 다시 시작하십시오.",
      en: "Configuration error: tokens: is missing. The unit was not touched, and nothing was recorded. Correct it, then start again.",
    });
    const work: BayOrder["work"] = ({ onEvent }) => {
      onEvent({ kind: "step-started", step: "open", at: 0 });
      return Promise.reject(fault);
    };
    expect((await bays.start("A", { work })).failure?.text.en).toContain("What was done so far is recorded.");
  });

  it("keep the failure of a run as its verdict until the next order", async () => {
    const failure = {
      code: "UDS_TIMEOUT",
      layer: "uds",
      step: "vin",
      retryable: true,
      text: QUESTION.text,
      details: {},
      causes: [],
    } as const;
    await bays.start("A", { work: async () => ({ ...PASS, outcome: "TIMEOUT", failure }) });
    expect(bays.state("A").verdict).toEqual({ outcome: "TIMEOUT", failure });
    const a = held();
    const next = bays.start("A", a);
    expect(bays.state("A").verdict).toBeUndefined();
    a.end();
    await next;
  });

  it("abort one bay and leave the other alone", async () => {
    const a = held();
    const b = held();
    const first = bays.start("A", a);
    const second = bays.start("B", b);
    await Promise.all([a.begun, b.begun]);
    expect(bays.abort("A")).toBe(true);
    expect(bays.state("A").phase).toBe("aborting");
    expect(await first).toMatchObject({ outcome: "ABORTED", failure: { code: "RUN_ABORTED" } });
    expect(bays.state("B").phase).toBe("running");
    b.end();
    await second;
    expect(bays.abort("A")).toBe(false);
  });

  it("end all orders when they are closed", async () => {
    const a = held();
    const first = bays.start("A", a);
    await a.begun;
    await bays.close();
    expect(await first).toMatchObject({ outcome: "ABORTED" });
  });
});

describe("the wall clock", () => {
  it("may be set while an order is at work: its end stays behind its beginning", async () => {
    const set = new SetClock();
    bays = new Bays({ places: [{ name: "A" }], clock: set, logger: silentLogger });
    const a = held();
    const first = bays.start("A", a);
    await a.begun;
    set.set(-3_600_000);
    await set.advance(250);
    a.end();
    await first;
    const { startedAt = 0, endedAt = 0 } = bays.state("A");
    expect(endedAt - startedAt).toBe(250);
  });
});

describe("an order that does not end after its abort", () => {
  type Options = Parameters<BayOrder["work"]>[0];

  /** Deaf to its signal. */
  function deaf(): { order: BayOrder; options: () => Options } {
    let given: Options | undefined;
    const work: BayOrder["work"] = (options) => {
      given = options;
      return new Promise(() => undefined);
    };
    const options = () => {
      if (given === undefined) throw new Error("the order has not begun");
      return given;
    };
    return { order: { work }, options };
  }

  it("is left alone after its time, and its bay takes the next one", async () => {
    const first = bays.start("A", deaf().order);
    await clock.advance(60_000);
    expect(bays.state("A").phase).toBe("running");
    bays.abort("A");
    await clock.advance(4_999);
    expect(bays.state("A").phase).toBe("aborting");
    await clock.advance(1);
    expect(await first).toMatchObject({ outcome: "ABORTED", failure: { code: "RUN_ABORTED" } });
    expect(await bays.start("A", { work: async () => PASS })).toEqual({ outcome: "PASS" });
  });

  it("gives back what it shared", async () => {
    open({ name: "A", shares: ["can"] }, { name: "B", shares: ["can"] });
    void bays.start("A", deaf().order);
    const second = bays.start("B", { work: async () => PASS });
    await clock.advance(0);
    expect(bays.state("B").phase).toBe("queued");
    bays.abort("A");
    await clock.advance(5_000);
    expect(await second).toEqual({ outcome: "PASS" });
  });

  it("says nothing about the bay any more, nor asks anybody", async () => {
    const { order, options } = deaf();
    const first = bays.start("A", order);
    await clock.advance(0);
    bays.abort("A");
    await clock.advance(5_000);
    await first;
    const before = bays.state("A");
    options().onEvent({ kind: "step-started", step: "open", at: 1 });
    await expect(options().operator.ask(QUESTION, new AbortController().signal)).rejects.toMatchObject({
      code: "RUN_ABORTED",
    });
    expect(bays.state("A")).toEqual(before);
  });
});

describe("what bays share", () => {
  beforeEach(() =>
    open({ name: "A", shares: ["can"] }, { name: "B", shares: ["can"] }, { name: "C", shares: ["can"] }),
  );

  it("goes to whoever asked first, one at a time", async () => {
    const [a, b, c] = [held(), held(), held()];
    const order: string[] = [];
    const ends = [
      bays.start("A", a).then(() => order.push("A")),
      bays.start("C", c).then(() => order.push("C")),
      bays.start("B", b).then(() => order.push("B")),
    ];
    await a.begun;
    expect(bays.state("C")).toMatchObject({ phase: "queued", waitsFor: "A" });
    expect(bays.state("B")).toMatchObject({ phase: "queued", waitsFor: "C" });
    b.end();
    a.end();
    await c.begun;
    expect(bays.state("B").phase).toBe("queued");
    c.end();
    await Promise.all(ends);
    expect(order).toEqual(["A", "C", "B"]);
  });

  it("is not held up by one that gave its place up", async () => {
    const [a, b, c] = [held(), held(), held()];
    const first = bays.start("A", a);
    const second = bays.start("B", b);
    const third = bays.start("C", c);
    await a.begun;
    bays.abort("B");
    expect(await second).toMatchObject({ outcome: "ABORTED" });
    expect(bays.state("C").phase).toBe("queued");
    a.end();
    await c.begun;
    c.end();
    expect(await first).toEqual({ outcome: "PASS" });
    expect(await third).toEqual({ outcome: "PASS" });
  });
});

describe("a question to the person at the bay", () => {
  const asks = (answers: string[]): BayOrder => ({
    async work({ operator, signal }) {
      answers.push(await operator.ask(QUESTION, signal));
      return PASS;
    },
  });

  function asked(): Promise<NonNullable<BayState["prompt"]>> {
    return new Promise((resolve) => {
      const forget = bays.changed.add(({ prompt }) => {
        if (prompt === undefined) return;
        forget();
        resolve(prompt);
      });
    });
  }

  it("is shown until it is answered, once", async () => {
    const answers: string[] = [];
    const prompt = asked();
    const ended = bays.start("A", asks(answers));
    const { id, text } = await prompt;
    expect(text).toEqual(QUESTION.text);
    expect(bays.answer("A", "another", "no")).toBe(false);
    expect(bays.answer("A", id, "yes")).toBe(true);
    expect(bays.answer("A", id, "again")).toBe(false);
    expect(await ended).toEqual({ outcome: "PASS" });
    expect(answers).toEqual(["yes"]);
    expect(bays.state("A").prompt).toBeUndefined();
  });

  it("is taken back when the run is aborted", async () => {
    const prompt = asked();
    const ended = bays.start("A", asks([]));
    await prompt;
    bays.abort("A");
    expect(await ended).toMatchObject({ outcome: "ABORTED" });
    expect(bays.state("A").prompt).toBeUndefined();
  });

  it("is not asked of anybody once the run has ended", async () => {
    let late: Operator | undefined;
    const work: BayOrder["work"] = async ({ operator }) => {
      late = operator;
      return PASS;
    };
    await bays.start("A", { work });
    const over = AbortSignal.abort(new StationError("RUN_ABORTED"));
    await expect(late?.ask(QUESTION, over)).rejects.toMatchObject({ code: "RUN_ABORTED" });
    expect(bays.state("A").prompt).toBeUndefined();
  });
});

it("bays of a station that ends take no more orders", async () => {
  const a = held();
  const ended = bays.start("A", a);
  await a.begun;
  const closing = bays.close();
  expect(() => bays.start("B", held())).toThrow(expect.objectContaining({ code: "RUN_ABORTED" }));
  expect(await ended).toMatchObject({ outcome: "ABORTED" });
  await closing;
  expect(bays.state("B").run).toBeUndefined();
});
