/** What `ecu-sim` does once its command line is read. */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isKlineUrl, openKline } from "../src/ecu/link/kline/open.js";
import { type OpenedLink, openLink } from "../src/ecu/link/open.js";
import { loadProfile } from "../src/profiles/loader.js";
import type { Profile } from "../src/profiles/schema.js";
import { ascii, fromHex, isHex } from "../src/shared/bytes.js";
import { type Clock, systemClock } from "../src/shared/clock.js";
import { describe, type ErrorCode, isStationError, StationError } from "../src/shared/errors.js";
import { type KeyFunction, loadKeyFunction } from "../src/shared/key-function.js";
import { packageRoot } from "../src/shared/paths.js";
import { Secret } from "../src/shared/secret.js";
import { isVin } from "./dids.js";
import { createEcu, type Ecu } from "./ecu.js";
import { type Fault, parseFaults } from "./faults/faults.js";
import { fileFlash } from "./flash/file.js";
import { memoryFlash } from "./flash/memory.js";
import { ECU_ID_LENGTH, seededBytes, UID_LENGTH, type UnitOptions } from "./identity.js";
import { createKlineEcu } from "./kline.js";
import type { Process, RunSettings } from "./main.js";

const KEY_LENGTH = 16;
const LISTEN = "slcan+listen:";
/** An ECU outlives a tester's bus that is switched off for a while. */
const RECOVERY_MS = 600_000;

const usage = (what: string): StationError => new StationError("USAGE", { details: { what } });

const USAGE_CODES: readonly ErrorCode[] = [
  "USAGE",
  "PROFILE_NOT_FOUND",
  "PROFILE_INVALID",
  "LINK_URL_INVALID",
  "LINK_UNSUPPORTED",
  // The module of a key algorithm.
  "CONFIG_INVALID",
  // Before the ECU runs this is the --state file that the caller gave.
  "STORE_FAILED",
];

/** Whether it is the caller's input that is wrong. */
export function isUsage(error: unknown): boolean {
  return isStationError(error) && USAGE_CODES.includes(error.code);
}

/** A CAN link or a K-Line. */
type RunningLink = Pick<OpenedLink, "url" | "listening" | "onClosed" | "close">;

interface Running {
  readonly ecu: Ecu;
  readonly link: RunningLink;
}

/** Runs until it is told to stop, or until every link has ended. @throws StationError */
export async function run(settings: RunSettings, io: Process, clock: Clock = systemClock): Promise<void> {
  if (settings.count > 1 && !settings.link.startsWith(LISTEN))
    throw usage(`--count: several ECUs need ${LISTEN}//HOST:PORT, where each gets a port of its own`);
  const faults = parseFaults(settings.fault);
  const unit = unitOptions(settings);
  const blankKey = settings.blankKey === undefined ? undefined : hexBytes("--blank-key", settings.blankKey, KEY_LENGTH);
  const { profile, file } = await readProfile(settings.profile);
  const securityKey = await readSecurityKey(profile, file);
  const { algorithm } = profile.securityAccess;
  const keyFunction = algorithm === "aes-cmac" ? undefined : await loadKeyFunction(algorithm, file);
  const ending = new Ending(io, settings.withParent === true);
  const running: Running[] = [];
  try {
    for (let i = 0; i < settings.count; i++)
      running.push(
        await startOne(i, { settings, profile, faults, unit, clock, securityKey, keyFunction, blankKey, io }),
      );
    const links = running.map(({ ecu, link }) => ({
      listening: link.listening ?? link.url,
      ecuId: Buffer.from(ecu.identity.ecuId).toString("hex"),
    }));
    const line = { listening: links[0]?.listening, ...(settings.count > 1 ? { ecus: links } : {}) };
    io.stdout.write(`${JSON.stringify(line)}\n`);
    await Promise.race([ending.told, allClosed(running)]);
  } finally {
    ending.stop();
    for (const { ecu, link } of running) {
      await ecu.close();
      await link.close();
    }
    securityKey?.wipe();
  }
}

interface StartInput {
  readonly settings: RunSettings;
  readonly profile: Profile;
  readonly faults: readonly Fault[];
  readonly unit: UnitOptions;
  readonly clock: Clock;
  readonly securityKey: Secret | undefined;
  readonly keyFunction: KeyFunction | undefined;
  readonly blankKey: Uint8Array | undefined;
  readonly io: Process;
}

