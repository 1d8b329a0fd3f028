import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunDetails } from "../../src/records/types.js";
import type { Outcome, RunRecord } from "../../src/station/ports.js";
import { freePort } from "../free-port.js";
import { EVCC, EVCC_ARGS, externalConfig, kmsFile, recordOf, recordsFile, rows, until } from "./cases.js";
import {
  callBuilt,
  type Finished,
  type Running,
  type Servers,
  start,
  startEcu,
  startServers,
  tempFolder,
} from "./harness.js";
import { startProxy } from "./proxy.js";

/** Frames of the station on the bus, as slcan text (ecu-interface.md). */
const FRAME = {
  readPartNumber: /^t7E\d8(..|1...)22F187/i,
  makeKeyPair: /^t7E\d8..*31010220/i,
  loadKey: /^t7E\d81\d\d\d31010210/i,
  /** 10 01, with or without suppressPosRspMsgIndicationBit. */
  defaultSession: /t7E\d8021[0][08]1/i,
};
const EXITS: Readonly<Record<Outcome, number>> = { PASS: 0, FAIL: 1, ERROR: 3, TIMEOUT: 4, ABORTED: 5 };
/** ms: a run that needs longer hangs. */
const BOUND = 60_000;
const BODY_ARGS = ["--profile", "body-she", "--vin", EVCC.vin];

let servers: Servers;
/** Configuration files: all is there; no KMS; no vPKI. */
const configs = { whole: "", noKms: "", noVpki: "" };
/** A body ECU whose VIN is another than the one scanned; nothing that is tried on it may change it. */
let other: Running & { url: string };
/** Nobody listens there, and the system gives it to nobody. */
const CLOSED_PORT = 2;

beforeAll(async () => {
  const data = tempFolder("servers");
  [servers, other] = await Promise.all([
    startServers(["--data", data]),
    startEcu("body-she", ["--vin", "KMHC851CFLU069999"]),
  ]);
  const nowhere = `https://127.0.0.1:${CLOSED_PORT}`;
  configs.whole = externalConfig(servers, data, {});
  configs.noKms = externalConfig(servers, data, { kms: nowhere });
  configs.noVpki = externalConfig(servers, data, { vpki: nowhere });
});
afterAll(async () => {
  await Promise.all([servers?.stop(), other?.stop()]);
});

type Expected = readonly [outcome: Outcome, code: string, step: string];

interface Ended {
  readonly record: RunRecord;
  readonly data: string;
}

/** Starts the station on one unit; `--json`. */
function startRun(args: readonly string[], link: string, data: string, config = configs.whole): Running {
  const all = ["run", ...args, "--link", link, "--data", data, "--config", config, "--json"];
  const running = start("ecustation", all, { limit: BOUND });
  running.child.stdin.end();
  return running;
}

/** The run ended as it should, says so in its record, and the history holds that record. */
async function expectEnd(done: Finished, data: string, [outcome, code, step]: Expected): Promise<RunRecord> {
  const record = recordOf(done);
  const { failure } = record;
  expect([record.outcome, failure?.code, failure?.step, done.code]).toEqual([outcome, code, step, EXITS[outcome]]);
  expect(done.stderr).toBe("");
  expect(failure?.text.ko).toMatch(/[가-힣]{2}/);
  expect(failure?.text.en).toMatch(/[a-z]{3}/);
  expect(`${failure?.text.ko}${failure?.text.en}`).not.toMatch(/[{}?]|undefined/);
  expect(record.finishedAt - record.startedAt).toBeLessThan(BOUND);
  const shown = await callBuilt("ecustation", ["records", "show", record.runId, "--json", "--data", data]);
  const details = JSON.parse(shown.stdout) as RunDetails;
  expect(details.record).toEqual(record);
  const listed = await callBuilt("ecustation", ["records", "list", "--json", "--data", data]);
  const { runs } = JSON.parse(listed.stdout) as { runs: readonly { runId: string; outcome: string; code: string }[] };
  expect(runs[0]).toMatchObject({ runId: record.runId, outcome, code });
  return record;
}

/** Two at a time: each test below is two or three processes that mostly wait for one another. */
const places = { free: 2, waiting: [] as (() => void)[] };
function placed<A extends readonly unknown[]>(test: (...row: A) => Promise<void>): (...row: A) => Promise<void> {
  return async (...row) => {
    if (places.free > 0) places.free--;
    else await new Promise<void>((resolve) => places.waiting.push(resolve));
    try {
      await test(...row);
    } finally {
      const next = places.waiting.shift();
      if (next === undefined) places.free++;
      else next();
    }
  };
}
const SIDE_BY_SIDE = { concurrent: true, timeout: 240_000 };

