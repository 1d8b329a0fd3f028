import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/shared/clock.js";
import { isStationError } from "../../../src/shared/errors.js";
import type { Logger } from "../../../src/shared/logger.js";
import { openToken, type Token, type TokenLimits } from "../../../src/token/token.js";
import { type Behaviour, FakeStarter, Fault, SILENCE } from "./fake-process.js";

const folder = mkdtempSync(join(tmpdir(), "token-"));
const pinFile = join(folder, "pin");
writeFileSync(pinFile, "1234");
afterAll(() => rmSync(folder, { recursive: true }));

const SIGNATURE = new Uint8Array(64).fill(7);
const works: Behaviour = ({ call }) => (call === "sign" ? SIGNATURE : null);
const absent: Behaviour = ({ call }) => (call === "open" ? new Fault("TOKEN_ABSENT") : null);
/** Opens, and then never answers. */
const hangs: Behaviour = ({ call }) => (call === "open" ? null : SILENCE);

let token: Token;
let clock: VirtualClock;
let lines: string[];
afterEach(async () => {
  await token.close();
  expect(clock.pending).toBe(0);
});

function open(behaviour: Behaviour, limits: Partial<TokenLimits> = {}): FakeStarter {
  clock = new VirtualClock();
  lines = [];
  const put = (message: string) => void lines.push(message);
  const logger: Logger = { info: put, warn: put, error: put, child: () => logger };
  const starter = new FakeStarter(behaviour);
  token = openToken({
    address: { module: "m.so", token: "plant", pinFile },
    limits: { probe: 3_600_000, ...limits },
    clock,
    logger,
    start: starter.start,
  });
  return starter;
}

const sign = (signal?: AbortSignal) => token.sign({ label: "CA" }, new Uint8Array(32), signal);
const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ok",
    (error: unknown) => (isStationError(error) ? error.code : String(error)),
  );
