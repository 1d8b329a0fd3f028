/** Where a PostgreSQL database is and how long it may take; `servers.embedded.database.postgres` (docs/postgresql.md). */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Ms = Type.Optional(Type.Integer({ minimum: 100, maximum: 600_000 }));

const PostgresLimitsSchema = Type.Object(
  {
    /** Until a connection stands; default 5000. */
    connect: Ms,
    /** lock_timeout: until another replica's transaction is over; default 8000. Above `idleInTransaction`. */
    lock: Ms,
    /** statement_timeout; default 10000. At least `lock`. */
    statement: Ms,
    /** idle_in_transaction_session_timeout: after this the database ends the transaction of a replica that hangs; default 4000. */
    idleInTransaction: Ms,
    /** Until the answer to a statement has come over the network; default 15000. Above `statement`. */
    answer: Ms,
    /** Connections of each store for operations that only read; default 4. One more writes. */
    readers: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
  },
  strict,
);

export const PostgresSchema = Type.Object(
  {
    /** Name, address, or folder of a Unix socket. */
    host: Text,
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: 5432 }),
    database: Type.String({ minLength: 1, default: "ecustation" }),
    user: Type.String({ minLength: 1, default: "ecustation" }),
    /** File that holds the password and nothing else; read at every new connection. */
    passwordFile: Type.Optional(Text),
    /** Checks the server's certificate against a CA and the host; the client's own certificate where the database wants one. PEM. */
    tls: Type.Optional(
      Type.Object({ caFile: Text, clientCertFile: Type.Optional(Text), clientKeyFile: Type.Optional(Text) }, strict),
    ),
    limits: Type.Optional(PostgresLimitsSchema),
  },
  strict,
);

/** Paths are absolute. */
export type PostgresConfig = Static<typeof PostgresSchema>;
export type PostgresLimits = Required<Static<typeof PostgresLimitsSchema>>;

/** ms; `readers` counts. */
const DEFAULT_LIMITS: PostgresLimits = {
  connect: 5_000,
  lock: 8_000,
  statement: 10_000,
  idleInTransaction: 4_000,
  answer: 15_000,
  readers: 4,
};

export function limitsOf({ limits }: PostgresConfig): PostgresLimits {
  return { ...DEFAULT_LIMITS, ...limits };
}

/** Which limit keeps another from doing its work; undefined where all do. */
export function limitFault(config: PostgresConfig): { limit: keyof PostgresLimits; what: string } | undefined {
  const { lock, statement, idleInTransaction, answer } = limitsOf(config);
  if (lock <= idleInTransaction)
    return { limit: "lock", what: `is ${lock} (expected above idleInTransaction, ${idleInTransaction})` };
  if (statement < lock) return { limit: "statement", what: `is ${statement} (expected lock, ${lock}, or more)` };
  if (answer <= statement) return { limit: "answer", what: `is ${answer} (expected above statement, ${statement})` };
  return undefined;
}

/** True where the way to the database leaves this machine. */
export function isRemote({ host }: PostgresConfig): boolean {
  return !host.startsWith("/") && host !== "localhost" && host !== "::1" && !/^127(\.\d{1,3}){3}$/.test(host);
}

/** For people: never the password. */
export function addressOf({ host, port, database }: PostgresConfig): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}/${database}`;
}
