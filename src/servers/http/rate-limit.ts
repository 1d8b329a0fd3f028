/** How many requests a client may send: a bucket of tokens for each. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "../../shared/clock.js";
import type { RateLimitConfig } from "./config.js";
import { nameOf } from "./peer.js";
import { isLoopback, networkOf } from "./ranges.js";

/** For clients on other machines; loopback has a limit only where one is configured. Many stations may share one address. */
const DEFAULT_RATE_LIMIT: RateLimitConfig = { rate: 500, burst: 5_000 };
/** Clients that are remembered; the one that was silent longest is forgotten first. */
const MAX_CLIENTS = 10_000;

/** What a request beyond the limit is refused with, in the words of its plug-in. */
export class TooManyRequests extends Error {
  override readonly name = "TooManyRequests";
  readonly statusCode = 429;

  /** @param first the client has not been refused since it last kept the limit: the one refusal that goes to the audit log */
  constructor(readonly first: boolean) {
    super("Too many requests, try again later");
  }
}

interface Bucket {
  tokens: number;
  /** Monotonic ms. */
  at: number;
  refused: boolean;
}

type Taken = { readonly ok: true } | { readonly ok: false; readonly waitMs: number; readonly first: boolean };

export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    private readonly config: RateLimitConfig,
    private readonly clock: Clock,
    private readonly maxClients = MAX_CLIENTS,
  ) {}

  /** Takes one request's token, or says when there will be one. */
  take(client: string): Taken {
    const { rate, burst } = this.config;
    const now = this.clock.monotonic();
    const known = this.#buckets.get(client);
    const bucket = known ?? { tokens: burst, at: now, refused: false };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * rate);
    bucket.at = now;
    // Put at the end: the first of the map is the one that was silent longest.
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size > this.maxClients) this.#forgetOne();
    if (bucket.tokens >= burst) bucket.refused = false;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return { ok: true };
    }
    const first = !bucket.refused;
    bucket.refused = true;
    return { ok: false, waitMs: ((1 - bucket.tokens) / rate) * 1000, first };
  }

  #forgetOne(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}

/**
 * Refuses what goes beyond the limit, before its body is read.
 * @param configured left out, the default holds, and none for loopback
 */
export function limitRate(app: FastifyInstance, clock: Clock, configured?: RateLimitConfig): void {
  const limit = new RateLimit(configured ?? DEFAULT_RATE_LIMIT, clock);
  app.addHook("onRequest", async (request, reply) => {
    if (configured === undefined && isLoopback(request.ip)) return;
    const taken = limit.take(clientOf(request));
    if (taken.ok) return;
    void reply.header("retry-after", String(Math.max(1, Math.ceil(taken.waitMs / 1000))));
    throw new TooManyRequests(taken.first);
  });
}

/** The client that the allow list knows, else its address, of which an IPv6 client has 2^64. */
function clientOf(request: FastifyRequest): string {
  return nameOf(request) ?? networkOf(request.ip);
}
