/**
 * HTTPS to a list of equal servers: a pinned CA, the station's own certificate, no proxy, no redirects, a time limit a try, fail-over in
 * the list's order and retries with jittered back-off. Every call of both contracts may be sent again: it is idempotent by nature or by
 * its Idempotency-Key.
 */
import { Agent, request } from "undici";
import { JSON_UTF8 } from "../contract/common.js";
import { withLimit } from "../shared/abort.js";
import type { Clock } from "../shared/clock.js";
import { describe, type ErrorCode, StationError } from "../shared/errors.js";

/** Codes of a server's failures. */
export interface ServerErrors {
  /** No answer: connection, TLS or time. */
  readonly unreachable: ErrorCode;
  /** An answer that is none: 5xx, a redirect, a body out of the contract. */
  readonly fault: ErrorCode;
  /** A refusal that stays one. */
  readonly rejected: ErrorCode;
}

/** Where the servers are and how they are called; the same for both clients. */
export interface ServerOptions {
  /** `https://host[:port][/prefix]`, in order of preference; at least one. */
  readonly baseUrls: readonly string[];
  /** CA certificates that a server's certificate must lead to, PEM; no others count. */
  readonly ca: string;
  /** The station's certificate and private key, PEM. */
  readonly cert?: string;
  readonly key?: string;
  readonly clock: Clock;
  /** Time for one try at one server, connection and body included, ms; default 10000, 100–600000. */
  readonly tryLimit?: number;
  /** Rounds through the list; default 4, 1–100. */
  readonly attempts?: number;
  /** Longest pause before the second round, ms, doubled for each further one; default 250, 1–60000. */
  readonly backoff?: number;
  /** Longest pause before any round, ms; default 5000, 1–600000. */
  readonly backoffMax?: number;
  /** How long a call starts with the server that answered last instead of the first, ms; default 60000, 0–3600000. */
  readonly stickFor?: number;
  /** Jitter, 0 ≤ x < 1; default Math.random. */
  readonly random?: () => number;
}

export interface HttpCall {
  readonly method: "POST" | "PUT" | "HEAD";
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

/** Why one try at one server failed. */
class TryFailure extends Error {
  constructor(
    message: string,
    /** The server answered, though not as it should. */
    readonly answered: boolean,
    /** The same may go well later. */
    readonly again: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

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
  const dispatcher = new Agent({
    connect: {
      ca: options.ca,
      ...(options.cert === undefined ? {} : { cert: options.cert }),
      ...(options.key === undefined ? {} : { key: options.key }),
      minVersion: "TLSv1.2",
      timeout: tryLimit,
    },
    // The limit a try is ours, on the injected clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  let stuck: { base: string; until: number } | undefined;

  const inOrder = (): string[] => {
    if (stuck === undefined || clock.monotonic() >= stuck.until) return bases;
    const first = stuck.base;
    return [first, ...bases.filter((base) => base !== first)];
  };

  const tryOnce = (base: string, call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> =>
    withLimit(
      clock,
      tryLimit,
      signal,
      () => new TryFailure(`no answer within ${tryLimit} ms`, false, true),
      async (own) => {
        try {
          const answer = await request(`${base}${call.path}`, {
            dispatcher,
            method: call.method,
            signal: own,
            headers: {
              accept: "application/json",
              ...(call.body === undefined ? {} : { "content-type": JSON_UTF8 }),
              ...call.headers,
            },
            ...(call.body === undefined ? {} : { body: call.body }),
          });
          const json = parse(await readBody(answer.body));
          const { statusCode: status, headers } = answer;
          if (status >= 500 || status === 429) throw new TryFailure(`it answered ${status}`, true, true);
          if (status >= 300 && status < 400)
            throw new TryFailure(`it answered ${status}, and redirects are not followed`, true, false);
          return {
            status,
            json,
            header: (name) => {
              const value = headers[name];
              return typeof value === "string" ? value : undefined;
            },
          };
        } catch (error) {
          throw error instanceof TryFailure ? error : connectionFailure(error);
        }
      },
    );

  /** One round; fills `failures` and takes servers out of `open` that no retry can help. */
  const round = async (
    call: HttpCall,
    open: Set<string>,
    failures: Map<string, TryFailure>,
    signal: AbortSignal,
  ): Promise<HttpAnswer | undefined> => {
    for (const base of inOrder()) {
      if (!open.has(base)) continue;
      try {
        const answer = await tryOnce(base, call, signal);
        stuck = { base, until: clock.monotonic() + stickFor };
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof TryFailure)) throw error;
        failures.set(base, error);
        if (!error.again) open.delete(base);
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
      const open = new Set(bases);
      const failures = new Map<string, TryFailure>();
      for (let n = 0; n < attempts && open.size > 0; n++) {
        if (n > 0) await clock.sleep(random() * Math.min(backoffMax, backoff * 2 ** (n - 1)), signal);
        const answer = await round(call, open, failures, signal);
        if (answer !== undefined) return answer;
      }
      throw failure(failures, false);
    },
    async ping(signal) {
      const failures = new Map<string, TryFailure>();
      const answer = await round({ method: "HEAD", path: "/" }, new Set(bases), failures, signal);
      if (answer === undefined) throw failure(failures, true);
      // Better known before a unit is touched.
      if (answer.status === 401) {
        const what = "this station is not on its allow list, or not with this certificate or address";
        throw new StationError(errors.rejected, { details: { status: answer.status, what } });
      }
    },
    close: () => dispatcher.destroy(),
  };
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
    if (size > ANSWER_LIMIT) throw new TryFailure(`its answer is longer than ${ANSWER_LIMIT} bytes`, true, false);
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

/** Node's and OpenSSL's codes for a certificate that is not to be trusted: no retry makes it another one. */
const CERTIFICATE_CODE =
  /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET|ERR_TLS|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|INVALID_PURPOSE|ERR_SSL|EPROTO/;

function connectionFailure(error: unknown): TryFailure | StationError {
  const code = codeOf(error);
  if (code === "UND_ERR_INVALID_ARG")
    return new StationError("INTERNAL", { details: { what: describe(error) }, cause: error });
  // A name with several addresses fails with one error an address.
  const text = describe(error instanceof AggregateError ? (error.errors[0] ?? error) : error);
  const what = code === undefined || text.includes(code) ? text : `${text} (${code})`;
  return new TryFailure(what, false, code === undefined || !CERTIFICATE_CODE.test(code), { cause: error });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return "cause" in error ? codeOf(error.cause) : undefined;
}
