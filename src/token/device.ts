/** One token as its process sees it: opened once, calls through a session pool. */
import type { StationError } from "../shared/errors.js";
import type { Secret } from "../shared/secret.js";
import { TokenBench } from "./bench.js";
import { CKA, CKF, CKM, CKO, type Cryptoki, type Handle, type TokenInfo } from "./cryptoki.js";
import { awaiting, calling, fault } from "./module.js";
import { CURVES, findKey, generateKeyPair, keyText, readSpki } from "./objects.js";
import type { KeyName, MechanismReport, TokenAddress, TokenCurve, TokenDescription, TokenUse } from "./protocol.js";
import { SessionPool } from "./sessions.js";
import { generateWrappingKey, unwrapValue, wrapValue } from "./wrapping.js";

interface MechanismRow {
  readonly name: string;
  readonly mechanism: number;
  /** What it must be able to do. */
  readonly flag: number;
  readonly purpose: string;
}

/** Mechanisms that this program asks a token for, by what it is used for. */
const MECHANISMS: Readonly<Record<TokenUse, readonly MechanismRow[]>> = {
  signing: [
    { name: "CKM_ECDSA", mechanism: CKM.ECDSA, flag: CKF.SIGN, purpose: "signing" },
    {
      name: "CKM_EC_KEY_PAIR_GEN",
      mechanism: CKM.EC_KEY_PAIR_GEN,
      flag: CKF.GENERATE_KEY_PAIR,
      purpose: "making key pairs",
    },
  ],
  wrapping: [
    { name: "CKM_AES_KEY_WRAP", mechanism: CKM.AES_KEY_WRAP, flag: CKF.WRAP | CKF.UNWRAP, purpose: "wrapping keys" },
    { name: "CKM_AES_KEY_GEN", mechanism: CKM.AES_KEY_GEN, flag: CKF.GENERATE, purpose: "making wrapping keys" },
  ],
  cmac: [{ name: "CKM_AES_CMAC", mechanism: CKM.AES_CMAC, flag: CKF.SIGN, purpose: "CMACs" }],
  cbc: [{ name: "CKM_AES_CBC", mechanism: CKM.AES_CBC, flag: CKF.ENCRYPT | CKF.DECRYPT, purpose: "AES-CBC" }],
  ecb: [{ name: "CKM_AES_ECB", mechanism: CKM.AES_ECB, flag: CKF.ENCRYPT | CKF.DECRYPT, purpose: "AES-ECB" }],
};
/** Sizes of EC keys; those of AES keys are told in bits by some tokens and in bytes by others. */
const KEY_BITS = { smallest: 256, largest: 521 } as const;

/** Labels and serial numbers are padded to their field with blanks, by some modules with zeros. */
const unpadded = (text: string) => text.replace(/[\0 ]+$/, "");

/** Room for r‖s on the largest curve. */
const SIGNATURE_BYTES = 2 * CURVES["P-521"].size;

export class TokenDevice {
  readonly #pool: SessionPool;
  /** Handles of private keys: those of token objects hold in every session. */
  readonly #keys = new Map<string, Handle>();

  private constructor(
    private readonly cryptoki: Cryptoki,
    private readonly slot: Handle,
    pin: Secret,
    sessions: number,
  ) {
    this.#pool = new SessionPool(cryptoki, slot, pin, sessions);
  }

  /** Finds the token and logs in. @throws StationError TOKEN_ABSENT, TOKEN_PIN_REFUSED, TOKEN_FAILED */
  static async open(cryptoki: Cryptoki, address: TokenAddress, pin: Secret, sessions: number): Promise<TokenDevice> {
    const device = new TokenDevice(cryptoki, findSlot(cryptoki, address), pin, sessions);
    await device.probe();
    return device;
  }

