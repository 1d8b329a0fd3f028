/** States and answers for the page's tests. */
import type { BayView, GroupView, PageState, RunView, StepView } from "../../../src/hmi/contract/state.js";
import type { FakeStation } from "./fake.js";

export const VIN = "KMHAA00AAAA000001";
const ECU_ID = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b";
const NOW = Date.UTC(2026, 10, 22, 5, 32, 8);

export const PROFILE = {
  name: "evcc",
  version: 7,
  title: { ko: "전기차 충전 제어기", en: "EV charging controller" },
  approved: true,
} as const;

const step = (name: string, state: StepView["state"], ms?: number): StepView => ({
  step: name,
  state,
  startedAt: state === "waiting" ? undefined : NOW,
  ms,
  facts: state === "done" ? [{ name: "ecuId", value: ECU_ID.slice(0, 16) }] : [],
});

/** Groups of a run in which `over` steps are over, and the next one runs (or failed). */
export function groupsAt(over: number, next: StepView["state"] = "running"): readonly GroupView[] {
  const names: readonly (readonly [GroupView["group"], readonly string[]])[] = [
    ["identify", ["open", "identify", "unlock"]],
    ["prepare", ["vin", "clock"]],
    ["certificates", ["cert:prov-2", "cert:prov-20", "cert:vehicle-20"]],
    ["keys", ["key:master", "key:secoc-4", "key:secoc-5", "key:secoc-6"]],
    ["sync", ["sync:supplier"]],
    ["lock", ["lock"]],
    ["verify", ["verify"]],
  ];
  let index = 0;
  return names.map(([group, steps]) => ({
    group,
    steps: steps.map((name) => {
      const at = index++;
      if (at < over) return step(name, "done", 120);
      return at === over ? step(name, next, next === "failed" ? 80 : undefined) : step(name, "waiting");
    }),
  }));
}

export const STEPS = 15;

const run = (over: number, next?: StepView["state"]): RunView => ({
  runId: "run-1",
  profile: PROFILE,
  inputs: { vin: VIN },
  startedAt: Date.now() - 7000,
  takt: 60_000,
  resumed: false,
  groups: groupsAt(over, next),
});

export const idle = (name: string): BayView => ({
  name,
  link: "socketcan:can0",
  profile: PROFILE,
  phase: "idle",
  waitsFor: undefined,
  scan: { read: [], missing: [{ name: "vin", label: { ko: "차대번호", en: "VIN" } }], refused: undefined },
  run: undefined,
  prompt: undefined,
  verdict: undefined,
});

export const running = (name: string, over = 8): BayView => ({ ...idle(name), phase: "running", run: run(over) });

export const passed = (name: string, at = Date.now()): BayView => ({
  ...idle(name),
  run: run(STEPS),
  verdict: { outcome: "PASS", runId: "run-1", vin: VIN, ecuId: ECU_ID, at, ms: 4120, owed: 0 },
});

export const FAILURE = {
  code: "ISOTP_TIMEOUT_BS",
  step: "key:secoc-4",
  retryable: true,
  text: {
    ko: "ECU가 흐름 제어에 응답하지 않습니다 (N_Bs 1000 ms). 지금까지 저장된 것은 기록되어 있습니다. 연결과 전원을 확인하고 같은 유닛을 다시 스캔하십시오.",
    en: "The ECU sent no flow control (N_Bs 1000 ms). What was stored so far is recorded. Check its connection and power, then scan the same unit again.",
  },
} as const;

export const failed = (name: string, at = Date.now()): BayView => ({
  ...idle(name),
  run: run(9, "failed"),
  verdict: { outcome: "FAIL", runId: "run-1", vin: VIN, ecuId: ECU_ID, at, ms: 3120, owed: 2, failure: FAILURE },
});

export const asking = (name: string): BayView => ({
  ...running(name, 0),
  prompt: {
    id: "1",
    text: { ko: "커넥터를 꽂았습니까?", en: "Is the connector plugged in?" },
    choices: [
      { value: "yes", text: { ko: "예", en: "Yes" } },
      { value: "no", text: { ko: "아니요", en: "No" } },
    ],
  },
});

export const stateOf = (bays: readonly BayView[], change: Partial<PageState> = {}): PageState => ({
  epoch: "a",
  number: 1,
  now: Date.now(),
  station: { id: "station-03", mode: "plant", language: "ko", programVersion: "0.1.0" },
  bays,
  servers: [
    { name: "vPKI", state: "up" },
    { name: "KMS", state: "down", trouble: { ko: "KMS에 연결할 수 없습니다.", en: "The KMS cannot be reached." } },
  ],
  outbox: { waiting: 2, quarantined: 1, full: false },
  ...change,
});

