/** Who may use the operator page: PINs and badges, kept as hashes. */
import { createHash } from "node:crypto";
import type { AuditEntry } from "../audit/row.js";
import type { Store } from "../db/store.js";
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import { hashPassword, isPassword, NOBODY } from "../shared/password.js";
import type { RecordsDefinition } from "./store.js";
import type { StoredUser, TryLimits } from "./user-store.js";

export interface User {
  readonly name: string;
  readonly role: string;
  readonly badge: boolean;
  readonly locked: boolean;
  /** Changes with PIN, badge, role and lock: a session that was begun with another one has ended. */
  readonly credential: string;
}

export interface NewUser {
  readonly name: string;
  readonly role: string;
  readonly pin: string;
  readonly badge?: string;
}

/** Right, or ms to wait, or wrong. */
export type Admission = { readonly user: User } | { readonly wait: number } | "wrong";

export interface Users {
  list(): Promise<readonly User[]>;
  find(name: string): Promise<User | undefined>;
  /** Whether somebody has this badge, also who is locked. */
  isBadge(text: string): Promise<boolean>;
  /** @param actor who adds, for the audit log. @throws StationError INPUT_INVALID for a name or badge that is taken */
  add(user: NewUser, actor: string): Promise<void>;
  /** @throws StationError PAGE_NOT_FOUND; INPUT_INVALID for a badge that is taken */
  setPin(name: string, pin: string, badge: string | undefined, actor: string): Promise<void>;
  /** @throws StationError PAGE_NOT_FOUND */
  lock(name: string, locked: boolean, actor: string): Promise<void>;
  /** Each try counts, also those of names that nobody has. @param actor who tries, for the audit log */
  admit(
    who: { readonly badge: string } | { readonly name: string; readonly pin: string },
    limits: TryLimits,
    actor: string,
  ): Promise<Admission>;
  /** Writes what a person did into the audit log. */
  note(what: Omit<AuditEntry, "at">): Promise<void>;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
/** Badges and names that nobody has share so many locks: they cannot fill the store. */
const NOBODY_DIGITS = 3;

export function createUsers(store: Store<RecordsDefinition>, clock: Clock): Users {
  const change = (actor: string) => ({ at: clock.now(), actor });
  const badgeOf = (badge: string | undefined) => (badge === undefined ? null : sha256(`badge|${badge}`));
  const refuse = (taken: "name" | "badge" | undefined, name: string) => {
    if (taken === undefined) return;
    const what = taken === "name" ? `there is a user ${name} already` : "the badge is another user's";
    throw new StationError("INPUT_INVALID", { details: { what } });
  };
  const nobody = (name: string) => new StationError("PAGE_NOT_FOUND", { details: { what: `user ${name}` } });
  return {
    list: async () => (await store.call("users", null)).map(userOf),
    async find(name) {
      const found = await store.call("user", { name });
      return found && userOf(found);
    },
    isBadge: async (text) => (await store.call("user", { badge: badgeOf(text) ?? "" })) !== undefined,
    async add({ name, role, pin, badge }, actor) {
      const user = { name, role, pin: await hashPassword(pin), badge: badgeOf(badge) };
      refuse(await store.call("userAdd", { user, change: change(actor) }), name);
    },
    async setPin(name, pin, badge, actor) {
      const hash = await hashPassword(pin);
      const args = { name, pin: hash, badge: badgeOf(badge), change: change(actor) };
      const taken = await store.call("userPin", args);
      if (taken === "name") throw nobody(name);
      refuse(taken, name);
    },
    async lock(name, locked, actor) {
      if (!(await store.call("userLock", { name, locked, change: change(actor) }))) throw nobody(name);
    },
    async admit(who, limits, actor) {
      const badge = "badge" in who ? (badgeOf(who.badge) ?? "") : undefined;
      const found = await store.call("user", "name" in who ? { name: who.name } : { badge: badge ?? "" });
      const tried = found?.name ?? `?${sha256("name" in who ? who.name : (badge ?? "")).slice(0, NOBODY_DIGITS)}`;
      const wait = await store.call("userTry", { name: tried, at: clock.now(), limits });
      const right =
        wait === 0 && ("pin" in who ? await isPassword(who.pin, found?.pin ?? NOBODY) : found !== undefined);
      const admitted = right && found !== undefined && found.locked === 0;
      // A name that nobody has is not written: it may be a PIN in the wrong field.
      const entry = { at: clock.now(), actor, action: "sign in", subject: found?.name ?? "" };
      const how = "pin" in who ? "PIN" : "badge";
      if (admitted) {
        await store.call("userNote", { entry: { ...entry, outcome: "done", details: { how } }, tried });
        return { user: userOf(found) };
      }
      const failure = wait > 0 ? "paused" : right ? "locked" : "wrong";
      await store.call("userNote", { entry: { ...entry, outcome: "refused", details: { how, failure } } });
      return wait > 0 ? { wait } : "wrong";
    },
    note: (what) => store.call("userNote", { entry: { ...what, at: clock.now() } }),
  };
}

function userOf({ name, role, pin, badge, locked }: StoredUser): User {
  const credential = sha256([role, pin, badge ?? "", locked].join("|"));
  return { name, role, badge: badge !== null, locked: locked !== 0, credential };
}
