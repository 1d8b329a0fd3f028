/** Signing in and out, and who may. */

import { ROLES } from "../../contract/roles.js";
import type { SessionView, UserRow } from "../../contract/views.js";
import type { PagePorts } from "../ports.js";
import type { AddRoute } from "../routing.js";
import type { Cookie } from "../sessions/cookie.js";
import type { Sessions, Visitor } from "../sessions/sessions.js";

export function addSessionRoutes(add: AddRoute, { users }: PagePorts, sessions: Sessions, cookie: () => Cookie): void {
  const viewOf = async ({ name, role, csrf }: Visitor): Promise<SessionView> => ({
    user: role && { name, role },
    csrf,
    users: (await users.list()).length > 0,
  });
  add("session", ({ visitor }) => viewOf(visitor));
  add("signIn", async ({ given, token: former, peer, reply }) => {
    const token = await sessions.signIn("badge" in given ? { badge: given.badge.trim() } : given, peer);
    await sessions.signOut(former, peer);
    void reply.header("set-cookie", cookie().set(token));
    return viewOf(await sessions.visitor(token));
  });
  add("signOut", async ({ token, peer, reply }) => {
    await sessions.signOut(token, peer);
    void reply.header("set-cookie", cookie().ended);
    return viewOf(await sessions.visitor(undefined));
  });
}

/** As signing in gives it: without the blanks that a scanner or a hand put around it; undefined where nothing else is there. */
const badgeText = (badge: string | undefined) => badge?.trim() || undefined;

export function addUserRoutes(add: AddRoute, { users }: PagePorts): void {
  add("users", async () =>
    (await users.list()).flatMap(({ name, role, badge, locked }): UserRow[] => {
      const known = ROLES.find((one) => one === role);
      return known === undefined ? [] : [{ name, role: known, badge, locked }];
    }),
  );
  add("addUser", ({ given: { badge, ...rest }, person }) => {
    const text = badgeText(badge);
    return users.add(text === undefined ? rest : { ...rest, badge: text }, person);
  });
  add("setPin", ({ path, given, person }) => users.setPin(path.user, given.pin, badgeText(given.badge), person));
  add("lockUser", ({ path, given, person }) => users.lock(path.user, given.locked, person));
}
