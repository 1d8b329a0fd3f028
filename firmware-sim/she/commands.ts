/** The commands of the SHE console: name, arguments and answer of each, as a table. */

import { concat, fromHex, isHex, toHex } from "../../src/shared/bytes.js";
import { type Erc, SREG } from "../../src/she/codec/index.js";
import type { SheDevice } from "./device.js";
import type { DataResult } from "./types.js";

export type Json = Readonly<Record<string, unknown>>;
export type Answer = { readonly erc: Erc } & Json;

/** What a line gets wrong; its text is the console's answer. */
export class LineError extends Error {}

interface Field {
  readonly name: string;
  readonly aliases: readonly string[];
}

const field = (name: string, ...aliases: string[]): Field => ({ name, aliases });

const KEY_ID = field("keyId", "slot", "id", "keySlot");
const BANK = field("bank");
const DATA = field("data", "message", "msg", "plaintext", "ciphertext", "text", "input");
const IV = field("iv");
const MAC = field("mac", "expected");
const MAC_LENGTH = field("macLength", "length", "macLen");
const KEY = field("key", "plainKey", "value", "data");
const ENTROPY = field("entropy", "data", "seed");
const CHALLENGE = field("challenge", "data");
const AUTHORIZATION = field("authorization", "authorisation", "auth", "response");

/** Letters and digits alone, lower case: `CMD_ENC_ECB`, `enc-ecb` and `EncEcb` are the same. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** One line's arguments; every reader throws LineError naming the field. */
export class Arguments {
  readonly #values = new Map<string, unknown>();

  constructor(line: Json) {
    for (const [name, value] of Object.entries(line)) this.#values.set(plainName(name), value);
  }

  has(what: Field): boolean {
    return this.#find(what) !== undefined;
  }

  /** @param length wanted number of bytes; any when left out */
  bytes(what: Field, length?: number): Uint8Array {
    const value = this.#find(what);
    if (value === undefined) throw new LineError(`${what.name}: missing`);
    if (typeof value !== "string" || !isHex(value, length)) {
      throw new LineError(`${what.name}: ${length === undefined ? "whole bytes" : `${length} bytes`} as hex wanted`);
    }
    return fromHex(value);
  }

  uint(what: Field, max: number, preset?: number): number {
    const value = this.#find(what) ?? preset;
    if (value === undefined) throw new LineError(`${what.name}: missing`);
    const number = typeof value === "string" && /^(?:0x[\da-f]+|\d+)$/i.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number) || number < 0 || number > max) {
      throw new LineError(`${what.name}: an integer 0..${max} wanted`);
    }
    return number;
  }

  boolean(what: Field): boolean | undefined {
    const value = this.#find(what);
    if (value === undefined || typeof value === "boolean") return value;
    if (value === 0 || value === 1) return value === 1;
    throw new LineError(`${what.name}: true or false wanted`);
  }

  /** Integers 0..max by name; an empty object when left out. */
  uints(what: Field, names: readonly string[], max: number): Record<string, number> {
    const value = this.#find(what) ?? {};
    if (typeof value !== "object" || Array.isArray(value)) throw new LineError(`${what.name}: an object wanted`);
    const found: Record<string, number> = {};
    for (const [given, number] of Object.entries(value)) {
      const name = names.find((each) => plainName(each) === plainName(given).replace(/^cmd/, ""));
      if (name === undefined)
        throw new LineError(`${what.name}: ${JSON.stringify(given)} is none of ${names.join(" ")}`);
      found[name] = new Arguments({ [given]: number }).uint({ name: given, aliases: [] }, max);
    }
    return found;
  }

  /** Address of a slot: keyId 0–15 in the bank given, or SPSDK's numbers (0x14 = slot 4 of bank 1). */
  slot(): number {
    return this.uint(KEY_ID, 0x8f) + 16 * this.uint(BANK, 8, 0);
  }

  /** The value of a name or one of its aliases; `null` counts as absent. */
  #find(what: Field): unknown {
    for (const name of [what.name, ...what.aliases]) {
      const value = this.#values.get(plainName(name));
      if (value !== undefined && value !== null) return value;
    }
    return undefined;
  }
}

export interface ConsoleCommand {
  readonly name: string;
  readonly aliases: readonly string[];
  run(device: SheDevice, given: Arguments): Promise<Answer> | Answer;
}

const command = (name: string, run: ConsoleCommand["run"], ...aliases: string[]): ConsoleCommand => ({
  name,
  aliases,
  run,
});

const result = ({ erc, data }: DataResult): Answer => ({ erc, result: toHex(data) });
const dataResult = async (work: Promise<DataResult>): Promise<Answer> => result(await work);
const byte = (value: number): string => toHex(Uint8Array.of(value));

