import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BayLines, eventsOf } from "../../../src/cli/bay-lines.js";
import type { BayOrders, UnitRequest } from "../../../src/cli/bay-orders.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { silentLogger } from "../../../src/shared/logger.js";
import { type BayOrder, type BayState, Bays } from "../../../src/station/bays/bays.js";
import { PASS, QUESTION } from "../station/bays/one-run.js";

const untilAborted: BayOrder["work"] = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

let bays: Bays;
let lines: BayLines;
let stdin: PassThrough;
let events: AsyncIterator<Record<string, unknown>>;
let requests: UnitRequest[];
let work: BayOrder["work"];

async function* parsed(stream: PassThrough): AsyncGenerator<Record<string, unknown>> {
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) yield JSON.parse(line) as Record<string, unknown>;
  }
}

/** The next event that `wanted` names. */
async function next(wanted: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error(`no ${wanted}`);
    const event = value as Record<string, unknown>;
    if (event.event === wanted) return event;
  }
}

const send = (line: unknown) => stdin.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);

beforeEach(() => {
  bays = new Bays({ places: [{ name: "A" }, { name: "B" }], clock: new VirtualClock(), logger: silentLogger });
  requests = [];
  work = async ({ onEvent }) => {
    onEvent({ kind: "ended", record: PASS });
    return PASS;
  };
  const orders: Pick<BayOrders, "bays" | "start"> = {
    bays,
    async start(request) {
      requests.push(request);
      return { ended: bays.start(request.bay, { takt: 40_000, work: (options) => work(options) }) };
    },
  };
  stdin = new PassThrough();
  const stdout = new PassThrough();
  events = parsed(stdout);
  const io = { stdin, stdout, stderr: new PassThrough(), env: {}, signal: new AbortController().signal };
  lines = new BayLines(io, orders);
});
afterEach(async () => {
  await bays.close();
  lines.close();
});

describe("a line", () => {
  it("starts a unit, whose end is told with its record", async () => {
    send({ bay: "A", inputs: { vin: "V" }, profile: "evcc", id: "7" });
    expect(await next("ended")).toMatchObject({ bay: "A", outcome: "PASS", record: { runId: "R1" } });
    expect(requests).toEqual([{ bay: "A", inputs: { vin: "V" }, profile: "evcc" }]);
  });

  it("is answered with its id", async () => {
    send({ bay: "A", inputs: {}, id: "first of the day" });
    expect(await next("accepted")).toEqual({ bay: "A", event: "accepted", id: "first of the day" });
  });

  it.each([
    ["a wrong member", { bay: "A", ecuId: "zz", inputs: {} }],
    ["no command", { bay: "A" }],
    ["a bay that there is not", { bay: "C", abort: true }],
    ["nothing to abort", { bay: "A", abort: true }],
    ["nothing to answer", { bay: "A", prompt: "1", answer: "yes" }],
  ])("is refused with its id where it has %s", async (_, line) => {
    send({ ...line, id: "e" });
    expect(await next("refused")).toMatchObject({ line: 1, id: "e" });
  });

  it("aborts a unit, and is answered with its id", async () => {
    work = untilAborted;
    send({ bay: "A", inputs: {} });
    await next("accepted");
    send({ bay: "A", abort: true, id: "stop" });
    expect(await next("done")).toEqual({ bay: "A", event: "done", id: "stop" });
  });

  it("aborts a unit", async () => {
    work = untilAborted;
    send({ bay: "A", inputs: {} });
    await next("accepted");
    send({ bay: "A", abort: true });
    expect(await next("ended")).toMatchObject({ bay: "A", outcome: "ABORTED", failure: { code: "RUN_ABORTED" } });
  });

  it("answers what the person at the bay is asked", async () => {
    const answers: string[] = [];
    work = async ({ operator, signal }) => {
      answers.push(await operator.ask(QUESTION, signal));
      return PASS;
    };
    send({ bay: "B", inputs: {} });
    const { prompt } = (await next("prompt")) as { prompt: { id: string; text: unknown } };
    expect(prompt.text).toEqual(QUESTION.text);
    send({ bay: "B", prompt: prompt.id, answer: "done" });
    expect(await next("ended")).toMatchObject({ bay: "B", outcome: "PASS" });
    expect(answers).toEqual(["done"]);
  });

  it("asks how all bays are", async () => {
    send({ states: true, id: "s" });
    const { id, bays: shown } = (await next("states")) as { id: string; bays: BayState[] };
    expect(id).toBe("s");
    expect(shown.map(({ name, phase }) => [name, phase])).toEqual([
      ["A", "idle"],
      ["B", "idle"],
    ]);
  });

  it.each([
    ["no JSON", "{", "is no JSON"],
    ["no command", { bay: "A" }, "is none of"],
    ["a member that there is not", { bay: "A", inputs: {}, vim: "x" }, "is none of"],
    ["an EcuID of the wrong length", { bay: "A", inputs: {}, ecuId: "00" }, "is none of"],
    ["a bay that there is not", { bay: "C", abort: true }, "no bay C"],
    ["an abort where nothing goes on", { bay: "A", abort: true }, "too late"],
    ["an answer to nothing", { bay: "A", prompt: "1", answer: "yes" }, "too late"],
  ])("that is wrong is refused in one line, and the next one counts: %s", async (_, line, why) => {
    send("");
    send(line);
    send({ states: true });
    const { line: number, error } = await next("refused");
    expect(number).toBe(2);
    expect(error).toContain(why);
    expect(String(error).split("\n")).toHaveLength(1);
    await next("states");
  });

  it("may begin no second unit at a bay", async () => {
    work = untilAborted;
    send({ bay: "A", inputs: {} });
    send({ bay: "A", inputs: {}, id: "2" });
    expect(await next("refused")).toMatchObject({ id: "2", error: expect.stringContaining("Another run") });
  });
});

describe("what is told of a bay", () => {
  const state: BayState = { ...idleState(), phase: "running" };

  function idleState(): BayState {
    return new Bays({ places: [{ name: "A" }], clock: new VirtualClock(), logger: silentLogger }).state("A");
  }

  it("is each step once, as it begins and as it ends", () => {
    const step = { step: "vin", state: "running", startedAt: 5 } as const;
    const begun: BayState = { ...state, run: { resumed: false, steps: [step, { step: "lock", state: "waiting" }] } };
    expect(eventsOf(state, begun)).toEqual([{ bay: "A", event: "step", ...step }]);
    expect(eventsOf(begun, { ...begun })).toEqual([]);
  });

  it("is what it waits for", () => {
    expect(eventsOf(state, { ...state, phase: "queued", waitsFor: "B" })).toEqual([
      { bay: "A", event: "phase", phase: "queued", waitsFor: "B" },
    ]);
  });
});
