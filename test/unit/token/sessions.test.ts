import { beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../../src/shared/secret.js";
import type { Cryptoki, Handle } from "../../../src/token/cryptoki.js";
import { calling } from "../../../src/token/module.js";
import { SessionPool } from "../../../src/token/sessions.js";

/** The session calls of a token, with the login that all sessions share. */
class FakeToken {
  readonly open = new Set<string>();
  opened = 0;
  logins: string[] = [];
  loggedIn = false;
  /** CKR_… that a call answers next. */
  readonly faults = new Map<string, string>();
  readonly calls: Pick<Cryptoki, "C_OpenSession" | "C_CloseSession" | "C_GetSessionInfo" | "C_Login" | "C_SignInit"> = {
    C_OpenSession: () => {
      this.#fault("C_OpenSession");
      const session = Buffer.from(`session ${++this.opened}`);
      this.open.add(session.toString());
      return session;
    },
    C_CloseSession: (session) => {
      this.open.delete(session.toString());
      if (this.open.size === 0) this.loggedIn = false;
    },
    C_GetSessionInfo: (session) => {
      if (!this.open.has(session.toString())) throw new Error("CKR_SESSION_HANDLE_INVALID");
      return { state: this.loggedIn ? 1 : 0 };
    },
    C_Login: (_session, _user, pin) => {
      this.logins.push(pin);
      this.#fault("C_Login");
      this.loggedIn = true;
    },
    C_SignInit: () => this.#fault("C_SignInit"),
  };

  #fault(call: string): void {
    const fault = this.faults.get(call);
    if (fault !== undefined) throw new Error(fault);
  }
}

let token: FakeToken;
let pool: SessionPool;
let cryptoki: Cryptoki;
beforeEach(() => {
  token = new FakeToken();
  // Only these calls are the pool's.
  cryptoki = token.calls as Cryptoki;
  pool = new SessionPool(cryptoki, Buffer.from("slot"), new Secret(Buffer.from("1234")), 2);
});

const init = (session: Handle) =>
  calling("C_SignInit", () => cryptoki.C_SignInit(session, { mechanism: 1 }, Buffer.alloc(0)));
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a session pool", () => {
  it("opens nothing before it is asked, then one session that serves one caller after the other", async () => {
    expect(token.opened).toBe(0);
    for (let call = 0; call < 5; call++) await pool.use(init);
    expect([token.opened, pool.open, token.logins]).toEqual([1, 1, ["1234"]]);
  });

  it("keeps its bound, and serves those who wait in turn", async () => {
    const order: number[] = [];
    let most = 0;
    const work = (n: number) =>
      pool.use(async () => {
        most = Math.max(most, pool.open);
        await turn();
        order.push(n);
      });
    await Promise.all([1, 2, 3, 4, 5, 6].map(work));
    expect(order).toEqual([1, 2, 3, 4, 5, 6]);
    expect([most, token.opened, token.logins.length]).toEqual([2, 2, 1]);
  });

  it("closes a session after an error and tries once with a fresh one", async () => {
    let tries = 0;
    const seen: string[] = [];
    const work = (session: Handle) => {
      seen.push(session.toString());
      if (++tries === 1) throw new Error("CKR_OPERATION_ACTIVE");
      return "done";
    };
    expect(await pool.use(work)).toBe("done");
    expect(seen).toEqual(["session 1", "session 2"]);
    expect([...token.open]).toEqual(["session 2"]);
  });

  it("tells the error when the fresh one fails as well, and keeps neither", async () => {
    token.faults.set("C_SignInit", "CKR_DEVICE_ERROR");
    await expect(pool.use(init)).rejects.toMatchObject({
      code: "TOKEN_FAILED",
      details: { what: "C_SignInit: CKR_DEVICE_ERROR" },
    });
    expect([token.opened, token.open.size, pool.open]).toEqual([2, 0, 0]);
    token.faults.clear();
    await pool.use(init);
  });

  it("does not lend a session that died while it was idle", async () => {
    await pool.use(init);
    token.open.clear();
    await pool.use((session) => expect(session.toString()).toBe("session 2"));
  });

  it("logs in anew where the token has logged everybody out", async () => {
    await pool.use(init);
    token.loggedIn = false;
    await pool.use(init);
    expect(token.logins).toHaveLength(2);
  });

  it("offers a refused PIN once", async () => {
    token.faults.set("C_Login", "CKR_PIN_INCORRECT");
    await expect(pool.use(init)).rejects.toMatchObject({ code: "TOKEN_PIN_REFUSED" });
    expect([token.logins.length, token.open.size]).toEqual([1, 0]);
  });

  it("does not make a thing twice: writing is tried once", async () => {
    let tries = 0;
    const work = () => {
      tries++;
      throw new Error("CKR_DEVICE_ERROR");
    };
    await expect(pool.write(work)).rejects.toThrow();
    expect([tries, token.open.size]).toEqual([1, 0]);
  });

  it("tells a token that is gone from one that fails", async () => {
    for (const gone of ["CKR_TOKEN_NOT_PRESENT", "CKR_DEVICE_REMOVED", "CKR_SLOT_ID_INVALID"]) {
      token.faults.set("C_OpenSession", gone);
      await expect(pool.use(init)).rejects.toMatchObject({ code: "TOKEN_ABSENT" });
    }
  });

  it("keeps its bound with sessions that write, which wait in turn and give back those that nobody uses", async () => {
    let most = 0;
    const order: string[] = [];
    const note = (name: string) => async () => {
      most = Math.max(most, token.open.size);
      await turn();
      order.push(name);
    };
    await Promise.all([pool.use(note("a")), pool.use(note("b"))]);
    await Promise.all([pool.write(note("c")), pool.use(note("d")), pool.write(note("e")), pool.write(note("f"))]);
    expect([most, order.sort().join("")]).toEqual([2, "abcdef"]);
    expect(token.logins).toEqual(["1234"]);
  });
});
