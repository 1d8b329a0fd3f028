/** The console's device and the file that it lives in between two starts. */
import { randomBytes } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { fromHex, isHex, toHex } from "../../src/shared/bytes.js";
import type { Clock } from "../../src/shared/clock.js";
import { describe } from "../../src/shared/errors.js";
import { Arguments, type Json, LineError } from "./commands.js";
import { createSheDevice, type SheDevice } from "./device.js";
import { memoryStorage, type SheState, type SheStorage } from "./state.js";
import { BUSY_COMMANDS, LATENCY_MAX, type Pace } from "./types.js";

/** What NEW says of a device; JSON as it stands in the state file. */
interface DeviceSettings {
  readonly uid: string;
  readonly blankKey: string;
  readonly secretKey: string;
  readonly banks: number;
  readonly keyCount: number;
  readonly verifyOnly: boolean;
  readonly withoutSecureBoot: "good" | "bypassed";
  readonly latencies: Pace["latencies"];
}

/** The device that answers before the first NEW. */
export const DEFAULT_SETTINGS: DeviceSettings = {
  uid: "000000000000000000000000000001",
  blankKey: "00".repeat(16),
  secretKey: "00112233445566778899aabbccddeeff",
  banks: 0,
  keyCount: 10,
  verifyOnly: false,
  withoutSecureBoot: "good",
  latencies: {},
};

/** Settings and PRNG seed of a NEW line; what it leaves out is the default. */
export function settingsOf(given: Arguments): { settings: DeviceSettings; prngSeed: string } {
  const hex = (name: string, length: number, preset: string, ...aliases: string[]): string => {
    const wanted = { name, aliases };
    return given.has(wanted) ? toHex(given.bytes(wanted, length)) : preset;
  };
  const policy = given.boolean({ name: "secureBoot", aliases: [] });
  return {
    settings: {
      uid: hex("uid", 15, DEFAULT_SETTINGS.uid),
      blankKey: hex("blankKey", 16, DEFAULT_SETTINGS.blankKey, "blank"),
      secretKey: hex("secretKey", 16, DEFAULT_SETTINGS.secretKey, "secret"),
      banks: given.uint({ name: "banks", aliases: [] }, 8, 0),
      keyCount: given.uint({ name: "keyCount", aliases: ["keys"] }, 10, 10),
      verifyOnly: given.boolean({ name: "verifyOnly", aliases: [] }) ?? false,
      withoutSecureBoot: policy === true ? "bypassed" : "good",
      latencies: given.uints({ name: "latencies", aliases: ["latency"] }, BUSY_COMMANDS, LATENCY_MAX),
    },
    prngSeed: hex("prngSeed", 16, randomBytes(16).toString("hex"), "seed"),
  };
}

/** Makes the device of these settings on `storage`; throws RangeError for values that no SHE may have. */
function deviceOf(settings: DeviceSettings, storage: SheStorage, clock: Clock): SheDevice {
  return createSheDevice({
    ...settings,
    uid: fromHex(settings.uid),
    blankKey: fromHex(settings.blankKey),
    secretKey: fromHex(settings.secretKey),
    storage,
    pace: { clock, latencies: settings.latencies },
    random: (length) => new Uint8Array(randomBytes(length)),
  });
}

export interface Stored {
  readonly settings: DeviceSettings;
  readonly state: SheState;
}

/** Where the console keeps its device: a file, or nowhere. */
export interface ConsoleStore {
  /** Undefined where nothing is stored yet; throws LineError for a file that is none of ours, or cannot be read. */
  load(): Promise<Stored | undefined>;
  save(stored: Stored): Promise<void>;
}

export const noStore: ConsoleStore = { load: async () => undefined, save: async () => undefined };

/** A JSON file that is replaced as a whole, so that a power cut leaves the old or the new device. */
export function fileStore(path: string): ConsoleStore {
  return {
    async load() {
      let text: string;
      try {
        text = await readFile(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw new LineError(`${path}: ${describe(error)}`);
      }
      return parseStored(path, text);
    },
    async save(stored) {
      const temporary = `${path}.new`;
      const file = await open(temporary, "w", 0o600);
      try {
        await file.writeFile(`${JSON.stringify(stored)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      const folder = await open(dirname(path));
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    },
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads what `save` wrote; throws LineError naming `path` for anything else. */
export function parseStored(path: string, text: string): Stored {
  const broken = (what: string) => new LineError(`${path}: no state of a SHE console (${what})`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw broken("not JSON");
  }
  if (!isObject(json) || !isObject(json.settings) || !isObject(json.state)) throw broken("settings or state missing");
  const { state } = json;
  const { settings } = settingsOf(
    new Arguments({ ...json.settings, secureBoot: json.settings.withoutSecureBoot === "bypassed" }),
  );
  const { prngSeed, keys } = state;
  if (typeof prngSeed !== "string" || !isHex(prngSeed, 16) || !Array.isArray(keys)) throw broken("state");
  return { settings, state: { version: 1, prngSeed, keys: keys.map((key) => keyRecord(key, broken)) } };
}

function keyRecord(json: unknown, broken: (what: string) => LineError): SheState["keys"][number] {
  if (!isObject(json)) throw broken("key");
  const given = new Arguments(json);
  const plain = (name: string) => ({ name, aliases: [] });
  const proof = isObject(json.proof) ? new Arguments(json.proof) : undefined;
  return {
    slot: given.uint(plain("slot"), 0x8f),
    key: toHex(given.bytes(plain("key"), 16)),
    counter: given.uint(plain("counter"), 0xfff_ffff),
    flags: given.uint(plain("flags"), 31),
    verifyOnly: given.boolean(plain("verifyOnly")) ?? false,
    ...(proof === undefined
      ? {}
      : { proof: { m4: toHex(proof.bytes(plain("m4"), 32)), m5: toHex(proof.bytes(plain("m5"), 16)) } }),
  };
}

/** A device together with the store that its every change goes to. */
export async function startDevice(
  settings: DeviceSettings,
  state: SheState,
  store: ConsoleStore,
  clock: Clock,
): Promise<SheDevice> {
  const memory = memoryStorage(state);
  const storage: SheStorage = {
    load: () => memory.load(),
    save: async (next) => {
      await store.save({ settings, state: next });
      await memory.save(next);
    },
  };
  const device = deviceOf(settings, storage, clock);
  await store.save({ settings, state });
  return device;
}
