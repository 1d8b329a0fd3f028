/** Who is signed in: passwords with a lock that grows, sessions by an unguessable token, and the token of their forms. */
import { createHash, randomBytes } from "node:crypto";
import type { AuditEntry } from "../../../audit/row.js";
import type { Store } from "../../../db/store.js";
import { equalConstantTime } from "../../../shared/bytes.js";
import type { Clock } from "../../../shared/clock.js";
import { isPassword, NOBODY } from "../../../shared/password.js";
import type { store as definition } from "../store/store.js";
import type { Vault } from "../vault.js";
import type { ConsoleConfig } from "./config.js";
import { type ConsoleUser, readUsers } from "./users.js";

export interface Session {
  /** Name in the store: SHA-256 of the token, hex. */
  readonly id: string;
  readonly user: string;
  /** What the forms of this session carry. */
  readonly formToken: string;
}

export type SignIn = { readonly token: string } | { readonly wait: number } | "wrong" | "busy";

export interface SessionsOptions {
  readonly store: Store<typeof definition>;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly usersFile: string;
  readonly limits: Omit<ConsoleConfig, "users">;
}

const TOKEN_BYTES = 32;
/** Passwords that are hashed or wait for it at once: each takes 32 MiB and a thread for a tenth of a second. */
const MAX_HASHING = 4;
/** Names that nobody has share so many locks: they behave as names of users do, and cannot fill the store. */
const NOBODY_DIGITS = 3;

const sha256 = (text: string) => createHash("sha256").update(text).digest();

export class Sessions {
  readonly #options: SessionsOptions;
  #hashing = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** @param peer the address and certificate that asks, for the audit log */
  async signIn(name: string, password: string, peer: string): Promise<SignIn> {
    if (this.#hashing >= MAX_HASHING) return "busy";
    this.#hashing++;
    try {
      return await this.#signIn(name, password, peer);
    } finally {
      this.#hashing--;
    }
  }

  async #signIn(name: string, password: string, peer: string): Promise<SignIn> {
    const { store, clock, limits } = this.#options;
    const user = await this.#user(name);
    const { tries: free, pause, longestPause: longest } = limits;
    const wait = await store.call("consoleTry", {
      name: this.#tried(user, name),
      at: clock.now(),
      free,
      pause,
      longest,
    });
    const right = wait === 0 && (await isPassword(password, user?.password ?? NOBODY));
    if (user === undefined || !right) {
      await store.call("note", this.#entry("sign in", user?.name, peer, wait === 0 ? "password" : "locked"));
      return wait === 0 ? "wrong" : { wait };
    }
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    await store.call("consoleBegin", {
      id: sha256(token).toString("hex"),
      user: user.name,
      credential: credentialOf(user),
      at: clock.now(),
      idle: limits.idle,
      lifetime: limits.lifetime,
      audit: this.#entry("sign in", user.name, peer),
    });
    return { token };
  }

  /** The session of a cookie; undefined where it has ended, or its user is gone or has another password. */
  async find(token: string | undefined): Promise<Session | undefined> {
    if (token === undefined || token.length > 100) return undefined;
    const { store, clock, limits } = this.#options;
    const { idle, lifetime } = limits;
    const id = sha256(token).toString("hex");
    const found = await store.call("consoleSession", { id, at: clock.now(), idle, lifetime });
    if (found === undefined) return undefined;
    const user = await this.#user(found.user);
    if (user === undefined || credentialOf(user) !== found.credential) return undefined;
    return { id, user: user.name, formToken: sha256(`form|${token}`).toString("base64url") };
  }

  async end(session: Session, peer: string): Promise<void> {
    const audit = this.#entry("sign out", session.user, peer);
    await this.#options.store.call("consoleEnd", { id: session.id, audit });
  }

  async #user(name: string): Promise<ConsoleUser | undefined> {
    return (await readUsers(this.#options.usersFile)).find((user) => user.name === name);
  }

  #tried(user: ConsoleUser | undefined, name: string): string {
    return user?.name ?? `?${this.#options.vault.nameOf(Buffer.from(name)).slice(0, NOBODY_DIGITS)}`;
  }

  /** A name that nobody has is not written: it may be a password in the wrong field. */
  #entry(action: string, user: string | undefined, peer: string, failure?: string): AuditEntry {
    return {
      at: this.#options.clock.now(),
      actor: actorOf(user, peer),
      action,
      subject: user ?? "",
      outcome: failure === undefined ? "done" : "refused",
      details: failure === undefined ? {} : { failure },
    };
  }
}

/** As the audit log calls a user of the console. */
export function actorOf(user: string | undefined, peer: string): string {
  return user === undefined ? `console ${peer}` : `console ${user} ${peer}`;
}

/** Whether a form was made for this session. */
export function isFormToken(session: Session, given: string | null): boolean {
  return given !== null && equalConstantTime(Buffer.from(given), Buffer.from(session.formToken));
}

const credentialOf = (user: ConsoleUser) => sha256(user.password).toString("hex");