function bitNames(sreg: number): string[] {
  return Object.entries(SREG).flatMap(([name, bit]) => ((sreg & bit) !== 0 ? [name] : []));
}

function environment(device: SheDevice): Answer {
  return { erc: "ERC_NO_ERROR", ...device.environment };
}

/** Every command of the SHE, then ENV, RESET and WAIT; NEW belongs to the console itself. */
export const CONSOLE_COMMANDS: readonly ConsoleCommand[] = [
  command("ENC_ECB", (she, given) => dataResult(she.encEcb(given.slot(), given.bytes(DATA))), "ENCRYPT_ECB"),
  command("DEC_ECB", (she, given) => dataResult(she.decEcb(given.slot(), given.bytes(DATA))), "DECRYPT_ECB"),
  command(
    "ENC_CBC",
    (she, given) => dataResult(she.encCbc(given.slot(), given.bytes(IV, 16), given.bytes(DATA))),
    "ENCRYPT_CBC",
  ),
  command(
    "DEC_CBC",
    (she, given) => dataResult(she.decCbc(given.slot(), given.bytes(IV, 16), given.bytes(DATA))),
    "DECRYPT_CBC",
  ),
  command("GENERATE_MAC", (she, given) => dataResult(she.generateMac(given.slot(), given.bytes(DATA))), "GEN_MAC"),
  command("VERIFY_MAC", async (she, given) => {
    const mac = given.bytes(MAC);
    if (mac.length < 1 || mac.length > 16) throw new LineError("mac: 1 to 16 bytes as hex wanted");
    const length = given.uint(MAC_LENGTH, 128, mac.length * 8);
    const { erc, verified } = await she.verifyMac(given.slot(), given.bytes(DATA), mac, length);
    return { erc, result: verified };
  }),
  command("LOAD_KEY", async (she, given) => {
    const [m1, m2, m3] = [given.bytes(field("M1"), 16), given.bytes(field("M2"), 32), given.bytes(field("M3"), 16)];
    const answer = await she.loadKey({ m1, m2, m3, bank: given.uint(BANK, 8, 0) });
    return { erc: answer.erc, M4: toHex(answer.m4), M5: toHex(answer.m5) };
  }),
  command("LOAD_PLAIN_KEY", (she, given) => she.loadPlainKey(given.bytes(KEY, 16))),
  command("EXPORT_RAM_KEY", async (she) => {
    const { erc, m1, m2, m3, m4, m5 } = await she.exportRamKey();
    return { erc, M1: toHex(m1), M2: toHex(m2), M3: toHex(m3), M4: toHex(m4), M5: toHex(m5) };
  }),
  command("INIT_RNG", (she) => she.initRng(), "INIT_RND"),
  command("EXTEND_SEED", (she, given) => she.extendSeed(given.bytes(ENTROPY, 16)), "EXTEND_PRNG_SEED"),
  command("RND", (she) => dataResult(she.rnd()), "GET_RND", "RANDOM"),
  command("SECURE_BOOT", (she, given) => she.secureBoot(given.bytes(DATA))),
  command("BOOT_FAILURE", (she) => she.bootFailure()),
  command("BOOT_OK", (she) => she.bootOk()),
  command(
    "GET_STATUS",
    (she) => {
      const { erc, sreg } = she.getStatus();
      return { erc, result: byte(sreg), sreg: byte(sreg), bits: bitNames(sreg) };
    },
    "STATUS",
  ),
  command("GET_ID", async (she, given) => {
    const { erc, uid, sreg, mac } = await she.getId(given.bytes(CHALLENGE, 16));
    const all = toHex(concat(uid, Uint8Array.of(sreg), mac));
    return { erc, result: all, uid: toHex(uid), sreg: byte(sreg), mac: toHex(mac) };
  }),
  command("CANCEL", (she) => she.cancel()),
  command("DEBUG", async (she, given) => {
    if (given.has(AUTHORIZATION)) return she.debugAuthorize(given.bytes(AUTHORIZATION, 16));
    const { erc, data } = await she.debugChallenge();
    return { erc, result: toHex(data), challenge: toHex(data) };
  }),
  command(
    "ENV",
    (she, given) => {
      const attached = given.boolean(field("debugger"));
      const bootFailed = given.boolean(field("bootFailed"));
      she.setEnvironment({
        ...(attached === undefined ? {} : { debugger: attached }),
        ...(bootFailed === undefined ? {} : { bootFailed }),
      });
      return environment(she);
    },
    "ENVIRONMENT",
  ),
  command("RESET", async (she) => {
    she.reset();
    await she.idle();
    return environment(she);
  }),
  command("WAIT", async (she) => {
    await she.idle();
    return { erc: "ERC_NO_ERROR" };
  }),
];
