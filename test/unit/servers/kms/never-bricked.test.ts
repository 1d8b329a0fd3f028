/** Random lives of one ECU: what its stations lose, claim wrongly or do twice, the KMS brings it back. The judge is the simulated SHE. */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSheDevice, memoryStorage, type SheDevice } from "../../../../firmware-sim/she/index.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { type Answer, type Bench, masterPost, openKms, result, secOcPost, supplierPost, uid } from "./helpers.js";

const LEASE = 60_000;
const POSTS = { master: masterPost, secOC: secOcPost, supplier: supplierPost };
const TYPES = { master: "EcuMasterKey", secOC: "SecOCKey", supplier: "SupplierSymmKey" };
const SLOTS = { master: 1, secOC: 4, supplier: 0xd };
type Key = keyof typeof POSTS;
const KEYS = Object.keys(POSTS) as Key[];

/** One attempt of a station at a key. */
interface Attempt {
  readonly kind: "attempt";
  readonly station: "A" | "B";
  readonly key: Key;
  /** The answer is lost: first asked for again under the same key, or not at all. */
  readonly answer: "arrives" | "arrives at the second try" | "is lost";
  /** The set reaches the ECU. */
  readonly load: boolean;
  /** What is reported; a lost answer of the ECU is taken for a failure. */
  readonly report: "truth" | "failure" | "nothing";
  /** The result names its set. */
  readonly named: boolean;
}
type Event = Attempt | { readonly kind: "wait"; readonly ms: number } | { readonly kind: "late" };

const attempts: fc.Arbitrary<Event> = fc.record({
  kind: fc.constant("attempt" as const),
  station: fc.constantFrom("A" as const, "B" as const),
  key: fc.constantFrom(...KEYS),
  answer: fc.constantFrom("arrives" as const, "arrives at the second try" as const, "is lost" as const),
  load: fc.boolean(),
  report: fc.constantFrom("truth" as const, "failure" as const, "nothing" as const),
  named: fc.boolean(),
});
const events = fc.oneof(
  { weight: 8, arbitrary: attempts },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 * LEASE }).map((ms): Event => ({ kind: "wait", ms })) },
  // A result that was long owed comes in.
  { weight: 1, arbitrary: fc.constant<Event>({ kind: "late" }) },
);

let kms: Bench;
let clock: VirtualClock;
let serial = 0;
beforeAll(async () => {
  clock = new VirtualClock();
  kms = await openKms({ clock, config: { lease: LEASE } });
});
afterAll(() => kms.close());

class Life {
  readonly serial = ++serial;
  readonly #device: SheDevice = createSheDevice({
    uid: fromHex(uid(this.serial)),
    storage: memoryStorage(),
    blankKey: new Uint8Array(16),
    secretKey: new Uint8Array(randomBytes(16)),
    random: (length) => new Uint8Array(randomBytes(length)),
  });
  /** Results that nobody has sent yet. */
  readonly #owed: (() => Promise<Answer>)[] = [];
  #requests = 0;

  async happen(event: Event): Promise<void> {
    if (event.kind === "wait") await clock.advance(event.ms);
    else if (event.kind === "late") await this.#owed.shift()?.();
    else await this.attempt(event);
  }

  /** True when the ECU stored the set. */
  async attempt({ station, key, answer, load, report, named }: Attempt): Promise<boolean> {
    const headers = { "x-station-id": station };
    const once = { ...headers, "idempotency-key": `${this.serial}:${++this.#requests}` };
    const ask = () => kms.send("POST", "key", POSTS[key](this.serial), once);
    const given = await ask();
    expect(given.status).toBe(200);
    if (given.body.ResultReason === "LEASED") return false;
    expect(given.body.ResultStatus).toBe("Success");
    if (answer === "arrives at the second try") expect((await ask()).body).toEqual(given.body);
    if (answer === "is lost") return false;
    const stored = load && (await this.#load(key, given.body.Records ?? {}));
    const status = report === "truth" && stored ? "Success" : "OperationFailed";
    const id = named ? { "x-correlation-id": String(given.headers["x-correlation-id"]) } : {};
    const put = (more: Record<string, string>) =>
      kms.send("PUT", "key", result(TYPES[key], this.serial, status, key === "secOC" ? "4" : undefined), more);
    if (report !== "nothing") expect((await put({ ...headers, ...id })).body.ResultStatus).toBe("Success");
    else {
      const name = { "x-correlation-id": String(given.headers["x-correlation-id"]) };
      const truth = result(
        TYPES[key],
        this.serial,
        stored ? "Success" : "OperationFailed",
        key === "secOC" ? "4" : undefined,
      );
      this.#owed.push(() => kms.send("PUT", "key", truth, { ...headers, ...name }));
    }
    return stored;
  }

  async #load(key: Key, { M1 = "", M2 = "", M3 = "", M4, M5 }: Record<string, string>): Promise<boolean> {
    expect(M1.slice(0, 31)).toBe(`${uid(this.serial)}${SLOTS[key].toString(16)}`);
    const answer = await this.#device.loadKey({ m1: fromHex(M1), m2: fromHex(M2), m3: fromHex(M3) });
    if (answer.erc !== "ERC_NO_ERROR") return false;
    // What the KMS predicted is what the ECU proves.
    expect([toHex(answer.m4), toHex(answer.m5)]).toEqual([M4, M5]);
    return true;
  }
}

const honest = (key: Key, station: "A" | "B" = "A"): Attempt => ({
  ...{ kind: "attempt", station, key, answer: "arrives", load: true, report: "truth", named: true },
});

test("whatever happened to its stations and results, honest attempts load every key again, and then at the first try", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(events, { minLength: 1, maxLength: 14 }), async (history) => {
      const life = new Life();
      for (const event of history) await life.happen(event);
      // Whoever holds it: its lease ends by time.
      await clock.advance(LEASE);
      let tries = 0;
      while (!(await life.attempt(honest("master")))) expect(++tries).toBeLessThan(40);
      for (const key of KEYS) expect(await life.attempt(honest(key))).toBe(true);
      await clock.advance(LEASE);
      for (const key of KEYS) expect(await life.attempt(honest(key, "B"))).toBe(true);
    }),
    { numRuns: 60 },
  );
}, 120_000);
