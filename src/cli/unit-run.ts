/** One unit: what is opened for its run and closed behind it. */
import { randomBytes, randomInt } from "node:crypto";
import type { AppContext } from "../app.js";
import type { Profiles } from "../records/profiles.js";
import { StationError } from "../shared/errors.js";
import { programVersion } from "../shared/paths.js";
import type { Secret } from "../shared/secret.js";
import type { RunRecord } from "../station/ports.js";
import { type OpenedEcu, type RunDeps, type RunRequest, runUnit } from "../station/run/index.js";
import { readSecret } from "./config.js";
import { openEcuAccess } from "./ecu-access.js";
import { openEcu } from "./open-ecu.js";
import { noOrders, simulatorOrders } from "./orders/made-up.js";
import { type FoundProfile, versionOf } from "./profiles.js";
import { newRunId } from "./run-id.js";
import { isSimulatorLink, type Simulator, startSimulator } from "./simulator.js";
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
  readonly profiles: Profiles;
}

/** One unit: its secrets and its simulator live as long as the run. */
export async function runOne(
  order: UnitOrder,
  context: AppContext,
  { tokens, profiles, ...parts }: RunParts,
  options: TracedRunOptions | undefined,
): Promise<RunRecord> {
  const { config, clock, logger } = context;
  const trace = new RunTrace(context, options);
  const { link, profile: found, bay, ...request } = order;
  const simulated = isSimulatorLink(link);
  const unitOf = tokens.unitOf(found);
  const opener = await openEcuAccess(found, config, clock);
  const { access } = opener;
  const secrets = new Map<string, Secret>();
  const simulators: Simulator[] = [];
  try {
    await profiles.assertApproved(versionOf(found), config.profileApprovals);
    for (const { secOC } of found.profile.keys) {
      if (secOC === undefined || secrets.has(secOC.supplierSecret)) continue;
      secrets.set(secOC.supplierSecret, await readSecret(config, secOC.supplierSecret));
    }
    const connect = async (signal: AbortSignal): Promise<OpenedEcu> => {
      const unit = await unitOf(signal);
      if (!simulated) return unit(await openEcu(link, found.profile, access, clock, signal, trace));
      const simulator = await startSimulator(link, found.file, config.limits.start, clock, signal);
      simulators.push(simulator);
      return unit(await openEcu(simulator.link, found.profile, access, clock, signal, trace));
    };
    const deps: RunDeps = {
      ...parts,
      openSession: connect,
      // Nobody but a simulator may make a unit's numbers up.
      orders: simulated && config.orders === "simulator" ? simulatorOrders((below) => randomInt(below)) : noOrders,
      profile: found.profile,
      profileHash: found.hash,
      profileFile: found.file,
      clock,
      logger,
      secrets(name) {
        const secret = secrets.get(name);
        if (secret === undefined)
          throw new StationError("CONFIG_INVALID", { details: { what: `secrets.${name}: is missing` } });
        return secret;
      },
      random: (length) => new Uint8Array(randomBytes(length)),
      newRunId: () => trace.named(newRunId(clock.now())),
      programVersion: programVersion(),
      bay: bay ?? bayOf(link),
      link,
      timers: { flush: config.limits.flush },
    };
    return await runUnit(deps, request, trace.options);
  } finally {
    await trace.close();
    opener.wipe();
    for (const secret of secrets.values()) secret.wipe();
    await Promise.all(simulators.map((simulator) => simulator.stop()));
  }
}

/** A unit at the end of a link is in a place of its own; a simulated unit without a state file exists for one run of this process. */
function bayOf(link: string): string {
  return isSimulatorLink(link) && !link.includes("state=") ? `sim-${process.pid}-${randomInt(1e9)}` : link;
}
