/**
 * Stores in a PostgreSQL database, one schema each. A group of calls is one transaction as in SQLite. It begins with the lock of the
 * schema's one row in `store_schema`, so that replicas write one after the other: what an operation reads is what holds when it commits,
 * and there is one audit chain. Operations that only read go without the lock, each in a snapshot of its own.
 */
import { basename, dirname, extname, join } from "node:path";
import { describe, StationError } from "../../shared/errors.js";
import { makeFolder } from "../../shared/folders.js";
import { type Call, GroupCommit, type Outcome, runCalls, runOperation } from "../group.js";
import type { Store, StoreDefinition, StoreHost, StoreSource } from "../store.js";
import { addressOf, limitsOf, type PostgresConfig } from "./config.js";
import {
  BrokenConnection,
  ConnectionPool,
  inTransaction,
  NoConnection,
  reasonOf,
  Statements,
  sqlState,
  tlsOf,
} from "./connection.js";
import { prepareSchema } from "./schema.js";

/** Stores of that database; `open` takes from the file's name that of the schema, and keeps beside it what SQLite would. */
export function postgresStores(config: PostgresConfig): StoreHost {
  const opened: PostgresStore[] = [];
  return {
    async open<D extends StoreDefinition>(source: StoreSource<D>, file: string): Promise<Store<D>> {
      const schema = basename(file, extname(file));
      const store = new PostgresStore(source.definition, config, schema, await tlsOf(config));
      opened.push(store);
      await store.open(join(dirname(file), `${schema}.postgres`));
      return { call: (name, args) => store.call({ name: String(name), args }) as Promise<never> };
    },
    async close() {
      await Promise.all(opened.splice(0).map((store) => store.close()));
    },
  };
}

/** SQLSTATEs and classes of what passes: no connection, no resources, ended by the operator or a limit, a standby, no lock. */
const PASSING = /^(08|53|57|40001|40P01|55P03|25006|25P03)/;

class PostgresStore {
  readonly #writer: ConnectionPool;
  readonly #readers: ConnectionPool;
  readonly #group: GroupCommit;
  readonly #reads: ReadonlySet<string>;
  readonly #address: string;
  #beside = "";
  #keeping: Promise<void> | undefined;
  #keepAgain = false;

  constructor(
    private readonly definition: StoreDefinition,
    config: PostgresConfig,
    private readonly schema: string,
    tls: Awaited<ReturnType<typeof tlsOf>>,
  ) {
    const shared = { config, tls, schema, statements: new Statements() };
    this.#writer = new ConnectionPool({ ...shared, size: 1 });
    this.#readers = new ConnectionPool({ ...shared, size: limitsOf(config).readers });
    this.#group = new GroupCommit({
      commit: (calls) => this.#retried(() => this.#commit(calls)),
      failsAll: (error) => error instanceof StationError && error.code === "STORE_UNAVAILABLE",
    });
    this.#reads = new Set(definition.reads);
    this.#address = addressOf(config);
  }

  async open(beside: string): Promise<void> {
    makeFolder(dirname(beside));
    this.#beside = beside;
    const { schema, definition } = this;
    await this.#retried(() =>
      this.#writer.use((connection) =>
        prepareSchema(connection, schema, definition.migrations, definition.remains?.(beside)),
      ),
    );
    await this.#readers.use(async (connection) => definition.committed?.(connection, beside));
  }

  call(call: Call): Promise<unknown> {
    return this.#reads.has(call.name) ? this.#retried(() => this.#read(call)) : this.#group.call(call);
  }

  async close(): Promise<void> {
    await this.#group.close();
    await this.#keeping;
    await Promise.all([this.#writer.close(), this.#readers.close()]);
  }

  /** Once more where the connection had broken, e.g. since the database was started anew, and nothing can hold of it. */
  async #retried<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work().catch((error: unknown) => {
        if (error instanceof BrokenConnection && !error.committing) return work();
        throw error;
      });
    } catch (error) {
      throw this.#told(error);
    }
  }

  async #commit(calls: readonly Call[]): Promise<readonly Outcome[]> {
    const outcomes = await this.#writer.use((connection) =>
      inTransaction(connection, "write", async () => {
        const row = await connection.get<{ version: number }>("SELECT version FROM store_schema FOR UPDATE");
        const known = this.definition.migrations.length;
        if (row?.version !== known)
          throw new Error(`schema ${this.schema} has version ${row?.version}, this program knows ${known}: restart it`);
        return runCalls(connection, this.definition, calls);
      }),
    );
    this.#keep();
    return outcomes.map((outcome) => ("error" in outcome ? { error: this.#told(outcome.error) } : outcome));
  }

  #read(call: Call): Promise<unknown> {
    return this.#readers.use((connection) =>
      inTransaction(connection, "read", () => runOperation(connection, this.definition, call)),
    );
  }

  /** What is done behind a commit, here behind the answers too; a group that comes meanwhile is kept with the next. */
  #keep(): void {
    const { committed } = this.definition;
    if (committed === undefined) return;
    this.#keepAgain = true;
    this.#keeping ??= (async () => {
      while (this.#keepAgain) {
        this.#keepAgain = false;
        await this.#readers.use((connection) => committed(connection, this.#beside)).catch(() => undefined);
      }
      this.#keeping = undefined;
    })();
  }

  /** The error as callers hear it. */
  #told(error: unknown): StationError {
    if (error instanceof StationError) return error;
    const away = error instanceof NoConnection || error instanceof BrokenConnection;
    const cause = away ? error.cause : error;
    if (!away && !PASSING.test(sqlState(cause)))
      return new StationError("STORE_FAILED", { details: { what: describe(cause) }, cause });
    const unknown = error instanceof BrokenConnection && error.committing;
    const what = unknown ? `${reasonOf(cause)} while it committed: what was asked may have been done` : reasonOf(cause);
    return new StationError("STORE_UNAVAILABLE", { details: { where: this.#address, what }, cause });
  }
}
