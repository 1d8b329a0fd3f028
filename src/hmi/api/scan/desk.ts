/** What was read at the bays for their next units: which profile it is for, which input, and when a unit can begin. */
import { asStationError, StationError } from "../../../shared/errors.js";
import { Listeners } from "../../../shared/listeners.js";
import type { Inputs, LocalText } from "../../../station/ports.js";
import { SCAN_HOLDS } from "../../contract/state.js";
import type { PageInput, PagePorts, PageProfile } from "../ports.js";
import { readScan, type ScanSettings, shown } from "./text.js";
import { hasRightCheckDigit } from "./vin.js";

/** Which profile a scan stands for. */
export interface ScanRule {
  /** Tried on the value as a whole. */
  readonly pattern: RegExp;
  readonly profile: string;
  /** In place of the setting for all. */
  readonly checkDigit?: boolean;
}

export interface DeskSettings extends ScanSettings {
  /** True where VINs have a check digit: North America and China; those of the Korean market have none. */
  readonly checkDigit: boolean;
  /** The first one that fits holds. */
  readonly rules: readonly ScanRule[];
}

export interface NextUnit {
  /** Chosen by hand for the units to come; null: nobody chose. */
  readonly chosen: PageProfile | null;
  /** Of the unit that is being read; undefined where nothing says it yet. */
  readonly profile: PageProfile | undefined;
  readonly read: Inputs;
  /** Why the last scan was not taken. What was scanned is kept nowhere: it may be a badge. */
  readonly refused: { readonly why: LocalText } | undefined;
}

/** What the unit that is at work, or was last, was begun with. */
export interface BegunUnit {
  readonly profile: PageProfile;
  readonly inputs: Inputs;
}

interface Place {
  next: NextUnit;
  begun: BegunUnit | undefined;
  /** One scan of a bay after the other. */
  queue: Promise<void>;
}

const NOTHING: NextUnit = { chosen: null, profile: undefined, read: {}, refused: undefined };

/** What the desk needs of the station. */
type DeskPorts = Pick<PagePorts, "bays" | "places" | "profiles" | "begin" | "simulator" | "clock" | "users">;

/** The input that a vehicle is told by. */
const VIN = "vin";

export class ScanDesk {
  /** Name of a bay whose next unit changed. */
  readonly changed = new Listeners<[string]>();
  readonly #ports: DeskPorts;
  readonly #settings: DeskSettings;
  readonly #places: ReadonlyMap<string, Place>;

