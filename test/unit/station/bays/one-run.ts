/** One run as bays show it. */
import type { Prompt, RunHeader, RunRecord } from "../../../../src/station/ports.js";

export const HEADER: RunHeader = {
  runId: "R1",
  bay: "A",
  link: "sim:",
  profile: { name: "evcc", version: 1, hash: "00".repeat(32) },
  inputs: {},
  expectedEcuId: undefined,
  startedAt: 0,
  programVersion: "0",
  plan: ["vin", "lock"],
};

export const PASS: RunRecord = {
  schema: 1,
  runId: "R1",
  header: HEADER,
  identity: undefined,
  steps: [],
  timers: {},
  startedAt: 0,
  finishedAt: 1,
  resumed: 0,
  owed: 0,
  outcome: "PASS",
};

export const QUESTION: Prompt = { text: { ko: "전원을 켜십시오", en: "Switch the power on" } };
