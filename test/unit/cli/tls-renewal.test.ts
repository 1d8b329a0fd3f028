import { afterEach, describe, expect, it } from "vitest";
import { type TlsPair, TlsRenewal } from "../../../src/cli/tls-renewal.js";
import { breathe, VirtualClock } from "../../../src/shared/clock.js";
import { jsonLogger } from "../../../src/shared/logger.js";

const EVERY = 60_000;
const pair = (name: string): TlsPair => ({ cert: `certificate ${name}`, key: `key ${name}` });

let renewal: TlsRenewal | undefined;
afterEach(() => renewal?.close());

function begin(look: (signal: AbortSignal) => Promise<TlsPair>, refused?: TlsPair) {
  const clock = new VirtualClock();
  const taken: TlsPair[] = [];
  const log: string[] = [];
  const logger = jsonLogger(
    (line) => {
      const { level, message, what } = JSON.parse(line);
      log.push([level, message, what].filter((part) => part !== undefined).join(": "));
    },
    () => 0,
  );
  const take = (found: TlsPair) => {
    if (found === refused) throw new Error("key values mismatch");
    taken.push(found);
  };
  renewal = new TlsRenewal({ name: "page", clock, logger, every: EVERY, held: pair("a"), look, take });
  return { clock, taken, log };
}

describe("the certificate of a server that runs on", () => {
  it("is taken when it is another one, once, and no sooner than it is looked at", async () => {
    let found = pair("b");
    const { clock, taken, log } = begin(async () => found);
    await clock.advance(EVERY - 1);
    expect(taken).toEqual([]);
    await clock.advance(3 * EVERY);
    expect(taken).toEqual([pair("b")]);
    found = { ...found, key: "another key" };
    await clock.advance(EVERY);
    expect(taken).toEqual([pair("b"), found]);
    expect(log).toEqual(["info: TLS certificate taken", "info: TLS certificate taken"]);
  });

  it("stays where the new one cannot be read or used, and the log says why, once for each fault", async () => {
    const wrong = pair("of another key");
    const looks = [new Error("EACCES"), new Error("EACCES"), wrong, wrong, pair("a"), wrong, pair("b")];
    const { clock, taken, log } = begin(async () => {
      const next = looks.shift() ?? pair("b");
      if (next instanceof Error) throw next;
      return next;
    }, wrong);
    const warning = "warn: TLS certificate not taken, the one of before still counts";
    await clock.advance(5 * EVERY);
    expect(taken).toEqual([]);
    await clock.advance(2 * EVERY);
    expect(taken).toEqual([pair("b")]);
    expect(log).toEqual([
      `${warning}: EACCES`,
      `${warning}: key values mismatch`,
      `${warning}: key values mismatch`,
      "info: TLS certificate taken",
    ]);
  });

  it("is not looked at any more once the server closes, and one look under way is ended and waited for", async () => {
    let ended = false;
    const { clock, taken, log } = begin(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            ended = true;
            reject(signal.reason);
          });
        }),
    );
    await clock.advance(EVERY);
    await renewal?.close();
    expect(ended).toBe(true);
    await clock.advance(10 * EVERY);
    await breathe();
    expect(clock.pending).toBe(0);
    expect([taken, log]).toEqual([[], []]);
  });
});
