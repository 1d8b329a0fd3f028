/**
 * HTTPS to a list of equal servers: a time limit a try, fail-over in the list's order and retries with jittered back-off. What may be
 * sent again, and where: docs/servers.md.
 */
import { Readable } from "node:stream";
import { request } from "undici";
import { JSON_UTF8 } from "../contract/common.js";
import { withLimit } from "../shared/abort.js";
import type { Clock } from "../shared/clock.js";
import { type ErrorCode, StationError } from "../shared/errors.js";
import { connectionFailure, openConnections, type TlsSettings, TryFailure } from "./connection.js";
import { Preference } from "./preference.js";

/** Codes of a server's failures. */
export interface ServerErrors {
  /** No answer: connection, TLS or time. */
  readonly unreachable: ErrorCode;
  /** An answer that is none: 5xx, a redirect, a body out of the contract. */
  readonly fault: ErrorCode;
  /** A refusal that stays one. */
  readonly rejected: ErrorCode;
}

/** What a refusal of access means at the station. */
export const NOT_LET_IN = "this station is not on its allow list, or not with this certificate or address";

/** Where the servers are and how they are called; the same for both clients. */
export interface ServerOptions extends TlsSettings {
  /** `https://host[:port][/prefix]`, in order of preference; at least one. */
  readonly baseUrls: readonly string[];
  /**
   * The servers work on one store, which knows each Idempotency-Key; default false. A request that a server may have acted on is sent
   * to another one only then.
   */
  readonly sharedStore?: boolean;
  readonly clock: Clock;
  /** Time for one try at one server, connection and body included, ms; default 10000, 100–600000. */
  readonly tryLimit?: number;
  /** Rounds through the list; default 4, 1–100. */
  readonly attempts?: number;
  /** Longest pause before the second round, ms, doubled for each further one; default 250, 1–60000. */
  readonly backoff?: number;
  /** Longest pause before any round, ms, also where a server asks for more (Retry-After); default 5000, 1–600000. */
  readonly backoffMax?: number;
  /** How long calls start with another server than the first before those ahead of it are looked for, ms; default 60000, 0–3600000. */
  readonly stickFor?: number;
  /** Jitter, 0 ≤ x < 1; default Math.random. */
  readonly random?: () => number;
}

