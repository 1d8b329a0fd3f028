/** Requests to the station: their addresses, the CSRF token, and what comes back. */
import { addressOf, CSRF_HEADER, type PathValues, ROUTES, type RouteName } from "../contract/routes.js";
import { type LocalText, SCAN_LIMIT } from "../contract/state.js";
import type {
  BayRow,
  CheckRow,
  OutboxRowView,
  ProfileChanges,
  ProfileRow,
  Refusal,
  RunDetail,
  RunPage,
  SessionView,
  SimulatorView,
  TraceLine,
  UserRow,
  YieldView,
} from "../contract/views.js";
import { limit } from "./clock.js";
import { live } from "./live/live.js";
import { session } from "./session.js";

/** What each GET route answers with. */
export interface Answers {
  session: SessionView;
  runs: RunPage;
  run: RunDetail;
  runMessages: readonly TraceLine[];
  yield: YieldView;
  profiles: readonly ProfileRow[];
  profileChanges: ProfileChanges;
  outbox: readonly OutboxRowView[];
  bays: readonly BayRow[];
  adapters: readonly CheckRow[];
  users: readonly UserRow[];
  simulator: SimulatorView;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** A request that the station refused, that did not reach it (`unreachable`), that it did not answer in time (`late`), or that was not sent (`stale`). */
export class Refused extends Error {
  constructor(
    readonly code: string,
    /** Undefined where the station said nothing: the page has its own words then. */
    readonly text: LocalText | undefined,
    /** ms until it may be tried again. */
    readonly wait?: number,
  ) {
    super(code);
  }
}

/** A route's address with a query of what is defined and not empty. */
export function addressWith<R extends RouteName>(route: R, values: PathValues<R>, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return search === "" ? addressOf(route, values) : `${addressOf(route, values)}?${search}`;
}

/** @throws Refused */
export function get<R extends keyof Answers>(
  route: R,
  values: PathValues<R>,
  query?: Query,
  signal?: AbortSignal,
): Promise<Answers[R]> {
  return ask(addressWith(route, values, query), { method: "GET", signal: signal ?? null }) as Promise<Answers[R]>;
}

/** The answer where the route has one. @param signal gives the request up. @throws Refused */
export async function post<R extends RouteName>(
  route: R,
  values: PathValues<R>,
  body?: object,
  signal?: AbortSignal,
): Promise<unknown> {
  const { method } = ROUTES[route];
  const headers: Record<string, string> = { [CSRF_HEADER]: session.value?.csrf ?? "" };
  if (body !== undefined) headers["content-type"] = "application/json";
  return ask(addressOf(route, values), {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  });
}

/**
 * Asks for what begins a unit, or may: now or not at all. The browser holds requests back while the station does not answer, and it may be
 * another unit's turn by then.
 * @param former is waited for first, and takes of the time
 * @throws Refused
 */
export async function postNow<R extends "scan" | "start">(
  route: R,
  values: PathValues<R>,
  body: object,
  former: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  const { staleFor, lost, heard } = live.value;
  if (staleFor !== undefined || lost) throw new Refused("stale", undefined);
  const signal = limit(SCAN_LIMIT);
  await former;
  await post(route, values, { ...body, heard }, signal);
}

/** Asks who is signed in, and keeps it. */
export async function loadSession(): Promise<void> {
  session.set(await get("session", {}));
}

async function ask(address: string, options: RequestInit): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(address, { ...options, credentials: "same-origin", cache: "no-store" });
    text = await response.text();
  } catch (error) {
    if (options.signal?.reason instanceof DOMException && options.signal.reason.name === "TimeoutError")
      throw new Refused("late", undefined);
    if (options.signal?.aborted) throw error;
    throw new Refused("unreachable", undefined);
  }
  const answer: unknown = text === "" ? undefined : json(text);
  if (response.ok) return answer;
  // The session may have ended on the other side: the page asks who it is now.
  if (response.status === 401 && address !== ROUTES.session.path) void loadSession().catch(() => undefined);
  const refusal = answer as Partial<Refusal> | undefined;
  throw new Refused(refusal?.code ?? `HTTP ${response.status}`, refusal?.text, refusal?.wait);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