  /** r‖s over a digest. @throws StationError TOKEN_* */
  sign(key: KeyName, digest: Uint8Array): Promise<Uint8Array> {
    const { cryptoki } = this;
    return this.#pool.use(async (session) => {
      const handle = this.#privateKey(session, key);
      try {
        calling("C_SignInit", () => cryptoki.C_SignInit(session, { mechanism: CKM.ECDSA }, handle));
        const room = Buffer.alloc(SIGNATURE_BYTES);
        const signature = await awaiting("C_Sign", () => cryptoki.C_SignAsync(session, Buffer.from(digest), room));
        return new Uint8Array(signature);
      } catch (error) {
        this.#keys.delete(keyText(key));
        throw error;
      }
    });
  }

  /** SubjectPublicKeyInfo of a pair; null where neither half is there. */
  publicKey(key: KeyName): Promise<Uint8Array | null> {
    return this.#pool.use((session) => {
      const half = findKey(this.cryptoki, session, "PUBLIC_KEY", key);
      const other = findKey(this.cryptoki, session, "PRIVATE_KEY", key);
      // A token that is gone finds nothing either.
      if (half === undefined && other === undefined) this.#assertThere();
      if (half === undefined && other === undefined) return null;
      if (half === undefined || other === undefined) throw missing(key, half === undefined ? "public" : "private");
      return readSpki(this.cryptoki, session, half, key);
    });
  }

  generate(key: KeyName, curve: TokenCurve): Promise<Uint8Array> {
    return this.#pool.write(async (session) => {
      const handle = await generateKeyPair(this.cryptoki, session, key, curve);
      return readSpki(this.cryptoki, session, handle, key);
    });
  }

  hasWrappingKey(key: KeyName): Promise<boolean> {
    return this.#pool.use((session) => {
      const found = findKey(this.cryptoki, session, "SECRET_KEY", key) !== undefined;
      if (!found) this.#assertThere();
      return found;
    });
  }

  generateWrappingKey(key: KeyName): Promise<void> {
    return this.#pool.write((session) => generateWrappingKey(this.cryptoki, session, key));
  }

  async wrap(key: KeyName, value: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#pool.use((session) =>
        wrapValue(this.cryptoki, session, this.#wrappingKey(session, key), value),
      );
    } finally {
      value.fill(0);
    }
  }

  unwrap(key: KeyName, wrapped: Uint8Array): Promise<Uint8Array> {
    return this.#pool.use((session) => unwrapValue(this.cryptoki, session, this.#wrappingKey(session, key), wrapped));
  }

  /** Resolves where the token is there, logged in and takes sessions. */
  async probe(): Promise<void> {
    await this.#pool.use(() => this.#assertThere());
  }

  /** A read-write session for one piece of work, which is not repeated. */
  work<T>(run: (bench: TokenBench) => Promise<T>): Promise<T> {
    return this.#pool.write(async (session) => {
      try {
        return await run(new TokenBench(this.cryptoki, session));
      } finally {
        // A token that is gone finds nothing: what it did not find would be taken for empty, or for lost.
        this.#assertThere();
      }
    });
  }

  async describe(uses: readonly TokenUse[]): Promise<TokenDescription> {
    const info = this.#assertThere();
    const list = calling("C_GetMechanismList", () => this.cryptoki.C_GetMechanismList(this.slot));
    const ofUse = (use: TokenUse, { name, mechanism, flag, purpose }: MechanismRow): MechanismReport => {
      if (!list.includes(mechanism)) return { name, purpose, fault: "is missing" };
      const { flags, minKeySize, maxKeySize } = calling("C_GetMechanismInfo", () =>
        this.cryptoki.C_GetMechanismInfo(this.slot, mechanism),
      );
      if ((flags & flag) !== flag) return { name, purpose, fault: `cannot be used for ${purpose}` };
      if (use === "signing" && (minKeySize > KEY_BITS.smallest || maxKeySize < KEY_BITS.largest))
        return { name, purpose, fault: `takes keys of ${minKeySize}–${maxKeySize} bits alone (wanted 256 and 521)` };
      return { name, purpose };
    };
    const mechanisms = uses.flatMap((use) => MECHANISMS[use].map((row) => ofUse(use, row)));
    const [label, serial, model] = [info.label, info.serialNumber, info.model].map(unpadded);
    const objects = await this.work(async (bench) => {
      const count = (kind: number) => bench.find([{ type: CKA.CLASS, value: kind }]).length;
      const [keyPairs, secretKeys, certificates] = [CKO.PRIVATE_KEY, CKO.SECRET_KEY, CKO.CERTIFICATE].map(count);
      return { keyPairs: keyPairs ?? 0, secretKeys: secretKeys ?? 0, certificates: certificates ?? 0 };
    });
    const slots = this.#slots();
    return { label: label ?? "", serial: serial ?? "", model: model ?? "", mechanisms, objects, slots };
  }

  close(): void {
    try {
      this.cryptoki.C_Finalize();
      this.cryptoki.close();
    } catch {
      // Its process ends anyhow.
    }
  }

  #slots(): TokenDescription["slots"] {
    const { cryptoki } = this;
    const all = calling("C_GetSlotList", () => cryptoki.C_GetSlotList(true));
    const used = all.filter((slot) => {
      const { flags } = calling("C_GetTokenInfo", () => cryptoki.C_GetTokenInfo(slot));
      return (flags & CKF.TOKEN_INITIALIZED) !== 0;
    });
    return { used: used.length, free: all.length - used.length };
  }

  #assertThere(): TokenInfo {
    return calling("C_GetTokenInfo", () => this.cryptoki.C_GetTokenInfo(this.slot));
  }

  #wrappingKey(session: Handle, key: KeyName): Handle {
    const found = findKey(this.cryptoki, session, "SECRET_KEY", key);
    if (found !== undefined) return found;
    this.#assertThere();
    throw missing(key, "wrapping");
  }

  #privateKey(session: Handle, key: KeyName): Handle {
    const name = keyText(key);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const found = findKey(this.cryptoki, session, "PRIVATE_KEY", key);
    if (found === undefined) {
      this.#assertThere();
      throw missing(key, "private");
    }
    this.#keys.set(name, found);
    return found;
  }
}

function missing(key: KeyName, half: "public" | "private" | "wrapping"): StationError {
  return fault("TOKEN_KEY_MISSING", `there is no ${half} key ${keyText(key)}`);
}

/** Name of a token for texts. */
export function addressText({ token, serial, slot }: TokenAddress): string {
  const parts = [token, serial === undefined ? undefined : `serial ${serial}`];
  return [...parts, slot === undefined ? undefined : `slot ${slot}`].filter((part) => part !== undefined).join(", ");
}

/** Number of a slot: a CK_ULONG in the machine's own size and, on every machine that Node runs on, little-endian. */
function slotNumber(slot: Handle): bigint {
  return [...slot].reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** The slot that the token is in now: its id may change each time. */
function findSlot(cryptoki: Cryptoki, address: TokenAddress): Handle {
  const found = calling("C_GetSlotList", () => cryptoki.C_GetSlotList(true)).filter((slot) => {
    if (address.slot !== undefined && slotNumber(slot) !== BigInt(address.slot)) return false;
    const { label, serialNumber } = calling("C_GetTokenInfo", () => cryptoki.C_GetTokenInfo(slot));
    const { token = unpadded(label), serial = unpadded(serialNumber) } = address;
    return unpadded(label) === token && unpadded(serialNumber) === serial;
  });
  const [slot] = found;
  if (slot !== undefined && found.length === 1) return slot;
  const what = found.length === 0 ? "it is in no slot" : `${found.length} tokens have this label (give the serial)`;
  throw fault("TOKEN_ABSENT", what);
}