  constructor(ports: DeskPorts, settings: DeskSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#places = new Map(
      ports.places.map(({ name }) => [name, { next: NOTHING, begun: undefined, queue: Promise.resolve() }]),
    );
    // What was refused while a run went on has nothing to do with what comes after it.
    ports.bays.changed.add(({ name, phase }) => {
      const place = this.#places.get(name);
      if (phase === "idle" && place?.next.refused !== undefined) this.#set(name, place, { refused: undefined });
    });
  }

  /** Reads the profiles that the configuration names, for the page to show. A bay without one, or with a bad one, waits for a scan. */
  async open(): Promise<void> {
    await Promise.all(this.#ports.places.map(({ name }) => this.#reset(name).catch(() => undefined)));
  }

  next(bay: string): NextUnit {
    return this.#place(bay).next;
  }

  begun(bay: string): BegunUnit | undefined {
    return this.#place(bay).begun;
  }

  /** Inputs that still have to be scanned. */
  missing(bay: string): readonly PageInput[] {
    const { profile, read } = this.#place(bay).next;
    return missingOf(profile, read);
  }

  /**
   * Takes one scan; begins the unit where nothing is missing any more.
   * @param heard `now` of what the page had heard last; undefined where nothing holds the scan back on its way
   * @throws StationError RUN_BUSY while the bay is at work, SCAN_*, PROFILE_*; PAGE_NOT_NOW for one that comes late
   */
  scan(bay: string, text: string, operator: string | undefined, heard?: number): Promise<void> {
    return this.#inTurn(bay, async (place) => {
      // Before all else, and shown to nobody: the page has given it up, and another unit may be at the bay.
      this.#assertInTime(heard);
      try {
        this.#assertIdle(bay);
        const value = readScan(text, this.#settings);
        await this.#assertNoBadge(text, value);
        await this.#take(bay, place, value);
        if (this.missing(bay).length === 0) await this.#begin(bay, place, operator);
      } catch (error) {
        this.#set(bay, place, { refused: { why: asStationError(error).text } });
        throw error;
      }
    });
  }

  /** Forgets what was read. */
  clear(bay: string): Promise<void> {
    return this.#inTurn(bay, () => this.#reset(bay));
  }

  /** @param profile by name; null: the configuration or the scan decides. @throws StationError PROFILE_* */
  choose(bay: string, profile: string | null): Promise<void> {
    return this.#inTurn(bay, async (place) => {
      const chosen = profile === null ? null : await this.#ports.profiles.find(profile, bay);
      place.next = { ...NOTHING, chosen };
      await this.#reset(bay);
    });
  }

  /** Begins what was read. @throws StationError RUN_BUSY, SCAN_TOO_EARLY; PAGE_NOT_NOW for a late one, see `scan` */
  start(bay: string, operator: string | undefined, heard?: number): Promise<void> {
    return this.#inTurn(bay, async (place) => {
      this.#assertInTime(heard);
      this.#assertIdle(bay);
      const { profile } = place.next;
      if (profile === undefined) throw new StationError("SCAN_TOO_EARLY", { details: { what: "profile" } });
      const missing = this.missing(bay);
      if (missing.length > 0) throw new StationError("SCAN_TOO_EARLY", { details: { what: titlesOf(missing) } });
      await this.#begin(bay, place, operator);
    });
  }

  /** Begins with the inputs of the last unit. @throws StationError RUN_BUSY; PAGE_NOT_NOW where there was none, or for a late one */
  repeat(bay: string, operator: string | undefined, heard?: number): Promise<void> {
    return this.#inTurn(bay, async (place) => {
      this.#assertInTime(heard);
      this.#assertIdle(bay);
      await this.#start(bay, place, await this.#last(bay, place), operator);
    });
  }

  /** Scans a simulated unit. @throws StationError RUN_BUSY; PAGE_NOT_NOW outside simulator mode, or at a bay with a link of its own */
  simulate(bay: string, fault: string | undefined, operator: string | undefined): Promise<void> {
    return this.#inTurn(bay, async (place) => {
      const { simulator, places, profiles } = this.#ports;
      const own = places.find(({ name }) => name === bay);
      if (simulator === undefined || own?.link !== undefined)
        throw new StationError("PAGE_NOT_NOW", { details: { what: `${bay}: no simulator (mode, link)` } });
      this.#assertIdle(bay);
      const profile = place.next.profile ?? (await profiles.find(simulator.profile, bay));
      await this.#start(bay, place, { profile, inputs: await simulator.scan(profile) }, operator, fault);
    });
  }

  /** As the run has it, with what its orders brought; where none began, as it was scanned. */
  async #last(bay: string, { begun }: Place): Promise<BegunUnit> {
    const header = this.#ports.bays.state(bay).run?.header;
    if (header !== undefined) {
      const { name, hash } = header.profile;
      const profile = begun?.profile.hash === hash ? begun.profile : await this.#ports.profiles.find(name, bay);
      return { profile, inputs: header.inputs };
    }
    if (begun === undefined) throw new StationError("PAGE_NOT_NOW", { details: { what: bay } });
    return begun;
  }

  async #take(bay: string, place: Place, value: string): Promise<void> {
    const rule = this.#settings.rules.find(({ pattern }) => pattern.test(value));
    const { read } = place.next;
    const profile = place.next.profile ?? (rule && (await this.#ports.profiles.find(rule.profile, bay)));
    if (profile === undefined) throw new StationError("SCAN_NO_PROFILE", { details: { what: shown(value) } });
    if (Object.values(read).includes(value))
      throw new StationError("SCAN_REPEATED", { details: { what: shown(value) } });
    const missing = missingOf(profile, read);
    const found = fitting(missing, value);
    if (found === undefined) {
      const what = missing.length === 0 ? shown(value) : `${shown(value)} ≠ ${titlesOf(missing)}`;
      throw new StationError("SCAN_UNKNOWN", { details: { what } });
    }
    const checked = found.input.name === VIN && (rule?.checkDigit ?? this.#settings.checkDigit);
    if (checked && !hasRightCheckDigit(found.value))
      throw new StationError("SCAN_CHECK_DIGIT", { details: { what: shown(value) } });
    this.#set(bay, place, { profile, read: { ...read, [found.input.name]: found.value }, refused: undefined });
  }

  async #begin(bay: string, place: Place, operator: string | undefined): Promise<void> {
    const { profile, read } = place.next;
    if (profile !== undefined) await this.#start(bay, place, { profile, inputs: read }, operator);
  }

  async #start(
    bay: string,
    place: Place,
    unit: BegunUnit,
    operator: string | undefined,
    fault?: string,
  ): Promise<void> {
    const former = place.begun;
    place.begun = unit;
    try {
      await this.#ports.begin({ bay, ...unit, operator, ...(fault === undefined ? {} : { fault }) });
    } catch (error) {
      place.begun = former;
      throw error;
    }
    await this.#reset(bay);
  }

  /** Ready for the next unit: with the profile that was chosen, or the configuration's. */
  async #reset(bay: string): Promise<void> {
    const place = this.#place(bay);
    const { chosen } = place.next;
    this.#set(bay, place, { ...NOTHING, chosen, profile: chosen ?? undefined });
    const name = this.#ports.places.find((one) => one.name === bay)?.profile;
    if (chosen !== null || name === undefined) return;
    this.#set(bay, place, { profile: await this.#ports.profiles.find(name, bay) });
  }

  /** A clock that was set back or forth in between refuses as well: the next beat tells the page the new time. */
  #assertInTime(heard: number | undefined): void {
    const age = Math.abs(this.#ports.clock.now() - (heard ?? this.#ports.clock.now()));
    if (age > SCAN_HOLDS)
      throw new StationError("PAGE_NOT_NOW", { details: { what: `it came ${Math.ceil(age / 1_000)} s late` } });
  }

  /** An input that takes any text would take a badge, too, and everybody reads it at the tile and in the record. */
  async #assertNoBadge(text: string, value: string): Promise<void> {
    const { users } = this.#ports;
    for (const one of new Set([text.trim(), value]))
      if (await users.isBadge(one)) throw new StationError("SCAN_UNKNOWN", { details: { what: shown(value) } });
  }

  #assertIdle(bay: string): void {
    if (this.#ports.bays.state(bay).phase !== "idle") throw new StationError("RUN_BUSY", { details: { what: bay } });
  }

  #set(bay: string, place: Place, change: Partial<NextUnit>): void {
    place.next = { ...place.next, ...change };
    this.changed.emit(bay);
  }

  async #inTurn(bay: string, work: (place: Place) => Promise<void>): Promise<void> {
    const place = this.#place(bay);
    const done = place.queue.then(() => work(place));
    place.queue = done.catch(() => undefined);
    await done;
  }

  #place(bay: string): Place {
    const place = this.#places.get(bay);
    if (place === undefined) throw new StationError("BAY_UNKNOWN", { details: { name: bay } });
    return place;
  }
}

function missingOf(profile: PageProfile | undefined, read: Inputs): readonly PageInput[] {
  return (profile?.inputs ?? []).filter(({ name, wanted }) => wanted && read[name] === undefined);
}

function titlesOf(inputs: readonly PageInput[]): string {
  return inputs.map(({ title }) => `${title.ko} (${title.en})`).join(", ");
}

/** The first input that takes the value; a scanner or keyboard may have sent small letters. */
function fitting(
  missing: readonly PageInput[],
  text: string,
): { readonly input: PageInput; readonly value: string } | undefined {
  for (const value of [text, text.toUpperCase()]) {
    const input = missing.find((one) => one.accepts(value));
    if (input !== undefined) return { input, value };
  }
  return undefined;
}