/** Lets what needs no timer come to its end, file access included. */
const settled = async (work: Promise<string>) => {
  const elapsed = clock.monotonic();
  const seen = await work;
  expect(clock.monotonic()).toBe(elapsed);
  return seen;
};
/** Resolves when processes have been asked so much. */
const until = async (test: () => boolean) => {
  for (let turn = 0; !test(); turn++) {
    if (turn > 5_000) throw new Error("it does not come to that");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};
const asked = (starter: FakeStarter, call: string) =>
  starter.processes.flatMap(({ requests }) => requests).filter((request) => request.call === call).length;

describe("a token that is away", () => {
  it("is one error at once, not a start for every caller", async () => {
    const starter = open(absent);
    for (let call = 0; call < 20; call++) expect(await settled(outcome(sign()))).toBe("TOKEN_ABSENT");
    expect(starter.processes).toHaveLength(1);
  });

  it("is tried again after the pause, and used when it is back", async () => {
    const starter = open(absent, { pause: 1_000 });
    expect(await outcome(sign())).toBe("TOKEN_ABSENT");
    starter.behaviour = works;
    await clock.advance(999);
    expect(await outcome(sign())).toBe("TOKEN_ABSENT");
    await clock.advance(1);
    expect(await sign()).toEqual(SIGNATURE);
    expect(lines).toEqual(["token lost", "token back"]);
  });

  it("is waited for through the pause by whoever asks what it is, as a unit's run does at its beginning", async () => {
    const starter = open(absent, { pause: 1_000 });
    expect(await outcome(sign())).toBe("TOKEN_ABSENT");
    starter.behaviour = works;
    const described = outcome(token.describe([]));
    await clock.advance(999);
    expect(starter.processes).toHaveLength(1);
    await clock.advance(1);
    expect(await described).toBe("ok");
    expect(starter.processes).toHaveLength(2);
  });

  it("is waited for through the pause to its end, though timers come early by a part of a ms, as Node's do", async () => {
    const starter = open(absent, { pause: 1_000 });
    const { timer } = clock;
    clock.timer = (ms, run) => timer.call(clock, ms > 1 ? ms - 0.9 : ms, run);
    expect(await outcome(sign())).toBe("TOKEN_ABSENT");
    starter.behaviour = works;
    const described = outcome(token.describe([]));
    await clock.advance(1_000);
    await clock.advance(1);
    expect(await described).toBe("ok");
  });

  it("is asked once more by whoever came while a start was under way that found it away", async () => {
    const starter = open(() => SILENCE, { pause: 1_000, open: 700 });
    const first = outcome(sign());
    await until(() => asked(starter, "open") === 1);
    const described = outcome(token.describe([]));
    starter.behaviour = works;
    await clock.advance(700);
    expect(await first).toBe("TOKEN_TIMEOUT");
    await clock.advance(1_000);
    expect(await described).toBe("ok");
    expect(starter.processes).toHaveLength(2);
  });

  it("for an hour is survived, and found again by the probe without a caller", async () => {
    const starter = open(works, { probe: 10_000 });
    expect(await outcome(sign())).toBe("ok");
    const lost = new Fault("TOKEN_FAILED", "C_Sign: CKR_OBJECT_HANDLE_INVALID");
    starter.behaviour = ({ call }) => (call === "open" ? new Fault("TOKEN_ABSENT") : lost);
    const before = starter.processes.length;
    for (let minute = 0; minute < 60; minute++) {
      for (let probe = 0; probe < 6; probe++) {
        const opened = asked(starter, "open");
        await clock.advance(10_000);
        await until(() => asked(starter, "open") > opened);
      }
      expect(await outcome(sign())).toBe("TOKEN_ABSENT");
    }
    expect(starter.processes.length - before).toBeLessThanOrEqual(361);
    expect(starter.alive).toBe(0);
    starter.behaviour = works;
    await clock.advance(10_000);
    await until(() => lines.length === 2);
    expect(lines).toEqual(["token lost", "token back"]);
    expect(await outcome(sign())).toBe("ok");
  });
});

describe("a call that hangs", () => {
  it("is cut by the limit, with its process; the next one goes to another", async () => {
    const starter = open(works, { call: 2_000, sessions: 1 });
    await sign();
    starter.behaviour = hangs;
    const first = outcome(sign());
    await clock.advance(1_999);
    starter.behaviour = works;
    expect(starter.alive).toBe(1);
    await clock.advance(1);
    expect(await first).toBe("TOKEN_TIMEOUT");
    expect(await settled(outcome(sign()))).toBe("ok");
    expect(starter.processes.map(({ alive }) => alive)).toEqual([false, true]);
  });

  it("does not take others down: those under way beside it are done by the next process", async () => {
    const starter = open(works, { call: 2_000, sessions: 4 });
    await sign();
    starter.behaviour = hangs;
    const hung = outcome(sign());
    await clock.advance(1_500);
    const others = [sign(), sign(), sign()].map(outcome);
    starter.behaviour = works;
    await clock.advance(500);
    expect(await Promise.all([hung, ...others])).toEqual(["TOKEN_TIMEOUT", "ok", "ok", "ok"]);
  });

  it("while the token opens is cut as well", async () => {
    const starter = open(() => SILENCE, { open: 700, call: 5_000 });
    const first = outcome(sign());
    await until(() => asked(starter, "open") === 1);
    await clock.advance(700);
    expect(await first).toBe("TOKEN_TIMEOUT");
    expect(starter.alive).toBe(0);
  });

  it("is left by a caller who gives up, at once and with its reason", async () => {
    const starter = open(hangs);
    const abort = new AbortController();
    const waiting = outcome(sign(abort.signal));
    await until(() => asked(starter, "sign") === 1);
    abort.abort("enough");
    expect(await settled(waiting)).toBe("enough");
  });
});

describe("a process that ends by itself", () => {
  it("costs nobody a call: it is sent once more", async () => {
    const starter = open(works);
    await sign();
    starter.behaviour = hangs;
    const all = [sign(), sign()].map(outcome);
    await until(() => asked(starter, "sign") === 3);
    starter.behaviour = works;
    starter.processes[0]?.die();
    expect(await Promise.all(all)).toEqual(["ok", "ok"]);
  });

  it("does not have a call sent a third time", async () => {
    const starter = open(works);
    await sign();
    starter.behaviour = (request, process) => {
      if (request.call === "sign") queueMicrotask(() => process.die());
      return request.call === "open" ? null : SILENCE;
    };
    expect(await outcome(sign())).toBe("TOKEN_FAILED");
    expect(asked(starter, "sign")).toBe(3);
  });

  it.each([
    [{ once: false, making: true }, "ok", 2],
    [{ once: true, making: true }, "TOKEN_FAILED", 1],
  ] as const)("has its program's work (%o) done again where that may be", async (how, end, times) => {
    const starter = open(works);
    await sign();
    starter.behaviour = hangs;
    const making = outcome(token.work({ call: "makePair" }, how));
    await until(() => asked(starter, "work") === 1);
    starter.behaviour = works;
    starter.processes[0]?.die();
    expect(await making).toBe(end);
    expect(asked(starter, "work")).toBe(times);
  });

  it("never has a key pair made twice", async () => {
    const starter = open(works);
    await sign();
    starter.behaviour = hangs;
    const making = outcome(token.generate({ label: "new" }, "P-256"));
    await until(() => asked(starter, "generate") === 1);
    starter.behaviour = works;
    starter.processes[0]?.die();
    expect(await making).toBe("TOKEN_FAILED");
    expect(asked(starter, "generate")).toBe(1);
  });
});

describe("a refused PIN", () => {
  it("is not offered again before its file changes, for tokens lock", async () => {
    const starter = open(({ call }) => (call === "open" ? new Fault("TOKEN_PIN_REFUSED") : null), { pause: 0 });
    for (let round = 0; round < 5; round++) {
      expect(await outcome(sign())).toBe("TOKEN_PIN_REFUSED");
      await clock.advance(60_000);
    }
    expect(starter.processes).toHaveLength(1);
    starter.behaviour = works;
    utimesSync(pinFile, new Date(), new Date(Date.now() + 5_000));
    expect(await outcome(sign())).toBe("ok");
  });
});

describe("more callers than sessions", () => {
  it("never have more calls under way than there are sessions", async () => {
    let most = 0;
    let now = 0;
    const starter = open(works, { sessions: 3 });
    starter.behaviour = (request, process) => {
      if (request.call !== "sign") return null;
      most = Math.max(most, ++now);
      setImmediate(() => {
        now--;
        process.answer(request.id, SIGNATURE);
      });
      return SILENCE;
    };
    const all = await Promise.all(Array.from({ length: 50 }, () => outcome(sign())));
    expect(all.every((seen) => seen === "ok")).toBe(true);
    expect(most).toBe(3);
  });

  it("are refused at once when too many wait", async () => {
    open(hangs, { sessions: 1, queue: 2, call: 1_000 });
    const first = outcome(sign());
    const second = outcome(sign());
    expect(await settled(outcome(sign()))).toBe("TOKEN_BUSY");
    await token.close();
    expect([await first, await second]).toEqual(["TOKEN_FAILED", "TOKEN_FAILED"]);
  });
});

describe("a missing key", () => {
  it("is the caller's own error and leaves the process alone", async () => {
    const starter = open(({ call }) => (call === "sign" ? new Fault("TOKEN_KEY_MISSING") : null));
    expect(await outcome(sign())).toBe("TOKEN_KEY_MISSING");
    expect(await outcome(sign())).toBe("TOKEN_KEY_MISSING");
    expect([starter.processes.length, starter.alive]).toEqual([1, 1]);
  });
});