export interface HttpCall {
  readonly method: "GET" | "POST" | "PUT" | "HEAD";
  /** Begins with `/`. */
  readonly path: string;
  /** JSON text, or its UTF-8 bytes where it holds a secret. */
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer below 300, or from 400 to 499. */
export interface HttpAnswer {
  readonly status: number;
  /** Undefined when the body is not JSON. */
  readonly json: unknown;
  header(name: string): string | undefined;
}

export interface HttpClient {
  /** @throws StationError unreachable or fault, when no server of the list gave an answer; the signal's reason */
  call(call: HttpCall, signal: AbortSignal): Promise<HttpAnswer>;
  /** One try at each server, until one answers. @throws StationError unreachable; rejected where this client is not let in */
  ping(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Largest answer that is read, bytes. */
const ANSWER_LIMIT = 1_048_576;

/** @throws StationError CONFIG_INVALID for an address that is no https URL */
export function createHttpClient(options: ServerOptions, errors: ServerErrors): HttpClient {
  const { clock } = options;
  const tryLimit = options.tryLimit ?? 10_000;
  const attempts = options.attempts ?? 4;
  const backoff = options.backoff ?? 250;
  const backoffMax = options.backoffMax ?? 5_000;
  const stickFor = options.stickFor ?? 60_000;
  const random = options.random ?? Math.random;
  const bases = options.baseUrls.map(baseOf);
  if (bases.length === 0) throw new StationError("CONFIG_INVALID", { details: { what: "a list of servers is empty" } });
  const dispatcher = openConnections(options, tryLimit);

  const tryOnce = (base: string, call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> => {
    let sent = false;
    const late = () => new TryFailure(`no answer within ${tryLimit} ms`, { acted: sent });
    return withLimit(clock, tryLimit, signal, late, async (own) => {
      try {
        const { body, statusCode, headers } = await request(`${base}${call.path}`, {
          dispatcher,
          method: call.method,
          signal: own,
          ...contentOf(call, () => {
            sent = true;
          }),
        });
        const header = (name: string) => {
          const value = headers[name];
          return typeof value === "string" ? value : undefined;
        };
        const json = parse(await readBody(body));
        const lives = call === PING && isSignOfLife(statusCode);
        const refusal = lives ? undefined : refusalOf(statusCode, header("retry-after"), clock);
        if (refusal !== undefined) throw refusal;
        return { status: statusCode, json, header };
      } catch (error) {
        throw error instanceof TryFailure ? error : connectionFailure(error, sent);
      }
    });
  };

  const preference = new Preference({
    servers: bases,
    clock,
    stickFor,
    answers: (server, signal) =>
      tryOnce(server, PING, signal).then(
        ({ status }) => status !== 401,
        () => false,
      ),
  });

  /** One round over the servers that may still be asked. */
  const round = async (call: HttpCall, course: Course, signal: AbortSignal): Promise<HttpAnswer | undefined> => {
    for (const base of preference.inOrder()) {
      if (!mayAsk(course, base)) continue;
      try {
        const answer = await tryOnce(base, call, signal);
        if (course.failures.size > 0) preference.moveTo(base);
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof TryFailure)) throw error;
        course.failures.set(base, error);
        if (error.acted && options.sharedStore !== true) course.bound = base;
      }
    }
    return undefined;
  };

  const failure = (failures: ReadonlyMap<string, TryFailure>, pinging: boolean): StationError => {
    const what = [...failures].map(([base, { message }]) => `${new URL(base).host}: ${message}`).join("; ");
    const answered = !pinging && [...failures.values()].some((each) => each.answered);
    return new StationError(answered ? errors.fault : errors.unreachable, {
      details: { what },
      cause: [...failures.values()][0],
    });
  };

  return {
    async call(call, signal) {
      const course: Course = { failures: new Map() };
      for (let n = 0; n < attempts; n++) {
        const open = bases.filter((base) => mayAsk(course, base));
        if (open.length === 0) break;
        if (n > 0) {
          const asked = Math.min(...open.map((base) => course.failures.get(base)?.pause ?? 0));
          const jittered = random() * Math.min(backoffMax, backoff * 2 ** (n - 1));
          await clock.sleep(Math.min(backoffMax, Math.max(jittered, asked)), signal);
        }
        const answer = await round(call, course, signal);
        if (answer !== undefined) return answer;
      }
      throw failure(course.failures, false);
    },
    async ping(signal) {
      const course: Course = { failures: new Map() };
      const answer = await round(PING, course, signal);
      if (answer === undefined) throw failure(course.failures, true);
      // Better known before a unit is touched.
      if (answer.status === 401) {
        throw new StationError(errors.rejected, { details: { status: answer.status, what: NOT_LET_IN } });
      }
    },
    async close() {
      await preference.close();
      await dispatcher.destroy();
    },
  };
}

const PING: HttpCall = { method: "HEAD", path: "/" };

/** Beside what is an answer to any call: a server need not know HEAD, and its front page may lead people to a sign-in. */
const isSignOfLife = (status: number) => (status >= 300 && status < 400) || status === 501;

/** A call's way through the list. */
interface Course {
  /** What became of the last try at each server. */
  readonly failures: Map<string, TryFailure>;
  /** The one server that may have acted, where no other may be asked any more. */
  bound?: string;
}

function mayAsk({ failures, bound }: Course, base: string): boolean {
  return (bound === undefined || bound === base) && failures.get(base)?.again !== false;
}

/** @param onSending called when the body is on its way; before that a request cannot have had an effect */
function contentOf({ body, headers }: HttpCall, onSending: () => void) {
  const accept = { accept: "application/json", ...headers };
  if (body === undefined) return { headers: accept };
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return {
    headers: { ...accept, "content-type": JSON_UTF8, "content-length": String(bytes.length) },
    body: Readable.from(
      (function* () {
        onSending();
        yield bytes;
      })(),
      { objectMode: false },
    ),
  };
}

/** The failure that a status is; undefined for an answer. */
function refusalOf(status: number, retryAfter: string | undefined, clock: Clock): TryFailure | undefined {
  if (status >= 300 && status < 400)
    return new TryFailure(`it answered ${status}, and redirects are not followed`, { answered: true, again: false });
  if (status < 500 && status !== 429) return undefined;
  // These two say that the request was not dealt with (RFC 6585 4, RFC 9110 15.6.4).
  const acted = status !== 429 && status !== 503;
  return new TryFailure(`it answered ${status}`, { answered: true, acted, pause: pauseOf(retryAfter, clock) });
}

/** Retry-After in ms: seconds or a date (RFC 9110 10.2.3); 0 where it is neither. */
function pauseOf(text: string | undefined, clock: Clock): number {
  if (text === undefined) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - clock.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

function baseOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.protocol !== "https:" || url.username !== "" || url.search !== "" || url.hash !== "")
    throw new StationError("CONFIG_INVALID", { details: { what: `"${text}" is no https address of a server` } });
  return url.href.replace(/\/+$/, "");
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > ANSWER_LIMIT) {
      const message = `its answer is longer than ${ANSWER_LIMIT} bytes`;
      throw new TryFailure(message, { answered: true, again: false, acted: true });
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
