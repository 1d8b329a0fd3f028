/**
 * A second SHE, written from the text for the tests alone: it takes the console's lines and says what the answer has to be.
 * Nothing of src/she or firmware-sim is used here. One command at a time, plain values, no regard for speed.
 */
import { cbc, cmac, compress, derive, ecb, unCbc, unEcb, ZERO } from "./aes.js";

export type Line = { readonly cmd: string } & Readonly<Record<string, unknown>>;
export type Answer = Readonly<Record<string, unknown>>;

export interface Settings {
  readonly uid: string;
  readonly blankKey: string;
  readonly secretKey: string;
  readonly prngSeed: string;
  readonly banks: number;
  readonly keyCount: number;
  readonly verifyOnly: boolean;
  /** A cycle without a checked BOOT_MAC counts as bypassed. */
  readonly secureBoot: boolean;
}

/** Letters of the flags that are set: Write, Boot, Debugger, Usage, wildCard, Verify only. */
type Flags = ReadonlySet<string>;
interface Slot {
  readonly key: Buffer;
  readonly counter: number;
  readonly flags: Flags;
}

const hex = (text: unknown): Buffer => Buffer.from(String(text), "hex");
const NOBODY: readonly number[] = [];
const KEYS = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
const zeros = (length: number) => "00".repeat(length);

/** What each command's outputs are on an error (4.7). */
export function zeroOutputs(line: Line): Answer {
  switch (line.cmd) {
    case "ENC_ECB":
    case "DEC_ECB":
    case "ENC_CBC":
    case "DEC_CBC":
      return { result: zeros(hex(line.data).length) };
    case "GENERATE_MAC":
    case "RND":
      return { result: zeros(16) };
    case "VERIFY_MAC":
      return { result: false };
    case "LOAD_KEY":
      return { M4: zeros(32), M5: zeros(16) };
    case "EXPORT_RAM_KEY":
      return { M1: zeros(16), M2: zeros(32), M3: zeros(16), M4: zeros(32), M5: zeros(16) };
    case "GET_ID":
      return { result: zeros(32), uid: zeros(15), sreg: "00", mac: zeros(16) };
    case "DEBUG":
      return line.authorization === undefined ? { result: zeros(16), challenge: zeros(16) } : {};
    default:
      return {};
  }
}

export class SheModel {
  readonly settings: Settings;
  slots = new Map<number, Slot>();
  seed: Buffer;
  ram: { readonly key: Buffer; readonly plain: boolean } | undefined;
  state: Buffer | undefined;
  challenge: Buffer | undefined;
  debugger = false;
  bootFailed = false;
  #debuggerSeen = false;
  #internal = false;
  #boot: "not run" | "no key" | "learnt" | "good" | "bad" = "not run";
  #finished = false;
  busy = false;
  /** Every write fails. */
  worn = false;

  constructor(settings: Settings) {
    this.settings = settings;
    this.seed = hex(settings.prngSeed);
    this.reset();
  }

  reset(): void {
    this.ram = undefined;
    this.state = undefined;
    this.challenge = undefined;
    this.#debuggerSeen = this.debugger;
    this.#internal = false;
    this.#boot = this.bootFailed ? "bad" : "not run";
    this.#finished = this.bootFailed;
  }

  /** The process ended and started again. */
  restart(): void {
    this.debugger = false;
    this.bootFailed = false;
    this.reset();
  }

  /** The answer to one line that makes sense. */
  answer(line: Line): Answer {
    const free = ["GET_STATUS", "CANCEL", "ENV", "RESET", "WAIT"].includes(line.cmd);
    const done = this.busy && !free ? "ERC_BUSY" : this.#perform(line);
    return typeof done === "string" ? { erc: done, ...zeroOutputs(line) } : { erc: "ERC_NO_ERROR", ...done };
  }

