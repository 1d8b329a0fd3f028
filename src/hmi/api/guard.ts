/** What every answer says and every request must have: headers against other pages, and a Host that is this server's. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { StationError } from "../../shared/errors.js";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "media-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
};

/** Half a year; the station's certificate may be of the plant's own CA. */
const HSTS = "max-age=15552000";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

export interface GuardOptions {
  readonly secure: boolean;
  /** Address that it listens on. */
  readonly host: string;
  /** Further names that it is reached by. */
  readonly names: readonly string[];
}

/** Another name that leads here (DNS rebinding), or another page's script, gets no answer. */
export function guardRequests(app: FastifyInstance, { secure, host, names }: GuardOptions): void {
  const known = new Set(
    [...LOOPBACK, host.includes(":") ? `[${host}]` : host, ...names].map((name) => name.toLowerCase()),
  );
  app.addHook("onRequest", async (request, reply) => {
    for (const [name, value] of Object.entries(HEADERS)) reply.header(name, value);
    if (secure) reply.header("strict-transport-security", HSTS);
    const asked = request.headers.host ?? "";
    if (!known.has(nameOf(asked)))
      throw new StationError("PAGE_REQUEST_INVALID", {
        details: { what: `Host ${JSON.stringify(asked.slice(0, 100))}` },
      });
    if (request.method !== "GET" && request.method !== "HEAD")
      assertSameOrigin(request, `${secure ? "https" : "http"}://${asked}`);
  });
}

function nameOf(host: string): string {
  return host.replace(/:\d{1,5}$/, "").toLowerCase();
}

/** Browsers tell where a POST comes from; other programs do not, and have the CSRF token to get first. */
function assertSameOrigin({ headers }: FastifyRequest, own: string): void {
  const { origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== own.toLowerCase())
    throw new StationError("PAGE_REQUEST_INVALID", {
      details: { what: `Origin ${JSON.stringify(origin.slice(0, 100))}` },
    });
}
