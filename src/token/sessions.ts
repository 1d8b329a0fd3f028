/** Sessions with one token: opened when they are needed, never more than a bound, dropped after any error. */
import type { StationError } from "../shared/errors.js";
import type { Secret } from "../shared/secret.js";
import { CKF, CKS_USER, CKU_USER, type Cryptoki, type Handle } from "./cryptoki.js";
import { calling, tokenError } from "./module.js";

export class SessionPool {
  readonly #idle: Handle[] = [];
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  /** @param most sessions at once, at least 1 */
  constructor(
    private readonly cryptoki: Cryptoki,
    private readonly slot: Handle,
    private readonly pin: Secret,
    private readonly most: number,
  ) {}

  /** Sessions that are open, idle or in use. */
  get open(): number {
    return this.#idle.length + this.#used;
  }

  /**
   * Lends a logged-in session to `work`; waits while all are out. After an error the session is closed, for an operation may still be
   * active in it, and `work` runs once more with a fresh one: the fault may have been the session's.
   * @throws StationError TOKEN_*
   */
  async use<T>(work: (session: Handle) => T | Promise<T>): Promise<T> {
    return this.#turn(async () => {
      try {
        return await this.#once(this.#healthy(), work);
      } catch (error) {
        if (isFinal(tokenError(error, "PKCS#11"))) throw error;
        return await this.#once(this.#fresh(CKF.SERIAL_SESSION), work);
      }
    });
  }

  /** A read-write session for one piece of work, once: what it makes must not be made twice. */
  async write<T>(work: (session: Handle) => T | Promise<T>): Promise<T> {
    return this.#turn(async () => {
      // Those that nobody uses count for the token, too.
      while (this.open > this.most) this.#drop(this.#idle.pop() as Handle);
      const session = this.#fresh(CKF.SERIAL_SESSION | CKF.RW_SESSION);
      try {
        return await work(session);
      } finally {
        this.#drop(session);
      }
    });
  }

  /** Waits while all sessions are out, and counts as one of them until `work` has ended. */
  async #turn<T>(work: () => Promise<T>): Promise<T> {
    while (this.#used >= this.most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#used++;
    try {
      return await work();
    } finally {
      this.#used--;
      this.#waiting.shift()?.();
    }
  }

  async #once<T>(session: Handle, work: (session: Handle) => T | Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await work(session);
    } catch (error) {
      this.#drop(session);
      throw error;
    }
    this.#idle.push(session);
    return result;
  }

  /** The idle session that was used last, if it still lives and is logged in; else a fresh one. */
  #healthy(): Handle {
    for (let session = this.#idle.pop(); session !== undefined; session = this.#idle.pop()) {
      try {
        if (CKS_USER.includes(this.cryptoki.C_GetSessionInfo(session).state)) return session;
      } catch {
        // A session that cannot be asked is gone; the next call says why.
      }
      this.#drop(session);
    }
    return this.#fresh(CKF.SERIAL_SESSION);
  }

  #fresh(flags: number): Handle {
    const { cryptoki, slot, pin } = this;
    const session = calling("C_OpenSession", () => cryptoki.C_OpenSession(slot, flags));
    try {
      const { state } = calling("C_GetSessionInfo", () => cryptoki.C_GetSessionInfo(session));
      // The login is the token's, not the session's: the first one logs all of them in.
      if (!CKS_USER.includes(state))
        calling("C_Login", () =>
          pin.use((bytes) => cryptoki.C_Login(session, CKU_USER, Buffer.from(bytes).toString("utf8"))),
        );
      return session;
    } catch (error) {
      this.#drop(session);
      throw error;
    }
  }

  #drop(session: Handle): void {
    try {
      this.cryptoki.C_CloseSession(session);
    } catch {
      // It went with its token.
    }
  }
}

/** Another session would not help, and a PIN that was refused is not offered again: a few refusals lock it. */
function isFinal({ code }: StationError): boolean {
  return code === "TOKEN_PIN_REFUSED" || code === "TOKEN_KEY_MISSING";
}