async function fails(
  args: readonly string[],
  link: string,
  expected: Expected,
  config = configs.whole,
): Promise<Ended> {
  const data = tempFolder();
  return { data, record: await expectEnd(await startRun(args, link, data, config).finished, data, expected) };
}

/** A run on the same unit by the same station passes and leaves nothing owed. */
async function passes(args: readonly string[], link: string, data: string, config = configs.whole): Promise<RunRecord> {
  const done = await startRun(args, link, data, config).finished;
  const record = recordOf(done);
  expect([record.outcome, record.failure, done.code, record.owed]).toEqual(["PASS", undefined, 0, 0]);
  return record;
}

describe("a run that cannot begin leaves the unit untouched", () => {
  it("when the profile needs an input that nobody gave", async () => {
    const proxy = await startProxy(other.url);
    const args = EVCC_ARGS.filter((_, i) => ![4, 5].includes(i));
    expect(args).not.toContain("--pcid");
    const { record } = await fails(args, proxy.url, ["ERROR", "INPUT_MISSING", "check"]);
    expect(record.failure?.text.en).toContain("pcid");
    expect(proxy.connections()).toBe(0);
    await proxy.close();
  });

  it.each([
    ["KMS", "noKms", "KMS_UNREACHABLE", BODY_ARGS],
    ["vPKI", "noVpki", "VPKI_UNREACHABLE", EVCC_ARGS],
  ] as const)("when the %s is down", async (_, config, code, args) => {
    const proxy = await startProxy(other.url);
    await fails(args, proxy.url, ["ERROR", code, "check"], configs[config]);
    expect(proxy.connections()).toBe(0);
    await proxy.close();
  });

  it("when the adapter's port is closed", async () => {
    await fails(BODY_ARGS, `slcan+tcp://127.0.0.1:${CLOSED_PORT}`, ["ERROR", "LINK_OPEN_FAILED", "open"]);
  });
});

describe("a wrong unit is refused before anything is written to it", () => {
  const cases: readonly (readonly [string, readonly string[], Expected])[] = [
    ["another VIN than scanned", BODY_ARGS, ["FAIL", "ECU_VIN_MISMATCH", "identify"]],
    [
      "another EcuID than ordered",
      [...BODY_ARGS, "--ecu-id", "01".repeat(27)],
      ["FAIL", "ECU_ID_MISMATCH", "identify"],
    ],
    ["an ECU that does not listen on the profile's CAN ids", EVCC_ARGS, ["TIMEOUT", "ISOTP_TIMEOUT_BS", "identify"]],
  ];
  it.each(cases)("%s", async (_, args, expected) => {
    const proxy = await startProxy(other.url);
    const { record } = await fails(args, proxy.url, expected);
    expect(record.steps.map((step) => step.step)).toEqual(["open", "identify"]);
    await proxy.closedByStation();
    expect(proxy.sent()).not.toMatch(/t7E\d8..?(2E|31|27|34|1003)/i);
    await proxy.close();
  });

  it("and says so on the screen: step, verdict, both texts and the code", async () => {
    const args = ["run", ...BODY_ARGS, "--link", other.url, "--data", tempFolder(), "--config", configs.whole];
    const done = await start("ecustation", args, { limit: BOUND }).finished;
    expect(done).toMatchObject({ code: 1, stderr: "" });
    const lines = done.stdout.trimEnd().split("\n");
    expect(lines).toEqual([
      expect.stringMatching(/^✓ open +\d+\.\d\d s$/),
      expect.stringMatching(/^✗ identify +\d+\.\d\d s /),
      expect.stringMatching(/^FAIL 불합격 {2}\d+\.\d\d s {2}KMHC851CFLU061234/),
      expect.stringMatching(/^ {2}ECU의 VIN이 스캔과 다릅니다: KMHC851CFLU061234이\(가\) 아니라 KMHC851CFLU069999\. /),
      expect.stringMatching(
        /^ {2}The ECU holds another VIN than scanned: KMHC851CFLU069999 instead of KMHC851CFLU061234\. /,
      ),
      "  ECU_VIN_MISMATCH in identify",
    ]);
  });

  it("and passes with the VIN that it holds", async () => {
    const vin = "KMHC851CFLU069999";
    const record = await passes(["--profile", "body-she", "--vin", vin], other.url, tempFolder());
    expect(record.identity?.vin).toBe(vin);
  });
});

