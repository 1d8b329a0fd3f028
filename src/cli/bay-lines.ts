/** The bays for other programs of this machine: orders as JSON lines in, what happens as JSON lines out (docs/bays.md). */
import { createInterface } from "node:readline";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { describe, StationError } from "../shared/errors.js";
import type { BayState } from "../station/bays/bays.js";
import type { BayOrders } from "./bay-orders.js";
import { type Io, printJson } from "./io.js";

const strict = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
/** Comes back with what is said about the line. */
const Id = Type.String({ maxLength: 80 });
const id = Type.Optional(Id);
/** Any line whose id can be told, however wrong the rest of it is. */
const Named = Type.Object({ id: Id });

/** One branch a command: the member that names it is in no other. */
const Line = Type.Union([
  Type.Object(
    {
      bay: Text,
      inputs: Type.Record(Type.String(), Type.String()),
      profile: Type.Optional(Text),
      ecuId: Type.Optional(Type.String({ pattern: "^[0-9a-fA-F]{54}$" })),
      id,
    },
    strict,
  ),
  Type.Object({ bay: Text, abort: Type.Literal(true), id }, strict),
  Type.Object({ bay: Text, prompt: Text, answer: Type.String(), id }, strict),
  Type.Object({ states: Type.Literal(true), id }, strict),
]);

const FORMS =
  '{"bay":…,"inputs":{…}} with "profile", "ecuId" where needed; {"bay":…,"abort":true}; {"bay":…,"prompt":ID,"answer":…}; {"states":true}';

function invalid(what: string): StationError {
  return new StationError("USAGE", { details: { what } });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`is no JSON: ${describe(error)}`);
  }
}

/** What one change of a bay is worth saying. Pure. */
export function eventsOf(before: BayState | undefined, now: BayState): Record<string, unknown>[] {
  const events: Record<string, unknown>[] = [];
  const say = (event: string, facts: object) => events.push({ bay: now.name, event, ...facts });
  if (now.phase !== before?.phase || now.waitsFor !== before.waitsFor)
    say("phase", { phase: now.phase, waitsFor: now.waitsFor });
  const { run } = now;
  if (run?.header !== undefined && run.header !== before?.run?.header && run.record === undefined)
    say("begun", { runId: run.header.runId, resumed: run.resumed, plan: run.header.plan, takt: now.takt });
  for (const step of run?.steps ?? []) {
    if (step.state === "waiting" || before?.run?.steps.includes(step) === true) continue;
    say("step", step);
  }
  if (now.prompt !== before?.prompt) say("prompt", { prompt: now.prompt ?? null });
  if (now.verdict !== undefined && now.verdict !== before?.verdict)
    say("ended", { ...now.verdict, ms: (now.endedAt ?? 0) - (now.startedAt ?? 0), record: run?.record });
  return events;
}

/** Reads lines until the input ends or `signal` does, and tells what happens at the bays until it is closed. */
export class BayLines {
  readonly #io: Io;
  readonly #orders: Pick<BayOrders, "bays" | "start">;
  readonly #seen = new Map<string, BayState>();
  readonly #forget: () => void;
  readonly #input: ReturnType<typeof createInterface>;
  /** Lines are done in their order: an abort right behind a start is that start's. */
  #taking: Promise<void> = Promise.resolve();

  constructor(io: Io, orders: Pick<BayOrders, "bays" | "start">) {
    this.#io = io;
    this.#orders = orders;
    for (const state of orders.bays.states()) this.#seen.set(state.name, state);
    this.#forget = orders.bays.changed.add((state) => {
      for (const event of eventsOf(this.#seen.get(state.name), state)) this.#say(event);
      this.#seen.set(state.name, state);
    });
    this.#input = createInterface({ input: io.stdin, crlfDelay: Number.POSITIVE_INFINITY });
    let number = 0;
    this.#input.on("line", (text) => {
      const line = ++number;
      if (text.trim() !== "") this.#taking = this.#taking.then(() => this.#take(text, line));
    });
  }

  close(): void {
    this.#input.close();
    this.#forget();
  }

  async #take(text: string, number: number): Promise<void> {
    let id: string | undefined;
    try {
      const line = parsed(text);
      if (Value.Check(Named, line)) id = line.id;
      if (!Value.Check(Line, line)) throw invalid(`is none of ${FORMS}`);
      const done = await this.#do(line);
      if (!done) throw invalid("comes too late: nothing of it goes on");
      if ("abort" in line || "answer" in line) this.#say({ bay: line.bay, event: "done", id });
    } catch (error) {
      this.#say({ event: "refused", line: number, id, error: describe(error) });
    }
  }

  /** False where what it is about is over. @throws StationError */
  async #do(line: Static<typeof Line>): Promise<boolean> {
    const { bays } = this.#orders;
    if ("states" in line) {
      this.#say({ event: "states", id: line.id, bays: bays.states() });
      return true;
    }
    if ("abort" in line) return bays.abort(line.bay);
    if ("answer" in line) return bays.answer(line.bay, line.prompt, line.answer);
    const { id, ...request } = line;
    await this.#orders.start(request);
    this.#say({ bay: line.bay, event: "accepted", id });
    return true;
  }

  #say(event: object): void {
    // A reader that went away ends nothing at the bays.
    void printJson(this.#io, event).catch(() => undefined);
  }
}
