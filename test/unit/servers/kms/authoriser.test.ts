import { afterAll, beforeAll, expect, test } from "vitest";
import { concat, equalBytes, fromHex, toHex } from "../../../../src/shared/bytes.js";
import { cbcDecrypt, cmac, kdf, parseM2Plain, updateConstants } from "../../../../src/she/codec/index.js";
import { type Bench, masterPost, openKms, result, secOcPost, supplierPost } from "./helpers.js";

/** A SHE with one master key and counters, by the rules of CMD_LOAD_KEY: the judge of what the KMS hands out. */
class Ecu {
  readonly #keys = new Map<number, { key: Uint8Array; counter: number }>([
    [1, { key: new Uint8Array(16), counter: 0 }],
  ]);

  /** True when the set was stored. */
  load(records: Record<string, string> | undefined): boolean {
    const [m1, m2, m3] = ["M1", "M2", "M3"].map((name) => fromHex(records?.[name] ?? ""));
    if (m1 === undefined || m2 === undefined || m3 === undefined) throw new Error("no set");
    const master = this.#keys.get(1)?.key ?? new Uint8Array(16);
    const { enc, mac } = updateConstants(0);
    if (!equalBytes(cmac(kdf(master, mac), concat(m1, m2)), m3)) return false;
    const { key, counter } = parseM2Plain(cbcDecrypt(kdf(master, enc), m2));
    const slot = (m1[15] ?? 0) >> 4;
    if (counter <= (this.#keys.get(slot)?.counter ?? 0)) return false;
    this.#keys.set(slot, { key, counter });
    return true;
  }

  key(slot: number): string {
    return toHex(this.#keys.get(slot)?.key ?? new Uint8Array());
  }
}

let kms: Bench;
let serial = 1000;
beforeAll(async () => {
  kms = await openKms();
});
afterAll(() => kms.close());

/**
 * One attempt at a key: `load` = the ECU gets the set, `report` = what the station then reports (undefined: nothing). `stored` is what the
 * ECU must have said where it got the set.
 */
interface Attempt {
  key: "master" | "secOC" | "supplier";
  load: boolean;
  report?: "truth" | "Success" | "OperationFailed";
  stored?: boolean;
}

const POSTS = { master: masterPost, secOC: secOcPost, supplier: supplierPost };
const TYPES = { master: "EcuMasterKey", secOC: "SecOCKey", supplier: "SupplierSymmKey" };

const good = (key: Attempt["key"]): Attempt => ({ key, load: true, report: "truth", stored: true });
const refused = (key: Attempt["key"]): Attempt => ({ key, load: true, report: "truth", stored: false });
/** The answer never reached the station. */
const lostAnswer = (key: Attempt["key"]): Attempt => ({ key, load: false });
/** The ECU stored it and nobody reported it. */
const lostResult = (key: Attempt["key"]): Attempt => ({ key, load: true, stored: true });
/** The ECU stored it, but its answer was lost, and the station took that for a failure. */
const falseFailure = (key: Attempt["key"]): Attempt => ({ key, load: true, report: "OperationFailed", stored: true });
const neverLoaded = (key: Attempt["key"]): Attempt => ({ key, load: false, report: "OperationFailed" });

const SEQUENCES: [name: string, attempts: Attempt[]][] = [
  ["first load, second load", [good("master"), good("master"), good("master")]],
  ["other slots before any master load go by the factory key", [good("secOC"), good("supplier"), good("master")]],
  ["other slots after a confirmed master load go by it", [good("master"), good("secOC"), good("supplier")]],
  ["a lost answer", [lostAnswer("master"), good("master"), good("secOC")]],
  ["a lost result", [lostResult("master"), refused("master"), good("master"), good("secOC")]],
  ["a failure that was one", [neverLoaded("master"), good("master"), good("secOC")]],
  ["a failure that was none", [falseFailure("master"), refused("master"), good("master"), good("supplier")]],
  [
    "a lost result of a later master load",
    [good("master"), lostResult("master"), refused("master"), good("master"), good("secOC")],
  ],
  [
    "a failure that was none of a later master load",
    [good("master"), falseFailure("master"), refused("master"), good("master"), good("master")],
  ],
  ["many lost answers", [...Array.from({ length: 2 }, () => lostAnswer("master")), refused("master"), good("master")]],
  [
    "another slot after an unresolved master load that the ECU never saw",
    [good("master"), lostAnswer("master"), good("secOC"), good("supplier"), good("master")],
  ],
  [
    "another slot after an unresolved master load that the ECU stored, without a further master load",
    [lostResult("master"), refused("secOC"), good("secOC"), good("supplier"), good("master")],
  ],
  [
    "a lost result of another slot leaves the authoriser alone",
    [good("master"), lostResult("secOC"), good("secOC"), lostAnswer("supplier"), good("supplier"), good("master")],
  ],
];

test.each(SEQUENCES)("the ECU takes the keys: %s", async (_name, attempts) => {
  const ecu = new Ecu();
  serial += 1;
  for (const [i, { key, load, report, stored }] of attempts.entries()) {
    const answer = await kms.send("POST", "key", POSTS[key](serial));
    expect(answer.body.ResultStatus, `attempt ${i}`).toBe("Success");
    const loaded = load && ecu.load(answer.body.Records);
    if (load) expect(loaded, `attempt ${i}`).toBe(stored);
    if (report === undefined) continue;
    const status = report === "truth" ? (loaded ? "Success" : "OperationFailed") : report;
    await kms.send("PUT", "key", result(TYPES[key], serial, status, key === "secOC" ? "4" : undefined));
  }
});

test("whatever was lost, truthful attempts bring the ECU back, and never more than twice as many as keys are in doubt", async () => {
  // All histories of three master attempts, each one of four kinds.
  const kinds = [lostAnswer, lostResult, falseFailure, neverLoaded];
  for (let history = 0; history < kinds.length ** 3; history++) {
    const ecu = new Ecu();
    serial += 1;
    const attempts = [history % 4, Math.floor(history / 4) % 4, Math.floor(history / 16)];
    for (const kind of attempts) {
      const attempt = kinds[kind]?.("master");
      const answer = await kms.send("POST", "key", masterPost(serial));
      if (attempt?.load === true) ecu.load(answer.body.Records);
      if (attempt?.report !== undefined)
        await kms.send("PUT", "key", result("EcuMasterKey", serial, "OperationFailed"));
    }
    let tries = 0;
    for (let loaded = false; !loaded; ) {
      tries += 1;
      expect(tries, `history ${attempts.join()}`).toBeLessThanOrEqual(8);
      const answer = await kms.send("POST", "key", masterPost(serial));
      loaded = ecu.load(answer.body.Records);
      await kms.send("PUT", "key", result("EcuMasterKey", serial, loaded ? "Success" : "OperationFailed"));
    }
    const answer = await kms.send("POST", "key", secOcPost(serial));
    expect(ecu.load(answer.body.Records)).toBe(true);
  }
});

test("a late result of an older load does not take the record back", async () => {
  const ecu = new Ecu();
  serial += 1;
  const put = (id: unknown) =>
    kms.send("PUT", "key", result("EcuMasterKey", serial), { "x-correlation-id": String(id) });
  const first = await kms.send("POST", "key", masterPost(serial));
  expect(ecu.load(first.body.Records)).toBe(true);
  await put(first.headers["x-correlation-id"]);
  const second = await kms.send("POST", "key", masterPost(serial));
  expect(ecu.load(second.body.Records)).toBe(true);
  await put(second.headers["x-correlation-id"]);
  expect((await put(first.headers["x-correlation-id"])).body.ResultStatus).toBe("Success");
  const third = await kms.send("POST", "key", masterPost(serial));
  expect(ecu.load(third.body.Records)).toBe(true);
});

test("a Success after a failure report of the same load counts", async () => {
  const ecu = new Ecu();
  serial += 1;
  const first = await kms.send("POST", "key", masterPost(serial));
  const headers = { "x-correlation-id": String(first.headers["x-correlation-id"]) };
  expect(ecu.load(first.body.Records)).toBe(true);
  await kms.send("PUT", "key", result("EcuMasterKey", serial, "OperationFailed"), headers);
  await kms.send("PUT", "key", result("EcuMasterKey", serial, "Success"), headers);
  await kms.send("PUT", "key", result("EcuMasterKey", serial, "OperationFailed"), headers);
  const second = await kms.send("POST", "key", masterPost(serial));
  expect(ecu.load(second.body.Records)).toBe(true);
});

test("a Success that reached the wrong load, having no correlation id, does not lose the ECU", async () => {
  const ecu = new Ecu();
  serial += 1;
  const first = await kms.send("POST", "key", masterPost(serial));
  expect(ecu.load(first.body.Records)).toBe(true);
  await kms.send("PUT", "key", result("EcuMasterKey", serial));
  for (let i = 0; i < 2; i++) {
    // The first one's answer is lost, the second one's reaches the ECU, and a third is issued before the result comes.
    await kms.send("POST", "key", masterPost(serial));
    const loaded = await kms.send("POST", "key", masterPost(serial));
    ecu.load(loaded.body.Records);
    await kms.send("POST", "key", masterPost(serial));
    await kms.send("PUT", "key", result("EcuMasterKey", serial));
  }
  let tries = 0;
  for (let loaded = false; !loaded; ) {
    tries += 1;
    expect(tries).toBeLessThan(60);
    const answer = await kms.send("POST", "key", masterPost(serial));
    loaded = ecu.load(answer.body.Records);
    await kms.send("PUT", "key", result("EcuMasterKey", serial, loaded ? "Success" : "OperationFailed"));
  }
  expect(tries).toBeGreaterThan(1);
});

test("the two phases know nothing of each other", async () => {
  const prod = new Ecu();
  const dev = new Ecu();
  serial += 1;
  for (const [ecu, Phase] of [
    [prod, "Prod"],
    [dev, "Dev"],
    [prod, "Prod"],
    [dev, "Dev"],
  ] as const) {
    const answer = await kms.send("POST", "key", { ...masterPost(serial), Phase });
    expect(ecu.load(answer.body.Records)).toBe(true);
    await kms.send("PUT", "key", { ...result("EcuMasterKey", serial), Phase });
  }
  expect(prod.key(1)).not.toBe(dev.key(1));
});

test("the ECUs of a cluster get one key a KeyID and phase", async () => {
  const key = async (keyId: string, more: Record<string, string> = {}) => {
    const ecu = new Ecu();
    serial += 1;
    const answer = await kms.send("POST", "key", { ...secOcPost(serial, keyId), ...more });
    expect(ecu.load(answer.body.Records)).toBe(true);
    return ecu.key(Number.parseInt(keyId, 16));
  };
  const first = await key("4");
  expect(await key("4")).toBe(first);
  expect(await key("5")).not.toBe(first);
  const dev = await key("4", { Phase: "Dev" });
  expect(dev).not.toBe(first);
  expect(await key("4", { Phase: "Dev" })).toBe(dev);
  expect(await key("4", { Phase: "Dev", SupplierSecretKey: "dev secret" })).not.toBe(dev);
});
