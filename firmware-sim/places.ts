/** The buses of the program and the ECUs at them. */
import { isKlineUrl, openKline } from "../src/ecu/link/kline/open.js";
import { type OpenedLink, openLink } from "../src/ecu/link/open.js";
import type { EcuProfile } from "../src/profiles/loader.js";
import { Place, type PlaceOptions, type PlaceParts, type Unit } from "./control/place.js";
import { createEcu, type Ecu } from "./ecu.js";
import { fileFlash } from "./flash/file.js";
import { type FlashCell, memoryFlash } from "./flash/memory.js";
import { seededBytes, type UnitOptions } from "./identity.js";
import { type BusIds, profilesOnOneBus } from "./ids.js";
import { type CommonOptions, type Inputs, usage } from "./inputs.js";
import { createKlineEcu } from "./kline.js";
import type { RunSettings } from "./main.js";

const LISTEN = "slcan+listen:";
/** An ECU outlives a tester's bus that is switched off for a while. */
const RECOVERY_MS = 600_000;

/** A CAN bus or a K-Line. */
interface Bus {
  readonly wire: PlaceOptions["wire"];
  readonly link: Pick<OpenedLink, "url" | "listening" | "onClosed" | "close">;
  start(options: CommonOptions & PlaceParts): Promise<Ecu>;
}

export interface RunningEcu {
  readonly place: Place;
  /** Several may share one. */
  readonly bus: Bus;
  /** Those that are not the profile's. */
  readonly ids?: BusIds;
}

/** Starts the ECUs that the settings ask for, each at a bus of its own or all at one. @throws StationError */
export async function openPlaces(
  settings: RunSettings,
  inputs: Inputs,
  onFatal: PlaceOptions["onFatal"],
): Promise<RunningEcu[]> {
  const { count, link: url, shareBus = false, ids } = settings;
  const { common, faults, unit } = inputs;
  if (ids !== undefined && !shareBus) throw usage("--ids: needs --share-bus");
  if (shareBus && isKlineUrl(url)) throw usage("--share-bus: needs a CAN bus");
  if (count > 1 && !shareBus && !url.startsWith(LISTEN))
    throw usage(`--count: several ECUs need ${LISTEN}//HOST:PORT, where each gets a port of its own, or --share-bus`);
  const own = Array.from({ length: count }, (): { profile: EcuProfile; ids?: BusIds } => ({ profile: common.profile }));
  const rows = shareBus ? profilesOnOneBus(common.profile, count, ids) : own;
  const running: RunningEcu[] = [];
  for (const [index, { profile, ...told }] of rows.entries()) {
    let bus = shareBus ? running[0]?.bus : undefined;
    try {
      bus ??= await openBus(settings, common, index);
      const { wire, start } = bus;
      const place = await Place.open(
        {
          profile,
          clock: common.clock,
          wire,
          faults,
          onFatal,
          start: (parts) => start({ ...common, profile, ...parts }),
        },
        newUnit(unit, stateFile(settings.state, index), settings.seed && `${settings.seed}/${index}`),
      );
      running.push({ place, bus, ...told });
    } catch (error) {
      await closePlaces(running);
      await bus?.link.close();
      throw error;
    }
  }
  return running;
}

export async function closePlaces(running: readonly RunningEcu[]): Promise<void> {
  for (const { place, bus } of running) {
    await place.close();
    await bus.link.close();
  }
}

/** @param state its flash file; left out, its flash lasts as long as this object. @param seed text that its numbers are made from */
export function newUnit(options: UnitOptions, state?: string, seed?: string): Unit {
  const cell: FlashCell = {};
  return {
    options,
    flash: (hooks) => (state === undefined ? memoryFlash(cell, hooks) : fileFlash(state, hooks)),
    ...(seed === undefined ? {} : { random: seededBytes(seed) }),
  };
}

async function openBus(settings: RunSettings, { profile, clock }: CommonOptions, index: number): Promise<Bus> {
  if (isKlineUrl(settings.link)) {
    const { baud = 10_400 } = profile.kline ?? {};
    // Who plays the ECU on a pty plays the wire, too, on which the tester hears itself.
    const link = await openKline(settings.link, { baud, init: "none", echo: "make" }, clock);
    return { wire: "kline", link, start: (options) => createKlineEcu({ ...options, link }) };
  }
  const link = await openLink(linkUrl(settings, profile, index), {
    clock,
    bitrate: profile.can?.bitrate ?? 500_000,
    recovery: RECOVERY_MS,
    ...(profile.can?.fd === undefined ? {} : { dataBitrate: profile.can.fd.dataBitrate }),
  });
  return { wire: "can", link, start: (options) => createEcu({ ...options, link }) };
}

/** The first unit has the file of that name, the others a number behind it. */
function stateFile(file: string | undefined, index: number): string | undefined {
  return file === undefined || index === 0 ? file : `${file}.${index}`;
}

/** A fixed port belongs to the first unit, the others take the next ones. */
function linkUrl({ link, busPace }: RunSettings, profile: EcuProfile, index: number): string {
  const own = link.replace(/^(slcan\+listen:\/\/.*:)(\d+)/, (_, head: string, port: string) =>
    port === "0" ? `${head}0` : `${head}${Number(port) + index}`,
  );
  if (busPace !== true || own.includes("pace=")) return own;
  return `${own}${own.includes("?") ? "&" : "?"}pace=${profile.can?.bitrate ?? 500_000}`;
}