async function startOne(index: number, input: StartInput): Promise<Running> {
  const { settings, profile, clock, io } = input;
  const flash = settings.state === undefined ? memoryFlash() : fileFlash(stateFile(settings.state, index));
  const random = settings.seed === undefined ? undefined : seededBytes(`${settings.seed}/${index}`);
  const common = {
    profile,
    clock,
    flash,
    unit: input.unit,
    faults: input.faults,
    ...(random === undefined ? {} : { unitRandom: random }),
    ...(input.securityKey === undefined ? {} : { securityKey: input.securityKey }),
    ...(input.keyFunction === undefined ? {} : { keyFunction: input.keyFunction }),
    ...(input.blankKey === undefined ? {} : { blankKey: input.blankKey }),
    onFatal: (error: unknown) => io.stderr.write(`ecu-sim: the ECU stopped: ${describe(error)}\n`),
  };
  if (isKlineUrl(settings.link)) {
    const { baud = 10_400 } = profile.kline ?? {};
    // Who plays the ECU on a pty plays the wire, too, on which the tester hears itself.
    const link = await openKline(settings.link, { baud, init: "none", echo: "make" }, clock);
    return started(link, createKlineEcu({ ...common, link }));
  }
  const link = await openLink(linkUrl(settings, profile, index), {
    clock,
    bitrate: profile.can?.bitrate ?? 500_000,
    recovery: RECOVERY_MS,
    ...(profile.can?.fd === undefined ? {} : { dataBitrate: profile.can.fd.dataBitrate }),
  });
  return started(link, createEcu({ ...common, link }));
}

async function started(link: RunningLink, starting: Promise<Ecu>): Promise<Running> {
  try {
    return { ecu: await starting, link };
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** The first unit has the file of that name, the others a number behind it. */
function stateFile(file: string, index: number): string {
  return index === 0 ? file : `${file}.${index}`;
}

/** A fixed port belongs to the first unit, the others take the next ones. */
function linkUrl({ link, busPace }: RunSettings, profile: Profile, index: number): string {
  const own = link.replace(/^(slcan\+listen:\/\/.*:)(\d+)/, (_, head: string, port: string) =>
    port === "0" ? `${head}0` : `${head}${Number(port) + index}`,
  );
  if (busPace !== true || own.includes("pace=")) return own;
  return `${own}${own.includes("?") ? "&" : "?"}pace=${profile.can?.bitrate ?? 500_000}`;
}

function unitOptions(settings: RunSettings): UnitOptions {
  const { vin, ecuId, ecuType, supplierId, count } = settings;
  if (vin !== undefined && !isVin(ascii(vin))) throw usage("--vin: a VIN has 17 characters 0-9 A-Z");
  if (ecuId !== undefined && count > 1) throw usage("--ecu-id: belongs to one ECU, not to --count of them");
  const id = ecuId === undefined ? undefined : hexBytes("--ecu-id", ecuId, ECU_ID_LENGTH);
  if (id?.slice(-UID_LENGTH).every((byte) => byte === 0) === true)
    throw usage(`--ecu-id: the last ${UID_LENGTH} bytes are the SHE UID, which is never 0`);
  return {
    ...(vin === undefined ? {} : { vin }),
    ...(id === undefined ? {} : { ecuId: id }),
    ...(ecuType === undefined ? {} : { ecuType }),
    ...(supplierId === undefined ? {} : { supplierId }),
  };
}

function hexBytes(option: string, text: string, length: number): Uint8Array {
  if (!isHex(text, length)) throw usage(`${option}: ${length} bytes of hex are wanted`);
  return fromHex(text);
}

async function readProfile(given: string): Promise<{ profile: Profile; file: string }> {
  const named = /^[a-z0-9][a-z0-9-]*$/.test(given);
  const file = named ? join(packageRoot(), "hw-profiles", `${given}.yaml`) : resolve(given);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new StationError("PROFILE_NOT_FOUND", { details: { what: `${given} (${file})` }, cause });
  }
  return { profile: loadProfile(text, file).profile, file };
}

/** The security access secret of a profile that names a file: 16 bytes in hex; a relative path is taken from the profile's folder. */
async function readSecurityKey(profile: Profile, profileFile: string): Promise<Secret | undefined> {
  const { key } = profile.securityAccess;
  if ("hex" in key) return undefined;
  const file = resolve(dirname(profileFile), key.file);
  let text: string;
  try {
    text = (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw usage(`securityAccess.key.file ${file}: ${describe(cause)}`);
  }
  if (!isHex(text, KEY_LENGTH)) throw usage(`securityAccess.key.file ${file}: ${KEY_LENGTH} bytes of hex are wanted`);
  return Secret.fromHex(text);
}

/** The links that end by themselves have; one that goes on waiting for testers never does. */
function allClosed(running: readonly Running[]): Promise<void> {
  return Promise.all(running.map(({ link }) => new Promise<void>((resolve) => link.onClosed(() => resolve())))).then(
    () => undefined,
  );
}

/** Signals, and where asked for the end of stdin: its writer is gone. */
class Ending {
  readonly told: Promise<void>;
  readonly #stdin: NodeJS.ReadableStream | undefined;

  constructor(io: Process, withParent: boolean) {
    if (!withParent) {
      this.told = io.stopped;
      return;
    }
    const { stdin } = io;
    this.#stdin = stdin;
    const closed = new Promise<void>((resolve) => {
      for (const event of ["end", "close", "error"]) stdin.once(event, () => resolve());
      stdin.resume();
    });
    this.told = Promise.race([io.stopped, closed]);
  }

  stop(): void {
    this.#stdin?.pause();
  }
}
