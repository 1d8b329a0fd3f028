/** Token processes that answer as a test tells them to. */
import type { StartTokenProcess, TokenProcessEvents } from "../../../src/token/process.js";
import type { TokenAnswer, TokenRequest } from "../../../src/token/protocol.js";

export type Behaviour = (request: TokenRequest, process: FakeProcess) => unknown;

/** What a call fails with. */
export class Fault {
  constructor(
    readonly code: string,
    readonly what = "told so",
  ) {}
}

/** Stands for no answer at all. */
export const SILENCE = Symbol("no answer");

export class FakeProcess {
  readonly requests: TokenRequest[] = [];
  alive = true;

  constructor(
    private readonly behaviour: Behaviour,
    private readonly events: TokenProcessEvents,
  ) {}

  send(request: TokenRequest): void {
    this.requests.push(request);
    const outcome = this.behaviour(request, this);
    if (outcome !== SILENCE) queueMicrotask(() => this.answer(request.id, outcome));
  }

  answer(id: number, outcome: unknown): void {
    if (!this.alive) return;
    const answer: TokenAnswer =
      outcome instanceof Fault
        ? { id, failure: { code: outcome.code, details: { what: outcome.what } } }
        : { id, value: outcome };
    this.events.answer(answer);
  }

  die(what = "SIGSEGV"): void {
    if (!this.alive) return;
    this.alive = false;
    this.events.gone(what);
  }

  kill(): void {
    this.alive = false;
  }

  end(): void {
    this.die("exit code 0");
  }
}

/** Starts fake processes and keeps them. */
export class FakeStarter {
  readonly processes: FakeProcess[] = [];
  constructor(public behaviour: Behaviour) {}

  readonly start: StartTokenProcess = (_sessions, events) => {
    const process = new FakeProcess((request, self) => this.behaviour(request, self), events);
    this.processes.push(process);
    return process;
  };

  get alive(): number {
    return this.processes.filter((process) => process.alive).length;
  }
}
