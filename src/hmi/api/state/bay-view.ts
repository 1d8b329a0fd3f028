/** A bay as a page shows it: its state, and what was read there for the next unit. Pure. */
import type { BayState } from "../../../station/bays/bays.js";
import type { BayView, ProfileView, PromptView, RunView, ScanView, VerdictView } from "../../contract/state.js";
import type { PageBay, PageInput, PageProfile } from "../ports.js";
import type { BegunUnit, NextUnit } from "../scan/desk.js";
import { failureView, groupsOf, verdictOfRecord } from "./views.js";

export interface BayParts {
  readonly place: PageBay;
  readonly state: BayState;
  readonly next: NextUnit;
  readonly missing: readonly PageInput[];
  readonly begun: BegunUnit | undefined;
}

/** Address of a picture that a prompt names. */
const pictureAddress = (name: string) => `/pictures/${encodeURIComponent(name)}`;

export function bayView({ place, state, next, missing, begun }: BayParts): BayView {
  return {
    name: place.name,
    link: place.link,
    profile: next.profile && profileView(next.profile),
    phase: state.phase,
    waitsFor: state.waitsFor,
    scan: scanView(next, missing),
    run: runView(state, begun, next),
    prompt: promptView(state),
    verdict: verdictView(state, begun),
  };
}

function profileView({ name, version, title, approved }: PageProfile): ProfileView {
  return { name, version, title, approved };
}

function scanView({ profile, read, refused }: NextUnit, missing: readonly PageInput[]): ScanView {
  const label = (name: string) => profile?.inputs.find((input) => input.name === name)?.title ?? { ko: name, en: name };
  return {
    read: Object.entries(read).map(([name, value]) => ({ name, label: label(name), value })),
    missing: missing.map(({ name, title }) => ({ name, label: title })),
    refused,
  };
}

function runView(
  { run, startedAt, takt }: BayState,
  begun: BegunUnit | undefined,
  next: NextUnit,
): RunView | undefined {
  if (run === undefined || startedAt === undefined) return undefined;
  const { header } = run;
  const known =
    header === undefined
      ? begun?.profile
      : [begun?.profile, next.profile].find((one) => one?.hash === header.profile.hash);
  const profile = header?.profile ?? begun?.profile;
  if (profile === undefined) return undefined;
  const { name, version } = profile;
  return {
    runId: header?.runId,
    // A run that was taken up after a restart, or begun by another program, is known by its journal alone.
    profile:
      known === undefined ? { name, version, title: { ko: name, en: name }, approved: true } : profileView(known),
    inputs: header?.inputs ?? begun?.inputs ?? {},
    startedAt,
    takt,
    resumed: run.resumed,
    groups: groupsOf(run.steps),
  };
}

function promptView({ prompt }: BayState): PromptView | undefined {
  if (prompt === undefined) return undefined;
  const { id, text, image, choices } = prompt;
  return {
    id,
    text,
    ...(image === undefined ? {} : { image: pictureAddress(image) }),
    ...(choices === undefined ? {} : { choices }),
  };
}

function verdictView(state: BayState, begun: BegunUnit | undefined): VerdictView | undefined {
  const { verdict, run, startedAt, endedAt } = state;
  if (verdict === undefined) return undefined;
  if (run?.record !== undefined) return verdictOfRecord(run.record);
  const at = endedAt ?? 0;
  return {
    outcome: verdict.outcome,
    runId: run?.header?.runId,
    vin: begun?.inputs.vin,
    ecuId: undefined,
    at,
    ms: at - (startedAt ?? at),
    owed: 0,
    ...(verdict.failure === undefined ? {} : { failure: failureView(verdict.failure) }),
  };
}
