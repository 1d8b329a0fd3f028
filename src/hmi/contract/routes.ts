/** Every address of the page's server, and the right that it takes. Both sides use this table. */
import type { Right } from "./roles.js";

export interface Route {
  readonly method: "GET" | "POST";
  /** `:name` stands for a value, see `addressOf`. */
  readonly path: string;
  /** Undefined: for everybody who reaches the server. */
  readonly right: Right | undefined;
}

const get = <P extends string>(path: P, right?: Right) => ({ method: "GET", path, right }) as const;
const post = <P extends string>(path: P, right?: Right) => ({ method: "POST", path, right }) as const;

export const ROUTES = {
  /** Server-sent events `state`, `change` and `beat` (state.ts). */
  events: get("/api/events"),
  session: get("/api/session"),
  signIn: post("/api/session"),
  signOut: post("/api/session/end"),

  scan: post("/api/bays/:bay/scan", "scan"),
  /** Forgets what was read for the next unit. */
  clear: post("/api/bays/:bay/clear", "scan"),
  start: post("/api/bays/:bay/start", "scan"),
  abort: post("/api/bays/:bay/abort", "abort"),
  answer: post("/api/bays/:bay/answer", "answer"),
  chooseProfile: post("/api/bays/:bay/profile", "chooseProfile"),
  /** Server-sent events `line` (a TraceLine) while the bay's bus is open. */
  liveTrace: get("/api/bays/:bay/trace", "trace"),

  simulator: get("/api/simulator", "simulate"),
  simulate: post("/api/bays/:bay/simulate", "simulate"),
  breakServer: post("/api/simulator/servers", "simulate"),

  runs: get("/api/runs", "history"),
  run: get("/api/runs/:run", "history"),
  /** Messages of the run's trace. */
  runMessages: get("/api/runs/:run/messages", "trace"),
  runTrace: get("/api/runs/:run/trace/:format", "trace"),
  runRecord: get("/api/runs/:run/record", "export"),
  /** The runs that a search finds, as CSV. */
  runsExport: get("/api/runs-export", "export"),
  yield: get("/api/yield", "history"),

  profiles: get("/api/profiles", "history"),
  profileChanges: get("/api/profiles/:hash/changes", "history"),
  approve: post("/api/profiles/:hash/approve", "approve"),

  outbox: get("/api/outbox", "outbox"),
  retry: post("/api/outbox/:id/retry", "outbox"),
  waive: post("/api/outbox/:id/waive", "waive"),

  bays: get("/api/bays", "adapters"),
  adapters: get("/api/adapters", "adapters"),
  users: get("/api/users", "users"),
  addUser: post("/api/users", "users"),
  setPin: post("/api/users/:user/pin", "users"),
  lockUser: post("/api/users/:user/lock", "users"),
} as const satisfies Readonly<Record<string, Route>>;

export type RouteName = keyof typeof ROUTES;

type Names<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Names<`/${Rest}`>
  : P extends `${string}:${infer Name}`
    ? Name
    : never;

/** Values that a route's path has room for. */
export type PathValues<R extends RouteName> = Readonly<Record<Names<(typeof ROUTES)[R]["path"]>, string>>;

/** The route's path with its values put in. */
export function addressOf<R extends RouteName>(route: R, values: PathValues<R>): string {
  const given: Readonly<Record<string, string>> = values;
  return ROUTES[route].path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(given[name] ?? ""));
}

/** Header of every POST; its value is the session's `csrf`. */
export const CSRF_HEADER = "x-csrf-token";
