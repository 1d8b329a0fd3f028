/** What the console's routes share: what they get, what they answer, and how that becomes a reply. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Store } from "../../../db/store.js";
import type { Clock } from "../../../shared/clock.js";
import type { Logger } from "../../../shared/logger.js";
import type { RegistrySource, StoredRegistry } from "../registry-store.js";
import type { store as definition } from "../store/store.js";
import type { Vault } from "../vault.js";
import { LANGUAGE_COOKIE, languageCookie, readCookies } from "./cookies.js";
import type { Html } from "./html.js";
import { isLanguage, languageOf, type TextKey, translator } from "./language.js";
import { messagePage, type Visit } from "./pages.js";
import type { Session, Sessions } from "./session.js";

export interface ConsoleOptions {
  readonly store: Store<typeof definition>;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sessions: Sessions;
  readonly registry: RegistrySource;
  /** The same where the console may change it; undefined where the file is the truth. */
  readonly writable: StoredRegistry | undefined;
  /** Who a request comes from, for the audit log. */
  readonly peerOf: (request: FastifyRequest) => string;
}

/** A page, or where to go instead. */
export type Answer =
  | { readonly page: Html; readonly status?: number; readonly cookie?: string }
  | { readonly to: string; readonly cookie?: string };

/** What a route gets of its request. */
export interface Asked {
  readonly visit: Visit;
  readonly session: Session;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
  readonly peer: string;
}

/** Adds a route that only a signed-in user reaches; what it gets of a POST was sent by a form of that user's session. */
export type AddRoute = (method: "GET" | "POST", path: string, work: (asked: Asked) => Promise<Answer>) => void;

export function queryOf(request: FastifyRequest): URLSearchParams {
  return new URLSearchParams(request.url.split("?", 2)[1] ?? "");
}

export function formOf(request: FastifyRequest): URLSearchParams {
  return request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
}

/** A language named in query or form is chosen, and kept by its cookie. */
function chosenLanguage(request: FastifyRequest): string | undefined {
  const given = formOf(request).get("lang") ?? queryOf(request).get("lang");
  return isLanguage(given) ? given : undefined;
}

export function visitOf(request: FastifyRequest, user?: Visit["user"]): Visit {
  const { cookie, "accept-language": accepted } = request.headers;
  const language = languageOf(chosenLanguage(request) ?? readCookies(cookie).get(LANGUAGE_COOKIE), accepted);
  return { t: translator(language), language, user, here: request.url };
}

export function send(request: FastifyRequest, reply: FastifyReply, answer: Answer): FastifyReply {
  const chosen = chosenLanguage(request);
  const cookies = [answer.cookie, chosen && languageCookie(chosen)].filter((cookie) => cookie !== undefined);
  if (cookies.length > 0) void reply.header("set-cookie", cookies);
  if ("to" in answer) return reply.redirect(answer.to, 303);
  return reply
    .code(answer.status ?? 200)
    .type("text/html; charset=utf-8")
    .send(String(answer.page));
}

export function refuse(request: FastifyRequest, reply: FastifyReply, status: number, text: TextKey): FastifyReply {
  return send(request, reply, { status, page: messagePage(visitOf(request), text) });
}