interface OwnServers {
  readonly first: Servers;
  /** Starts them again on the same ports and stores. */
  again(): Promise<Servers>;
  /** Of the station. */
  readonly config: string;
  readonly home: string;
}

/** Servers that a test may kill. */
async function ownServers(): Promise<OwnServers> {
  const home = tempFolder("kms");
  const file = join(home, "servers.yaml");
  const embedded = { vpkiPort: await freePort(), kmsPort: await freePort() };
  writeFileSync(file, JSON.stringify({ schema: 1, mode: "simulator", servers: { embedded } }));
  const again = () => startServers(["--config", file, "--data", home]);
  const first = await again();
  return { first, again, config: externalConfig(first, home, {}), home };
}

/** The KMS took every report that the station wrote, each once, and holds each key as the ECU's once a run. */
function expectAgreement(home: string, data: string, runs: number): void {
  const owed = rows<{ id: string }>(recordsFile(data), "SELECT id FROM outbox ORDER BY id");
  const taken = rows<{ id: string }>(kmsFile(home), "SELECT idempotency AS id FROM reports ORDER BY idempotency");
  expect(taken).toEqual(owed);
  const doubled = "SELECT set_id FROM reports GROUP BY set_id, kind HAVING count(*) > 1";
  expect(rows(kmsFile(home), doubled)).toEqual([]);
  const confirmed = "SELECT count(*) AS times FROM sets WHERE state = 'confirmed' AND slot = 1";
  expect(rows(kmsFile(home), confirmed)).toEqual([{ times: runs }]);
}

// First of those that go side by side: one of them waits for 20 s.
describe("a KMS that dies in the middle of a run", SIDE_BY_SIDE, () => {
  it.each([
    // The master key authorises the others, so the run waits for its report until its patience ends.
    ["the master key", 1, /^key:secoc-4$/, 3],
    // Of the fourth key, secoc-6; up to three sets behind it are there already.
    ["another key", 4, /^key:secoc-[6-9a]$/, 6],
  ] as const)(
    "under the load of %s: the result is owed, the next start delivers it, and it counts once",
    placed(async (_, load, step, owed) => {
      const { first, again, config, home } = await ownServers();
      const ecu = await startEcu("body-she");
      const proxy = await startProxy(ecu.url);
      const data = tempFolder();
      proxy.at(FRAME.loadKey, load, () => void first.kill());
      const done = await startRun(BODY_ARGS, proxy.url, data, config).finished;
      const record = await expectEnd(done, data, ["ERROR", "KMS_UNREACHABLE", expect.stringMatching(step)]);
      // The key's own result, at most that of the one before, which may be under way, and those of sets which came ahead.
      expect(record.owed).toBeGreaterThanOrEqual(1);
      expect(record.owed).toBeLessThanOrEqual(owed);
      const waiting = "SELECT count(*) AS n FROM outbox WHERE state = 'waiting'";
      expect(rows(recordsFile(data), waiting)).toEqual([{ n: record.owed }]);

      const second = await again();
      // The pause before the next try has grown meanwhile, to a minute at most.
      const serving = start("ecustation", ["serve", "--data", data, "--config", config], { limit: 200_000 });
      await serving.line(() => true);
      await until(() => rows(recordsFile(data), "SELECT 1 FROM outbox WHERE state <> 'delivered'").length === 0);
      await serving.stop();
      expectAgreement(home, data, 1);
      await passes(BODY_ARGS, proxy.url, data, config);
      expectAgreement(home, data, 2);
      await Promise.all([proxy.close(), ecu.stop(), second.stop()]);
    }),
  );
});

/** Faults of the unit; `again`: without the fault the same unit passes. */
const FAULTS: readonly (readonly [string, "body-she" | "evcc", Expected, again: boolean])[] = [
  ["wrong-kind", "body-she", ["FAIL", "ECU_WRONG_KIND", "identify"], false],
  ["wrong-m4", "body-she", ["FAIL", "TARGET_KEY_MISMATCH", "key:master"], true],
  ["wrong-proof", "evcc", ["FAIL", "TARGET_PROOF_FAILED", "cert:prov-2"], false],
  ["silent-after:20", "body-she", ["TIMEOUT", "UDS_TIMEOUT", expect.stringMatching(/^key:secoc-.$/)], true],
  ["nrc:27:35", "body-she", ["FAIL", "UDS_ACCESS_DENIED", "unlock"], false],
  ["nrc:31:22", "body-she", ["FAIL", "UDS_NEGATIVE_RESPONSE", "key:master"], false],
];

