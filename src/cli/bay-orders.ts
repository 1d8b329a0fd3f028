/** Units at the bays of `ecustation serve`: whoever starts one (a line of another program, the operator page) does it here. */
import type { AppContext, Station } from "../app.js";
import { checkInputs } from "../profiles/inputs.js";
import type { TraceResult } from "../records/trace/writer.js";
import { StationError } from "../shared/errors.js";
import type { Bays } from "../station/bays/bays.js";
import type { Inputs, RunEvent, Verdict } from "../station/ports.js";
import { type FoundProfile, findProfile } from "./profiles.js";
import type { BusWatch } from "./traces.js";
import type { UnitOrder } from "./unit-run.js";

export interface UnitRequest {
  readonly bay: string;
  /** By name or file; left out, the bay's own. */
  readonly profile?: string;
  /** In place of the bay's own. */
  readonly link?: string;
  readonly inputs: Inputs;
  /** The EcuID that the unit must have, 54 hex digits. */
  readonly ecuId?: string;
  /** Who begins it, for the record. */
  readonly by?: string;
}

export class BayOrders {
  constructor(
    readonly bays: Bays,
    private readonly station: Station,
    private readonly context: AppContext,
    private readonly onTrace: (result: TraceResult) => void,
    /** Who is told what passes a bay's bus. */
    private readonly watch?: (bay: string) => BusWatch,
  ) {}

  /**
   * Begins a unit; the answer holds how it ends.
   * @throws StationError BAY_UNKNOWN, RUN_BUSY, PROFILE_*, INPUT_INVALID; CONFIG_INVALID where nothing says profile or link
   */
  async start(request: UnitRequest): Promise<{ readonly ended: Promise<Verdict> }> {
    const { bay: name, inputs, ecuId, by } = request;
    const { config } = this.context;
    const bay = config.station.bays.find((each) => each.name === name);
    if (bay === undefined) throw new StationError("BAY_UNKNOWN", { details: { name } });
    const wanted = request.profile ?? bay.profile;
    if (wanted === undefined) throw this.#lacks(name, "profile");
    const link = request.link ?? bay.link ?? (config.mode === "simulator" ? "sim:" : undefined);
    if (link === undefined) throw this.#lacks(name, "link");
    const profile = await findProfile(wanted, config.profileDirs);
    checkInputs(profile.profile, inputs);
    const more = { ...(ecuId === undefined ? {} : { ecuId }), ...(by === undefined ? {} : { by }) };
    return { ended: this.begin({ profile, link, bay: name, inputs, ...more }) };
  }

  /** An order as it is, on its bay. @throws StationError BAY_UNKNOWN, RUN_BUSY */
  begin(order: UnitOrder & { readonly bay: string }, onEvent?: (event: RunEvent) => void): Promise<Verdict> {
    const takt = this.#takt(order.bay, order.profile);
    return this.bays.start(order.bay, {
      ...(takt === undefined ? {} : { takt: takt * 1_000 }),
      work: (options) => {
        const watch = this.watch?.(order.bay);
        const tell = (event: RunEvent) => {
          options.onEvent(event);
          onEvent?.(event);
        };
        return this.station.run(order, { ...options, onEvent: tell, onTrace: this.onTrace, ...(watch && { watch }) });
      },
    });
  }

  /** s */
  #takt(name: string, { profile }: FoundProfile): number | undefined {
    return this.context.config.station.bays.find((bay) => bay.name === name)?.takt ?? profile.takt;
  }

  #lacks(bay: string, what: string): StationError {
    const where = this.context.config.file ?? "(built-in configuration)";
    return new StationError("CONFIG_INVALID", {
      details: { what: `${where}: station.bays: bay ${bay} has no ${what}, and the order names none` },
    });
  }
}
