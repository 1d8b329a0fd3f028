/** One PostgreSQL connection as store operations see it, and the pools that they come from. */
import type { ConnectionOptions } from "node:tls";
import { type CustomTypesConfig, DatabaseError, Pool, type PoolClient, types } from "pg";
import { describe } from "../../shared/errors.js";
import { readSettings } from "../../shared/files.js";
import type { Connection, Value } from "../database.js";
import { limitsOf, type PostgresConfig } from "./config.js";

const INT8 = 20;

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond 2^53`);
  return value;
}

const PARSERS: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8 ? safeInteger : types.getTypeParser(oid, format as "text")) as CustomTypesConfig["getTypeParser"],
};

/** SQL as PostgreSQL takes it, under the name that its prepared statement has on every connection. */
interface Prepared {
  readonly name: string;
  readonly text: string;
}

/** The statements of one store. */
export class Statements {
  readonly #known = new Map<string, Prepared>();

  of(sql: string): Prepared {
    let prepared = this.#known.get(sql);
    if (prepared === undefined) {
      prepared = { name: `s${this.#known.size + 1}`, text: numbered(sql) };
      this.#known.set(sql, prepared);
    }
    return prepared;
  }
}

/** `?` outside of quotes as `$1`, `$2` … */
export function numbered(sql: string): string {
  let last = 0;
  return sql.replace(/'[^']*'|"[^"]*"|\?/g, (found) => (found === "?" ? `$${++last}` : found));
}

/** A text of PostgreSQL has no U+0000; the noncharacter stands for it, which no name or message has. */
const NUL = "\uffff";

function bound(value: Value): unknown {
  if (typeof value === "string") return value.includes("\0") ? value.replaceAll("\0", NUL) : value;
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

export class PostgresConnection implements Connection {
  #lost: { readonly error: unknown } | undefined;

  constructor(
    private readonly client: PoolClient,
    private readonly statements: Statements,
  ) {}

  /** Set once the connection broke or an answer did not come in time: it is of no use any more. */
  get lost(): boolean {
    return this.#lost !== undefined;
  }

  async get<T extends object>(sql: string, ...values: Value[]): Promise<T | undefined> {
    return (await this.all<T>(sql, ...values))[0];
  }

  async all<T extends object>(sql: string, ...values: Value[]): Promise<T[]> {
    return (await this.#query<T>({ ...this.statements.of(sql), values: values.map(bound) })).rows;
  }

  async run(sql: string, ...values: Value[]): Promise<number> {
    return (await this.#query({ ...this.statements.of(sql), values: values.map(bound) })).rowCount ?? 0;
  }

  async exec(sql: string): Promise<void> {
    await this.#query({ text: sql });
  }

  /** @throws Error where the database took the transaction back instead */
  async commit(): Promise<void> {
    const { command } = await this.#query({ text: "COMMIT" });
    if (command !== "COMMIT") throw new Error("the database took the transaction back");
  }

  async #query<T extends object>(query: { name?: string; text: string; values?: unknown[] }) {
    if (this.#lost !== undefined) throw this.#lost.error;
    try {
      return await this.client.query<T>(query);
    } catch (error) {
      const usable = (error instanceof DatabaseError && error.severity === "ERROR") || error instanceof RangeError;
      if (!usable) this.#lost = { error };
      throw error;
    }
  }
}

/** SQLSTATE of an error that the database gave; empty of others. */
export function sqlState(error: unknown): string {
  return error instanceof DatabaseError ? (error.code ?? "") : "";
}

/** The error in a line; one without a text, as that of several addresses, has a code. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && error.message === "" && "code" in error) return String(error.code);
  return describe(error);
}

/** There is no connection; `cause` says why. */
export class NoConnection extends Error {
  constructor(cause: unknown) {
    super("no connection", { cause });
  }
}

/** The connection broke, or an answer did not come in time; `cause` says what was seen. */
export class BrokenConnection extends Error {
  constructor(
    cause: unknown,
    /** COMMIT was sent: whether the transaction holds is not known. */
    readonly committing: boolean,
  ) {
    super("the connection broke", { cause });
  }
}

/** What reads sees one state of the database; what writes sees what is committed when its lock is given. */
const BEGIN = {
  read: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
  write: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
};

/**
 * Runs `work` in a transaction.
 * @throws BrokenConnection; else what `work` throws, and nothing of it holds
 */
export async function inTransaction<T>(
  connection: PostgresConnection,
  mode: keyof typeof BEGIN,
  work: () => Promise<T>,
): Promise<T> {
  let committing = false;
  try {
    await connection.exec(BEGIN[mode]);
    const value = await work();
    committing = mode === "write";
    await connection.commit();
    return value;
  } catch (error) {
    if (connection.lost) throw new BrokenConnection(error, committing);
    await connection.exec("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

export interface PoolOptions {
  readonly config: PostgresConfig;
  readonly tls: ConnectionOptions | undefined;
  readonly schema: string;
  /** Most connections. */
  readonly size: number;
  readonly statements: Statements;
}

/** Connections whose statements find the tables of one schema. */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #statements: Statements;

  constructor(options: PoolOptions) {
    const { config, tls, schema, size } = options;
    const limits = limitsOf(config);
    this.#statements = options.statements;
    this.#pool = new Pool({
      host: config.host,
      port: config.port,
      database: config.database,
      user: config.user,
      ...(config.passwordFile !== undefined && { password: passwordIn(config.passwordFile) }),
      ...(tls && { ssl: tls }),
      max: size,
      types: PARSERS,
      keepAlive: true,
      application_name: "ecustation",
      options: `-c search_path=${schema}`,
      connectionTimeoutMillis: limits.connect,
      statement_timeout: limits.statement,
      lock_timeout: limits.lock,
      idle_in_transaction_session_timeout: limits.idleInTransaction,
      query_timeout: limits.answer,
    });
    // A connection that breaks while nobody uses it, or between two statements: the next one to use it hears of it.
    const unheard = () => undefined;
    this.#pool.on("error", unheard);
    this.#pool.on("connect", (client) => client.on("error", unheard));
  }

  /** @throws NoConnection; else what `work` throws */
  async use<T>(work: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((cause: unknown) => {
      throw new NoConnection(cause);
    });
    const connection = new PostgresConnection(client, this.#statements);
    try {
      return await work(connection);
    } finally {
      client.release(connection.lost);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

const passwordIn = (file: string) => async () => (await readSettings(file, "utf8")).replace(/\r?\n$/, "");

/** @throws Error where a file cannot be read */
export async function tlsOf({ host, tls }: PostgresConfig): Promise<ConnectionOptions | undefined> {
  if (tls === undefined) return undefined;
  const { caFile, clientCertFile, clientKeyFile } = tls;
  return {
    // What the certificate is checked against, also where it is an address.
    host,
    ca: await readSettings(caFile, "utf8"),
    ...(clientCertFile !== undefined && { cert: await readSettings(clientCertFile, "utf8") }),
    ...(clientKeyFile !== undefined && { key: await readSettings(clientKeyFile, "utf8") }),
    minVersion: "TLSv1.2",
  };
}