describe("a unit that misbehaves", SIDE_BY_SIDE, () => {
  it.each(FAULTS)(
    "%s (%s)",
    placed(async (fault, profile, expected, again) => {
      const state = join(tempFolder(), "unit.flash");
      const args = profile === "evcc" ? EVCC_ARGS : BODY_ARGS;
      const faulty = await startEcu(profile, ["--state", state, "--fault", fault]);
      const { data } = await fails(args, faulty.url, expected);
      await faulty.stop();
      if (!again) return;
      const mended = await startEcu(profile, ["--state", state]);
      const record = await passes(args, mended.url, data);
      expect(record.identity?.state.lifeCycle).toBe("locked");
      await mended.stop();
    }),
  );
});

/** Where the cable is pulled: the station's frame, the how manieth of it. */
const CUTS: readonly (readonly [string, RegExp, number, readonly string[], string])[] = [
  ["while the unit is identified", FRAME.readPartNumber, 1, BODY_ARGS, "identify"],
  ["amid a certificate", FRAME.makeKeyPair, 1, EVCC_ARGS, "cert:prov-2"],
  ["amid the keys", FRAME.loadKey, 3, BODY_ARGS, "key:secoc-5"],
];

describe("the link to the ECU dies", SIDE_BY_SIDE, () => {
  it.each(CUTS)(
    "%s: ERROR, and the same unit passes afterwards",
    placed(async (_, frame, times, args, step) => {
      const ecu = await startEcu(args[1] ?? "");
      const proxy = await startProxy(ecu.url);
      proxy.at(frame, times, proxy.cut);
      const { data } = await fails(args, proxy.url, ["ERROR", "LINK_CLOSED", step]);
      await passes(args, proxy.url, data);
      await Promise.all([proxy.close(), ecu.stop()]);
    }),
  );

  it(
    "because the ECU's program was killed after it took a key: the next run settles what it stored",
    placed(async () => {
      const state = join(tempFolder(), "unit.flash");
      const ecu = await startEcu("body-she", ["--state", state]);
      const proxy = await startProxy(ecu.url);
      proxy.at(FRAME.loadKey, 4, () => void ecu.kill(), "answer");
      const data = tempFolder();
      const done = await startRun(BODY_ARGS, proxy.url, data).finished;
      const record = recordOf(done);
      expect([record.outcome, record.failure?.code, done.code]).toEqual(["ERROR", "LINK_CLOSED", 3]);
      const restarted = await startEcu("body-she", ["--state", state]);
      await passes(BODY_ARGS, restarted.url, data);
      expect(rows(recordsFile(data), "SELECT DISTINCT state FROM outbox")).toEqual([{ state: "delivered" }]);
      await Promise.all([proxy.close(), restarted.stop()]);
    }),
  );
});

const SIGNALS: readonly (readonly [NodeJS.Signals, RegExp, number, readonly string[], string])[] = [
  ["SIGINT", FRAME.loadKey, 2, BODY_ARGS, "key:secoc-4"],
  ["SIGTERM", FRAME.makeKeyPair, 1, EVCC_ARGS, "cert:prov-2"],
  // Its terminal was closed.
  ["SIGHUP", FRAME.loadKey, 3, BODY_ARGS, "key:secoc-5"],
];

describe("a run that the operator ends", SIDE_BY_SIDE, () => {
  it.each(SIGNALS)(
    "by %s: ABORTED with the session closed, and the unit passes afterwards",
    placed(async (...row) => {
      const [signal, frame, times, args, step] = row;
      const ecu = await startEcu(args[1] ?? "");
      const proxy = await startProxy(ecu.url);
      const data = tempFolder();
      const running = startRun(args, proxy.url, data);
      proxy.at(frame, times, () => void running.child.kill(signal));
      await expectEnd(await running.finished, data, ["ABORTED", "RUN_ABORTED", step]);
      await proxy.closedByStation();
      expect(proxy.sent()).toMatch(FRAME.defaultSession);
      expect(proxy.sent()).toMatch(/C\r$/);
      await passes(args, proxy.url, data);
      await Promise.all([proxy.close(), ecu.stop()]);
    }),
  );
});
