/** What an interrupted run's journal says, and whether the run can be taken up again. Pure. */
import { StationError } from "../../shared/errors.js";
import type { EcuIdentity, InterruptedRun, RunRecord, StepRecord } from "../ports.js";
import type { RunRequest } from "./deps.js";
import { identityOfFacts } from "./identity.js";
import { journalVersion, readsJournal } from "./journal-version.js";
import { OPENING_STEPS } from "./plan.js";
import { lastTimeOf } from "./run-time.js";
import { verdictOf } from "./verdict.js";

/**
 * Records of the steps that are done, from the journal; and of a certificate's that had asked for one, since a unit that is scrapped must
 * not leave that behind.
 */
export function stepsOf(run: InterruptedRun): StepRecord[] {
  const records = new Map<string, StepRecord>();
  const started = new Map<string, number>();
  for (const { step, event, at, data } of run.entries) {
    if (event === "started") started.set(step, at);
    const startedAt = started.get(step) ?? at;
    const request = event === "noted" ? askedFor(data.request) : undefined;
    if (request !== undefined) {
      const ms = Math.max(0, at - startedAt);
      records.set(step, { step, state: "failed", startedAt, ms, facts: { ...request, code: "RUN_INTERRUPTED" } });
    }
    if (event !== "finished") continue;
    const { skipped, ms, ...facts } = data;
    // Without a measured duration two wall times stand for it, between which the clock may have been set back.
    const took = typeof ms === "number" ? ms : Math.max(0, at - startedAt);
    records.set(step, { step, state: skipped === true ? "skipped" : "done", startedAt, ms: took, facts });
  }
  return [...records.values()];
}

/** What the record says of a certificate by the request for it; undefined where the journal does not say as much. */
function askedFor(request: unknown): Readonly<Record<string, unknown>> | undefined {
  const { type, slot, dn, operation } = (request ?? {}) as Readonly<Record<string, unknown>>;
  return typeof type === "string" && typeof slot === "number" && typeof dn === "string"
    ? { type, slot, dn, operation }
    : undefined;
}

const identified = (run: InterruptedRun) =>
  run.entries.findLast((entry) => entry.step === "identify" && entry.event === "finished")?.data ?? {};

/** EcuID that the run worked on; undefined while it had identified none. */
export function ecuIdOf(run: InterruptedRun): string | undefined {
  const { ecuId } = identified(run);
  return typeof ecuId === "string" ? ecuId : undefined;
}

/** The unit that the run worked on, as it was read last; undefined while it had identified none. */
export function identityOf(run: InterruptedRun): EcuIdentity | undefined {
  return identityOfFacts(identified(run));
}

/** Steps of the plan that are still to be done, without the opening ones. */
export function todoOf(plan: readonly string[], isDone: (step: string) => boolean): string[] {
  return plan.filter((step) => !OPENING_STEPS.some((opening) => opening === step) && !isDone(step));
}

interface Present {
  readonly profileHash: string;
  readonly plan: readonly string[];
  readonly request: RunRequest;
}

/** Why the run is not the one that is asked for now; undefined where it may be. */
export function obstacle(run: InterruptedRun, { request }: Pick<Present, "request">): string | undefined {
  const { header } = run;
  for (const [name, value] of Object.entries(request.inputs)) {
    if (header.inputs[name] !== value) return `${name} is another one now`;
  }
  const ordered = request.ecuId?.toLowerCase();
  const known = header.expectedEcuId ?? ecuIdOf(run);
  if (ordered !== undefined && known !== undefined && ordered !== known) return "another EcuID is ordered now";
  if (request.resumeOnly === true && ecuIdOf(run) === undefined) return "it had not identified its unit yet";
  return undefined;
}

/** What has changed since the run began, so that somebody must decide what becomes of it; undefined where it can simply go on. */
export function change({ header }: InterruptedRun, now: Pick<Present, "profileHash" | "plan">): string | undefined {
  const { profile, plan } = header;
  if (!readsJournal(header))
    return `its journal is of version ${journalVersion(header)}, which this program does not read`;
  if (profile.hash !== now.profileHash) return `profile ${profile.name} is another one now`;
  if (plan.join(" ") !== now.plan.join(" ")) return `this program plans profile ${profile.name} in another way`;
  return undefined;
}

/** The record of a run that will not be taken up again. @param now ms since the epoch, which may have been set back since */
export function closedRecord(run: InterruptedRun, why: string, now: number, owed: number): RunRecord {
  const last = run.entries.findLast((entry) => entry.event === "started")?.step ?? "open";
  return {
    schema: 1,
    runId: run.header.runId,
    header: run.header,
    identity: identityOf(run),
    steps: readsJournal(run.header) ? stepsOf(run) : [],
    timers: {},
    startedAt: run.header.startedAt,
    finishedAt: Math.max(now, lastTimeOf(run)),
    resumed: run.resumed,
    owed,
    ...verdictOf(new StationError("RUN_INTERRUPTED", { details: { what: why } }), last),
  };
}
