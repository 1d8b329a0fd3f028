/** What a run is, as it begins. */
import type { Inputs, RunHeader } from "../ports.js";
import type { RunDeps, RunRequest } from "./deps.js";
import { JOURNAL_VERSION } from "./journal-version.js";
import { planOf } from "./plan.js";

/** Header of a fresh run. */
export function headerOf(deps: RunDeps, request: RunRequest, inputs: Inputs, startedAt: number): RunHeader {
  return {
    runId: deps.newRunId(),
    ...(deps.station === undefined ? {} : { station: deps.station }),
    bay: deps.bay,
    ...(request.by === undefined ? {} : { operator: request.by }),
    link: deps.link,
    profile: {
      name: deps.profile.name,
      version: deps.profile.version,
      hash: deps.profileHash,
      ...(deps.profileFile === undefined ? {} : { file: deps.profileFile }),
    },
    inputs,
    expectedEcuId: request.ecuId?.toLowerCase(),
    startedAt,
    programVersion: deps.programVersion,
    journal: JOURNAL_VERSION,
    plan: planOf(deps.profile),
  };
}
