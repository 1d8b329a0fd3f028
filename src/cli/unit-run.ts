/** One unit: what is opened for its run and closed behind it. */
import { randomBytes, randomInt } from "node:crypto";
import type { AppContext } from "../app.js";
import { loadKeptProfile } from "../profiles/loader.js";
import type { Profiles } from "../records/profiles.js";
import { beforeRun, describe, isStationError, StationError } from "../shared/errors.js";
import { programVersion } from "../shared/paths.js";
import type { Secret } from "../shared/secret.js";
import type { OrderSource, RunHeader, RunRecord } from "../station/ports.js";
import { type OpenedEcu, type RunDeps, type RunRequest, runUnit, type UnitKind } from "../station/run/index.js";
import type { BayPower } from "./bay-power.js";
import { readSecret } from "./config.js";
import { openEcuAccess } from "./ecu-access.js";
import { openEcu } from "./open-ecu.js";
import { areMadeUp, noOrders, simulatorOrders } from "./orders/made-up.js";
import { type FoundProfile, versionOf } from "./profiles.js";
import { newRunId } from "./run-id.js";
import { isLastingUnit, isSimulatorLink, type Simulator, startSimulator } from "./simulator.js";
import { RunTrace, type TracedRunOptions } from "./traces.js";
import type { UnitTokens } from "./unit-tokens.js";

/** What one run is started with. */
export interface UnitOrder extends RunRequest {
  readonly profile: FoundProfile;
  readonly link: string;
  /** Name of the bay; left out, the link stands for it. */
  readonly bay?: string;
}

export interface RunParts extends Pick<RunDeps, "runs" | "ledger" | "results" | "kms" | "vpki"> {
  readonly tokens: UnitTokens;
  readonly power: BayPower;
  readonly profiles: Profiles;
  /** The plant's MES, where there is one. */
  readonly mes: OrderSource | undefined;
}

/** One unit: its secrets and its simulator live as long as the run. */
export async function runOne(
  order: UnitOrder,
  context: AppContext,
  { tokens, profiles, mes, power, ...parts }: RunParts,
  options: TracedRunOptions | undefined,
): Promise<RunRecord> {
  const { config, clock, logger } = context;
  const trace = new RunTrace(context, options);
  const { link, profile: found, bay, ...request } = order;
  const supply = power.supplyOf(bay, options?.operator);
  const simulated = isSimulatorLink(link);
  const ends: (() => void)[] = [];
  const simulators: Simulator[] = [];
  /** What follows from a profile; its secrets live as long as the run. */
  const kindOf = async (found: FoundProfile): Promise<UnitKind> => {
    const unitOf = tokens.unitOf(found, bay);
    const { access, wipe } = await openEcuAccess(found, config, clock);
    ends.push(wipe);
    await profiles.assertApproved(versionOf(found), config.profileApprovals);
    const secrets = new Map<string, Secret>();
    for (const { secOC } of found.profile.keys) {
      if (secOC === undefined || secrets.has(secOC.supplierSecret)) continue;
      const secret = await readSecret(config, secOC.supplierSecret);
      ends.push(() => secret.wipe());
      secrets.set(secOC.supplierSecret, secret);
    }
    return {
      profile: found.profile,
      profileHash: found.hash,
      profileFile: found.file,
      async openSession(signal): Promise<OpenedEcu> {
        const unit = await unitOf(signal);
        if (!simulated) return unit(await openEcu(link, found.profile, access, clock, signal, trace));
        const simulator = await startSimulator(link, found.file, config.limits.start, clock, signal);
        simulators.push(simulator);
        return unit(await openEcu(simulator.link, found.profile, access, clock, signal, trace));
      },
      secrets(name) {
        const secret = secrets.get(name);
        if (secret === undefined)
          throw new StationError("CONFIG_INVALID", { details: { what: `secrets.${name}: is missing` } });
        return secret;
      },
    };
  };
  const earlier = async ({ runId, profile: { hash, file = found.file } }: RunHeader): Promise<UnitKind | undefined> => {
    try {
      const { text } = await profiles.find(hash);
      const loaded = loadKeptProfile(text, file, hash, found.profile);
      return loaded && (await kindOf({ ...loaded, file }));
    } catch (error) {
      if (!isStationError(error)) throw error;
      logger.warn("the profile of an interrupted run cannot be used", { runId, error: describe(error) });
      return undefined;
    }
  };
  try {
    const deps: RunDeps = {
      ...parts,
      ...(await kindOf(found).catch((error: unknown) => {
        throw beforeRun(error);
      })),
      ...(supply && { power: supply }),
      earlier,
      orders: mes ?? (areMadeUp(config.orders, link) ? simulatorOrders((below) => randomInt(below)) : noOrders),
      clock,
      logger,
      random: (length) => new Uint8Array(randomBytes(length)),
      newRunId: () => trace.named(newRunId(clock.now())),
      programVersion: programVersion(),
      station: config.station.id,
      rework: config.rework,
      bay: bay ?? bayOf(link),
      link,
      timers: { flush: config.limits.flush },
    };
    return await runUnit(deps, request, trace.options);
  } finally {
    await trace.close();
    for (const end of ends) end();
    await Promise.all(simulators.map((simulator) => simulator.stop()));
  }
}

/** A unit at the end of a link is in a place of its own; a simulated unit without a state file exists for one run of this process. */
export function bayOf(link: string): string {
  return isLastingUnit(link) ? link : `sim-${process.pid}-${randomInt(1e9)}`;
}
