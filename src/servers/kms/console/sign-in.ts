/** Signing in and out. */
import type { FastifyInstance } from "fastify";
import { endedCookie, sessionCookie } from "./cookies.js";
import { ROOT, signInPage, type Visit } from "./pages.js";
import { type AddRoute, type Answer, type ConsoleOptions, formOf, queryOf, send, visitOf } from "./routing.js";
import type { SignIn } from "./session.js";

/** Addresses within the console alone: nothing that a browser could take for another host. */
const OWN_ADDRESS = /^\/console(?:\/[\w-]+)*(?:\?[\w%&=.+-]*)?$/;
const HOME = `${ROOT}/suppliers`;
const MAX_PASSWORD = 1_024;

export function addSignInRoutes(app: FastifyInstance, add: AddRoute, { sessions, peerOf }: ConsoleOptions): void {
  add("GET", "", async () => ({ to: HOME }));
  add("POST", "/sign-out", async ({ session, peer }) => {
    await sessions.end(session, peer);
    return { to: `${ROOT}/sign-in`, cookie: endedCookie };
  });
  app.get(`${ROOT}/sign-in`, async (request, reply) => {
    const visit = visitOf(request);
    const query = queryOf(request);
    const ended = query.get("ended") === "POST" ? { problem: visit.t("ended") } : {};
    return send(request, reply, {
      page: signInPage(visit, { name: "", next: ownAddress(query.get("next")), ...ended }),
    });
  });
  app.post(`${ROOT}/sign-in`, async (request, reply) => {
    const form = formOf(request);
    const name = form.get("user") ?? "";
    const next = ownAddress(form.get("next"));
    const password = (form.get("password") ?? "").slice(0, MAX_PASSWORD);
    const result = await sessions.signIn(name, password, peerOf(request));
    return send(request, reply, answerOf(visitOf(request), result, name, next));
  });
}

function answerOf(visit: Visit, result: SignIn, name: string, next: string): Answer {
  const again = (status: number, problem: string): Answer => ({
    status,
    page: signInPage(visit, { name: name.slice(0, 64), next, problem }),
  });
  if (result === "wrong") return again(401, visit.t("wrongSignIn"));
  if (result === "busy") return again(503, visit.t("busy"));
  if ("wait" in result) return again(429, visit.t("locked", Math.ceil(result.wait / 1_000)));
  return { to: next, cookie: sessionCookie(result.token) };
}

function ownAddress(given: string | null): string {
  return given !== null && OWN_ADDRESS.test(given) && given !== ROOT ? given : HOME;
}