  #perform(line: Line): string | Answer {
    const slot = Number(line.keyId) + 16 * Number(line.bank ?? 0);
    const data = hex(line.data);
    const iv = hex(line.iv);
    const result = (key: string | Buffer, work: (key: Buffer) => Buffer): string | Answer =>
      typeof key === "string" ? key : { result: work(key).toString("hex") };
    switch (line.cmd) {
      case "ENC_ECB":
        return result(this.#key(slot, "cipher"), (key) => ecb(key, data));
      case "DEC_ECB":
        return result(this.#key(slot, "cipher"), (key) => unEcb(key, data));
      case "ENC_CBC":
        return result(this.#key(slot, "cipher"), (key) => cbc(key, iv, data));
      case "DEC_CBC":
        return result(this.#key(slot, "cipher"), (key) => unCbc(key, iv, data));
      case "GENERATE_MAC":
        return result(this.#key(slot, "generate"), (key) => cmac(key, data));
      case "VERIFY_MAC":
        return this.#verify(this.#key(slot, "verify"), data, hex(line.mac), Number(line.macLength));
      case "LOAD_KEY":
        return this.#load(hex(line.M1), hex(line.M2), hex(line.M3), Number(line.bank ?? 0));
      case "LOAD_PLAIN_KEY":
        this.ram = { key: hex(line.key), plain: true };
        return {};
      case "EXPORT_RAM_KEY":
        return this.#export();
      case "INIT_RNG":
      case "EXTEND_SEED":
      case "RND":
        return this.#random(line.cmd, hex(line.entropy));
      case "SECURE_BOOT":
        return this.#secureBoot(data);
      case "BOOT_OK":
      case "BOOT_FAILURE":
        return this.#finishBoot(line.cmd === "BOOT_OK");
      case "GET_ID":
        return this.#identity(hex(line.challenge));
      case "DEBUG":
        return line.authorization === undefined ? this.#challenge() : this.#debug(hex(line.authorization));
      case "GET_STATUS": {
        const bits = this.#bits();
        const sreg = this.#sreg().toString("hex");
        return { result: sreg, sreg, bits };
      }
      case "ENV":
        this.debugger = (line.debugger as boolean | undefined) ?? this.debugger;
        this.bootFailed = (line.bootFailed as boolean | undefined) ?? this.bootFailed;
        if (this.debugger) this.#debuggerSeen = true;
        if (this.bootFailed) this.#bootBad();
        return { debugger: this.debugger, bootFailed: this.bootFailed };
      case "RESET":
        this.reset();
        return { debugger: this.debugger, bootFailed: this.bootFailed };
      default:
        return {};
    }
  }

  // 4.4, Table 4.4: which key a command may use.
  #key(slot: number, use: "cipher" | "generate" | "verify"): string | Buffer {
    if (slot === 14) return this.ram?.key ?? "ERC_KEY_EMPTY";
    if (!this.#isKeyN(slot) && !(slot === 2 && use === "verify")) return "ERC_KEY_INVALID";
    const found = this.slots.get(slot);
    if (found === undefined) return "ERC_KEY_EMPTY";
    const { flags, key } = found;
    if (slot !== 2 && (use === "cipher") === flags.has("U")) return "ERC_KEY_INVALID";
    if (use === "generate" && flags.has("V")) return "ERC_KEY_INVALID";
    return this.#barred(flags) ? "ERC_KEY_NOT_AVAILABLE" : key;
  }

  /** KEY_1 to KEY_10 of a bank, as many as this device has. */
  #isKeyN(slot: number): boolean {
    const { banks, keyCount } = this.settings;
    const within = slot % 16;
    return slot >= 0 && Math.floor(slot / 16) <= banks && within >= 4 && within < 4 + keyCount;
  }

  // 4.4.1.2 and 4.4.1.3
  #barred(flags: Flags): boolean {
    const checked = this.#boot === "good" || this.#boot === "bad";
    const bootOk = checked ? this.#boot === "good" : !this.settings.secureBoot;
    return (flags.has("B") && !bootOk) || (flags.has("D") && this.#debuggerSeen);
  }

  #verify(key: string | Buffer, data: Buffer, mac: Buffer, length: number): string | Answer {
    if (typeof key === "string") return key;
    const bits = (bytes: Buffer) => [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const compared = length === 0 ? 128 : length;
    return { result: bits(cmac(key, data)).slice(0, compared) === bits(mac).slice(0, compared) };
  }

  #authorisers(slot: number): readonly number[] {
    const within = slot % 16;
    if (this.#isKeyN(slot)) return [1, within];
    if (slot === 1) return [1];
    if (slot === 2 || slot === 3) return [1, 2];
    return slot === 14 ? [0, ...KEYS] : NOBODY;
  }

  // 4.9.1, in its order.
  #load(m1: Buffer, m2: Buffer, m3: Buffer, bank: number): string | Answer {
    const [, uid = "", id = "", auth = ""] = /^(.{30})(.)(.)$/.exec(m1.toString("hex")) ?? [];
    const slot = Number.parseInt(id, 16) + 16 * bank;
    const authId = Number.parseInt(auth, 16);
    const authSlot = authId < 4 ? authId : authId + 16 * bank;
    const target = this.slots.get(slot);
    if (this.#authorisers(slot).length === 0) return "ERC_KEY_INVALID";
    if (target?.flags.has("W")) return "ERC_KEY_WRITE_PROTECTED";
    if (!this.#authorisers(slot).includes(authId)) return "ERC_KEY_INVALID";
    if (authId >= 4 && !this.#isKeyN(authSlot)) return "ERC_KEY_INVALID";
    const isSecret = authId === 0;
    if (!isSecret && !this.slots.has(authSlot) && authSlot !== slot) return "ERC_KEY_EMPTY";
    // SECRET_KEY has the flags of MASTER_ECU_KEY (Table 4.3).
    const protection = this.slots.get(isSecret ? 1 : authSlot)?.flags ?? new Set<string>();
    if (slot === 14 && this.#barred(protection)) return "ERC_KEY_NOT_AVAILABLE";
    const authKey = this.valueOf(authSlot);
    const [enc, mac] = bank === 0 ? [0x01, 0x02] : [0x71 + 16 * bank, 0x72 + 16 * bank];
    if (!cmac(derive(authKey, mac), Buffer.concat([m1, m2])).equals(m3)) return "ERC_KEY_UPDATE_ERROR";
    const wildcard = /^0+$/.test(uid);
    if (wildcard ? target?.flags.has("C") : uid !== this.settings.uid) return "ERC_KEY_UPDATE_ERROR";
    const plain = unCbc(derive(authKey, enc), ZERO, m2);
    const bits = BigInt(`0x${plain.toString("hex")}`)
      .toString(2)
      .padStart(256, "0");
    const counter = Number.parseInt(bits.slice(0, 28), 2);
    const key = plain.subarray(16);
    if (slot !== 14 && counter <= (target?.counter ?? 0)) return "ERC_KEY_UPDATE_ERROR";
    if (slot === 14) this.ram = { key, plain: false };
    else if (this.worn) return "ERC_MEMORY_FAILURE";
    else this.slots.set(slot, { key, counter, flags: this.#storedFlags(slot, bits.slice(28, 34)) });
    return this.#proof(`${this.settings.uid}${id}${auth}`, key, counter, enc, mac);
  }

  // Table 4.3
  #storedFlags(slot: number, bits: string): Flags {
    const kept = this.#isKeyN(slot) ? (this.settings.verifyOnly ? "WBDUCV" : "WBDUC") : slot === 1 ? "WBDC" : "WDC";
    return new Set([..."WBDUCV"].filter((flag, at) => bits[at] === "1" && kept.includes(flag)));
  }

  #proof(clear: string, key: Buffer, counter: number, enc: number, mac: number): Answer {
    const star = Buffer.from(`${counter.toString(16).padStart(7, "0")}8${zeros(12)}`, "hex");
    const m4 = Buffer.concat([hex(clear), ecb(derive(key, enc), star)]);
    return { M4: m4.toString("hex"), M5: cmac(derive(key, mac), m4).toString("hex") };
  }

  #export(): string | Answer {
    if (this.ram === undefined) return "ERC_KEY_EMPTY";
    if (!this.ram.plain) return "ERC_KEY_INVALID";
    if (this.#barred(this.slots.get(1)?.flags ?? new Set())) return "ERC_KEY_NOT_AVAILABLE";
    const secret = hex(this.settings.secretKey);
    const m1 = hex(`${this.settings.uid}e0`);
    const m2 = cbc(derive(secret, 1), ZERO, Buffer.concat([ZERO, this.ram.key]));
    const m3 = cmac(derive(secret, 2), Buffer.concat([m1, m2]));
    const proof = this.#proof(m1.toString("hex"), this.ram.key, 0, 1, 2);
    return { M1: m1.toString("hex"), M2: m2.toString("hex"), M3: m3.toString("hex"), ...proof };
  }

  // 4.5
  #random(command: string, entropy: Buffer): string | Answer {
    const secret = hex(this.settings.secretKey);
    if (command === "INIT_RNG") {
      if (this.state !== undefined) return "ERC_SEQUENCE_ERROR";
      if (this.worn) return "ERC_MEMORY_FAILURE";
      this.seed = ecb(derive(secret, 5), this.seed);
      this.state = this.seed;
      return {};
    }
    if (this.state === undefined) return "ERC_RNG_SEED";
    if (command === "RND") {
      this.state = ecb(derive(secret, 4), this.state);
      return { result: this.state.toString("hex") };
    }
    if (this.worn) return "ERC_MEMORY_FAILURE";
    this.state = compress(Buffer.concat([this.state, entropy]));
    this.seed = compress(Buffer.concat([this.seed, entropy]));
    return {};
  }

  /** BOOT_MAC of an image (4.10): zeros, its length in bits, the image. */
  bootMac(image: Buffer): Buffer {
    const size = (image.length * 8).toString(16).padStart(8, "0");
    return cmac(this.valueOf(2), Buffer.concat([hex(zeros(12) + size), image]));
  }

  #bootBad(): void {
    this.#boot = "bad";
    this.#finished = true;
  }

  #secureBoot(image: Buffer): string | Answer {
    if (this.#boot !== "not run") return "ERC_SEQUENCE_ERROR";
    const key = this.slots.get(2);
    const mac = this.slots.get(3);
    if (key === undefined) {
      this.#boot = "no key";
      return "ERC_NO_SECURE_BOOT";
    }
    if (this.#barred(key.flags) || (mac !== undefined && this.#barred(mac.flags))) {
      this.#bootBad();
      return "ERC_KEY_NOT_AVAILABLE";
    }
    if (mac === undefined) {
      if (this.worn) return "ERC_MEMORY_FAILURE";
      this.slots.set(3, { key: this.bootMac(image), counter: 0, flags: new Set() });
      this.#boot = "learnt";
    } else if (mac.key.equals(this.bootMac(image))) this.#boot = "good";
    else this.#bootBad();
    return {};
  }

  #finishBoot(ok: boolean): string | Answer {
    if (this.#finished) return "ERC_SEQUENCE_ERROR";
    if (this.#boot !== "good") return "ERC_NO_SECURE_BOOT";
    if (!ok) this.#boot = "bad";
    this.#finished = true;
    return {};
  }

  // 4.7.17
  #identity(challenge: Buffer): string | Answer {
    const master = this.slots.get(1);
    if (master !== undefined && this.#barred(master.flags)) return "ERC_KEY_NOT_AVAILABLE";
    const sreg = this.#sreg();
    const identity = Buffer.concat([hex(this.settings.uid), sreg]);
    const mac = master === undefined ? ZERO : cmac(master.key, Buffer.concat([challenge, identity]));
    const result = Buffer.concat([identity, mac]).toString("hex");
    return { result, uid: this.settings.uid, sreg: sreg.toString("hex"), mac: mac.toString("hex") };
  }

  // 4.7.19 and 4.11
  #noDebugging(): string | undefined {
    if (this.state === undefined) return "ERC_RNG_SEED";
    return [...this.slots.values()].some(({ flags }) => flags.has("W")) ? "ERC_KEY_WRITE_PROTECTED" : undefined;
  }

  #challenge(): string | Answer {
    const refused = this.#noDebugging();
    if (refused !== undefined) return refused;
    const { result } = this.#random("RND", ZERO) as { result: string };
    this.challenge = hex(result);
    return { result, challenge: result };
  }

  /** What opens the debugger after `challenge`. */
  authorization(): Buffer {
    return cmac(derive(this.valueOf(1), 3), Buffer.concat([this.challenge ?? ZERO, hex(this.settings.uid)]));
  }

  #debug(authorization: Buffer): string | Answer {
    const right = this.authorization();
    const asked = this.challenge !== undefined;
    this.challenge = undefined;
    const refused = this.#noDebugging();
    if (refused !== undefined) return refused;
    if (!asked) return "ERC_SEQUENCE_ERROR";
    if (!right.equals(authorization)) return "ERC_NO_DEBUGGING";
    if (this.worn) return "ERC_MEMORY_FAILURE";
    this.slots.clear();
    this.ram = undefined;
    this.state = undefined;
    this.#internal = true;
    return {};
  }

  // 4.6, bit 0 first.
  #bits(): string[] {
    const checked = this.#boot !== "not run" && this.#boot !== "no key";
    const all: [string, boolean][] = [
      ["BUSY", this.busy],
      ["SECURE_BOOT", checked],
      ["BOOT_INIT", this.#boot === "learnt"],
      ["BOOT_FINISHED", this.#finished],
      ["BOOT_OK", this.#boot === "good"],
      ["RND_INIT", this.state !== undefined],
      ["EXT_DEBUGGER", this.debugger],
      ["INT_DEBUGGER", this.#internal],
    ];
    return all.flatMap(([name, set]) => (set ? [name] : []));
  }

  #sreg(): Buffer {
    const order = "BUSY SECURE_BOOT BOOT_INIT BOOT_FINISHED BOOT_OK RND_INIT EXT_DEBUGGER INT_DEBUGGER".split(" ");
    return Buffer.from([this.#bits().reduce((sum, name) => sum + 2 ** order.indexOf(name), 0)]);
  }

  /** A key's value whatever protects it; the blank value of an empty slot. */
  valueOf(slot: number): Buffer {
    if (slot === 0) return hex(this.settings.secretKey);
    if (slot === 14) return this.ram?.key ?? ZERO;
    return this.slots.get(slot)?.key ?? hex(this.settings.blankKey);
  }
}
