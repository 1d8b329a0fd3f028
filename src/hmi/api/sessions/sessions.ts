/** Who is signed in at which browser. Sessions live as long as the program; a user who is locked or has another PIN is out at once. */
import { createHash, createHmac, randomBytes } from "node:crypto";
import type { User, Users } from "../../../records/users.js";
import { ascii, equalConstantTime } from "../../../shared/bytes.js";
import type { Clock } from "../../../shared/clock.js";
import { StationError } from "../../../shared/errors.js";
import type { SignIn } from "../../contract/requests.js";
import { ROLES, type Role } from "../../contract/roles.js";

export interface SessionSettings {
  /** ms without a request until a session ends. */
  readonly idle: number;
  /** ms until it ends altogether. */
  readonly lifetime: number;
  /** Wrong PINs of one user in a row that cost nothing but the try. */
  readonly tries: number;
  /** ms behind the first wrong one beyond; each further one doubles it. */
  readonly pause: number;
  /** ms */
  readonly longestPause: number;
}

/** Who asks. */
export interface Visitor {
  /** Undefined where nobody has to sign in (simulator mode without users), or nobody has. */
  readonly name: string | undefined;
  readonly role: Role | undefined;
  readonly csrf: string;
}

interface Session {
  readonly user: string;
  readonly credential: string;
  readonly begunAt: number;
  usedAt: number;
}

export interface SessionsOptions {
  readonly users: Users;
  readonly clock: Clock;
  readonly settings: SessionSettings;
  /** True in simulator mode: while there are no users, everybody is an engineer. */
  readonly open: boolean;
}

const TOKEN_BYTES = 32;
/** PINs that are hashed at once: each takes 32 MiB and a thread for a tenth of a second. */
const MAX_HASHING = 4;
const MOST_SESSIONS = 1_000;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export class Sessions {
  readonly #options: SessionsOptions;
  /** By the SHA-256 of the token. */
  readonly #sessions = new Map<string, Session>();
  /** Makes a session's CSRF token of its own token. */
  readonly #key = randomBytes(TOKEN_BYTES);
  #hashing = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** @param token of the request's cookie */
  async visitor(token: string | undefined): Promise<Visitor> {
    const user = await this.#user(token);
    if (user !== undefined) return { name: user.name, role: roleOf(user), csrf: this.#csrf(token) };
    const free = this.#options.open && (await this.#options.users.list()).length === 0;
    return { name: undefined, role: free ? "engineer" : undefined, csrf: this.#csrf(undefined) };
  }

  /** Whether a request was made by a page of this visitor. */
  isOwn({ csrf }: Visitor, given: string | undefined): boolean {
    return given !== undefined && equalConstantTime(ascii(csrf), Buffer.from(given));
  }

  /**
   * @param peer the address that asks, for the audit log
   * @returns the new session's token
   * @throws StationError PAGE_PIN_WRONG, PAGE_LOCKED, PAGE_BUSY
   */
  async signIn(who: SignIn, peer: string): Promise<string> {
    const { users, clock, settings } = this.#options;
    if (this.#hashing >= MAX_HASHING) throw new StationError("PAGE_BUSY");
    this.#hashing++;
    try {
      const admitted = await users.admit(who, settings, `page ${peer}`);
      if (admitted === "wrong") throw new StationError("PAGE_PIN_WRONG");
      if ("wait" in admitted)
        throw new StationError("PAGE_LOCKED", { details: { seconds: Math.ceil(admitted.wait / 1_000) } });
      const token = randomBytes(TOKEN_BYTES).toString("base64url");
      const at = clock.monotonic();
      this.#sweep(at);
      const { name, credential } = admitted.user;
      this.#sessions.set(sha256(token), { user: name, credential, begunAt: at, usedAt: at });
      return token;
    } finally {
      this.#hashing--;
    }
  }

  async signOut(token: string | undefined, peer: string): Promise<void> {
    const user = await this.#user(token);
    if (token === undefined || user === undefined) return;
    this.#sessions.delete(sha256(token));
    const what = { actor: `page ${peer}`, action: "sign out", subject: user.name, outcome: "done", details: {} };
    await this.#options.users.note(what);
  }

  async #user(token: string | undefined): Promise<User | undefined> {
    if (token === undefined || token.length > 100) return undefined;
    const id = sha256(token);
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    const at = this.#options.clock.monotonic();
    const user = this.#isOver(session, at) ? undefined : await this.#options.users.find(session.user);
    if (user === undefined || user.locked || user.credential !== session.credential) {
      this.#sessions.delete(id);
      return undefined;
    }
    session.usedAt = at;
    return user;
  }

  #isOver({ begunAt, usedAt }: Session, at: number): boolean {
    const { idle, lifetime } = this.#options.settings;
    return at - usedAt > idle || at - begunAt > lifetime;
  }

  #sweep(at: number): void {
    for (const [id, session] of this.#sessions)
      if (this.#isOver(session, at) || this.#sessions.size >= MOST_SESSIONS) this.#sessions.delete(id);
  }

  #csrf(token: string | undefined): string {
    return createHmac("sha256", this.#key)
      .update(token ?? "")
      .digest("base64url");
  }
}

function roleOf({ role }: User): Role | undefined {
  return ROLES.find((known) => known === role);
}
