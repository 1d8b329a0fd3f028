/** Group commit: calls that wait together are one transaction, each in a savepoint of its own. */
import { isStationError } from "../shared/errors.js";
import type { Connection } from "./database.js";
import type { StoreDefinition } from "./store.js";

/** A store of this thread. */
export interface EngineStore {
  /** Resolves behind the commit. */
  call(name: string, args: unknown): Promise<unknown>;
  /** Finishes what was called. */
  close(): Promise<void>;
}

export interface Call {
  readonly name: string;
  readonly args: unknown;
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown };

interface Waiting extends Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupOptions {
  /** Commits the calls in one transaction; what became of each. Rejects where nothing, or nothing that is known, was committed. */
  readonly commit: (calls: readonly Call[]) => Promise<readonly Outcome[]>;
  /** What a first call waits for, so that others can join its transaction. */
  readonly gather?: () => Promise<void>;
  /** Whether a failed commit is that of all who wait already, too. */
  readonly failsAll?: (error: unknown) => boolean;
}

/** Takes calls at any time and commits them group by group, never two at once. */
export class GroupCommit {
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(private readonly options: GroupOptions) {}

  call(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Error("the store is closed"));
        return;
      }
      this.#waiting.push({ ...call, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /** Takes no more, and resolves when all that was called is settled. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
  }

  async #work(): Promise<void> {
    const { commit, gather, failsAll } = this.options;
    while (this.#waiting.length > 0) {
      await gather?.();
      const calls = this.#take();
      try {
        const outcomes = await commit(calls);
        for (const [i, call] of calls.entries()) settle(call, outcomes[i] ?? { error: new Error("no outcome") });
      } catch (error) {
        if (failsAll?.(error) === true) calls.push(...this.#take());
        for (const call of calls) call.reject(error);
      }
    }
    this.#working = undefined;
  }

  #take(): Waiting[] {
    const calls = this.#waiting;
    this.#waiting = [];
    return calls;
  }
}

function settle(call: Waiting, outcome: Outcome): void {
  if ("error" in outcome) call.reject(outcome.error);
  else call.resolve(outcome.value);
}

/** Runs the calls in the transaction that `database` is in. @throws where a savepoint cannot be set or taken back */
export async function runCalls(
  database: Connection,
  definition: StoreDefinition,
  calls: readonly Call[],
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const call of calls) {
    await database.exec("SAVEPOINT call");
    try {
      const value = await runOperation(database, definition, call);
      await database.exec("RELEASE call");
      outcomes.push({ value });
    } catch (error) {
      await database.exec("ROLLBACK TO call").catch((lost: unknown) => {
        // The whole transaction is gone: an error of the database (a full disk) says why, a refusal of the operation does not.
        throw isStationError(error) ? lost : error;
      });
      await database.exec("RELEASE call");
      outcomes.push({ error });
    }
  }
  return outcomes;
}

export async function runOperation(
  database: Connection,
  definition: StoreDefinition,
  { name, args }: Call,
): Promise<unknown> {
  const operation = definition.operations[name];
  if (operation === undefined) throw new Error(`no operation ${name}`);
  return operation(database, args);
}
