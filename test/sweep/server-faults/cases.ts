/** One case of the sweep: a run in which one request meets one fault, and a clean run behind it on the same ECU and the same stores. */

import type { Profile } from "../../../src/profiles/schema.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { Plant } from "../wire/plant.js";
import { FaultyServers } from "./between.js";
import type { End } from "./expected.js";
import { type Blow, isConnectionFault, kindOf } from "./faults.js";
import { accountFaults, memoryFaults, owedIds, recordFaults } from "./judge.js";

/** ms between a run and the next one on the same ECU. */
const PAUSE = 2_000;

export interface Result {
  readonly blow: Blow;
  readonly end: End;
  readonly step: string;
  /** Results that waited when the run was over. */
  readonly owed: number;
  /** Virtual ms of the run. */
  readonly ms: number;
  /** Everything that must not be. */
  readonly wrong: readonly string[];
}

export class Bench {
  private constructor(
    readonly plant: Plant,
    readonly servers: FaultyServers,
  ) {}

  static async open(profile: Profile): Promise<Bench> {
    const clock = new VirtualClock();
    const servers = new FaultyServers(clock);
    return new Bench(await Plant.open(profile, clock, servers), servers);
  }

  close(): Promise<void> {
    return this.plant.close();
  }

  /** The requests of a run without a fault, each once, in their order. */
  async requests(): Promise<readonly string[]> {
    const { plant, servers } = this;
    await servers.strike(undefined);
    const unit = await plant.unit();
    const { record } = await plant.run(unit);
    await plant.scrap(unit);
    if (record.outcome !== "PASS") throw new Error(`the clean run failed: ${JSON.stringify(record.failure)}`);
    return servers.seen;
  }

  async try(blow: Blow): Promise<Result> {
    const { plant, servers } = this;
    const unit = await plant.unit();
    try {
      servers.ledger.clear();
      await servers.strike(blow);
      const { record, ms } = await plant.attempt(unit, undefined);
      const wrong = servers.struck ? [] : ["the request never came"];
      wrong.push(...recordFaults(plant, record.runId));
      const { identity } = record;
      const passed = record.outcome === "PASS";
      if (identity !== undefined && record.owed === 0) wrong.push(...memoryFaults(plant, unit, identity.ecuId, passed));
      await servers.strike(undefined);
      await plant.clock.advance(PAUSE);
      const clean = (await plant.run(unit)).record;
      wrong.push(...recordFaults(plant, clean.runId));
      if (clean.outcome !== "PASS" || clean.identity === undefined) {
        wrong.push(`the clean run ended with ${clean.outcome} in ${clean.failure?.step}: ${clean.failure?.text.en}`);
      } else {
        if (clean.owed > 0) wrong.push(`the clean run owes ${clean.owed} results`);
        const { ecuId } = clean.identity;
        wrong.push(...memoryFaults(plant, unit, ecuId, true), ...accountFaults(plant, unit, ecuId));
      }
      wrong.push(...servers.ledger.faults(owedIds(plant)));
      const { repeats } = servers.ledger;
      if (kindOf(blow.key) === "report" && !isConnectionFault(blow.fault) && repeats === 0)
        wrong.push("the result never came again");
      const broken = [...unit.failures, ...servers.failures];
      wrong.push(...broken.map((failure) => `ECU or proxy failed: ${String(failure)}`));
      return {
        blow,
        end: record.failure?.code ?? "PASS",
        step: record.failure?.step ?? "",
        owed: record.owed,
        ms,
        wrong,
      };
    } finally {
      await plant.scrap(unit);
    }
  }
}