const ROW = {
  runId: "run-1",
  bay: "1",
  profile: "evcc",
  vin: VIN,
  ecuId: ECU_ID,
  serialNumber: "SN-0001",
  startedAt: NOW,
  ms: 3120,
  outcome: "FAIL",
  code: FAILURE.code,
} as const;

/** What every screen asks for, answered to somebody of that role. */
export function answerAll(station: FakeStation, role: "operator" | "engineer" | "admin"): void {
  station.answer("session", { user: { name: "김하나", role }, csrf: "token-1", users: true });
  station.answer("runs", { runs: [ROW, { ...ROW, runId: "run-0", outcome: "PASS", code: undefined }] });
  const detail = {
    ...ROW,
    station: "station-03",
    profileVersion: 7,
    profileHash: "5f".repeat(32),
    programVersion: "0.1.0",
    inputs: { vin: VIN },
    identity: [{ name: "partNumber", value: "91950-EV000" }],
    steps: groupsAt(9, "failed").flatMap(({ steps }) => steps),
    timers: [{ name: "P2", ms: 12.5 }],
    certificates: [{ name: "prov-2", serial: "00a1b2c3d4e5f60718", notAfter: "2036-11-22T00:00:00Z" }],
    receipts: [{ key: "master", m4: "00".repeat(32), m5: "11".repeat(16) }],
    verdict: failed("1", NOW).verdict,
    resumed: 1,
    traces: ["pcapng", "asc"],
  };
  station.answer("run", detail, 200, { run: "run-1" });
  station.answer(
    "runMessages",
    [
      { at: NOW, kind: "note", step: "key:secoc-4", text: "key:secoc-4", hex: "" },
      { at: NOW + 1, kind: "request", text: "RoutineControl start 0x0210", hex: "31010210aabbccdd" },
      { at: NOW + 1001, kind: "fault", text: "N_Bs 1000 ms", hex: "" },
    ],
    200,
    { run: "run-1" },
  );
  station.answer("yield", {
    from: NOW - 86_400_000,
    to: NOW,
    units: 60,
    firstPass: 57,
    byOutcome: { PASS: 57, FAIL: 2, ERROR: 1, TIMEOUT: 0, ABORTED: 1 },
    byCode: [{ code: FAILURE.code, runs: 2, text: FAILURE.text }],
    takts: [0, 1, 2, 3].map((hour) => ({
      at: NOW + hour * 3_600_000,
      runs: 15,
      median: 4100 + hour * 40,
      worst: 6200,
    })),
  });
  station.answer("profiles", [
    {
      ...PROFILE,
      hash: "5f".repeat(32),
      file: "/srv/station/profiles/evcc.yaml",
      approved: false,
      approvals: [{ user: "이둘", at: NOW }],
      needed: 1,
      former: ["4e".repeat(32)],
    },
  ]);
  station.answer(
    "profileChanges",
    {
      lines: [
        { kind: "same", text: "version: 7" },
        { kind: "removed", text: "takt: 60" },
        { kind: "added", text: "takt: 55" },
      ],
    },
    200,
    { hash: "5f".repeat(32) },
  );
  const waiting = { id: "1", sink: "KMS", runId: "run-1", ecuId: ECU_ID, what: "SecOCKey 4", attempts: 3, nextAt: NOW };
  station.answer("outbox", [
    { ...waiting, state: "waiting" },
    { ...waiting, id: "2", state: "quarantined", lastError: "KMS_REJECTED" },
  ]);
  station.answer("bays", [
    { name: "1", link: "socketcan:can0", profile: "evcc", target: "she-uds", power: "manual:", takt: 60_000 },
    { name: "2" },
  ]);
  station.answer("adapters", [
    { what: "socketcan:can0", state: "ok", text: "500 kbit/s" },
    { what: "slcan", state: "missing", text: "/dev/ttyACM0", todo: "usermod -a -G dialout station" },
  ]);
  station.answer("users", [
    { name: "김하나", role: "admin", badge: true, locked: false },
    { name: "박셋", role: "operator", badge: false, locked: true },
  ]);
  station.answer("simulator", {
    faults: [{ spec: "no-response", text: { ko: "응답 없음", en: "no response" } }],
    broken: [],
  });
}
