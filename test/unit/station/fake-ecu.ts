/**
 * A tiny ECU behind the two ports: it keeps keys with counters and receipts, makes real key pairs and CSRs, and forgets nothing over a
 * reset. Its key updates are the fakes' own (`sealSet`), so that nothing of the product's SHE code is used.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { parseCertificate } from "../../../src/pki/certificate.js";
import { buildCsr, parseCsr } from "../../../src/pki/csr.js";
import { equalBytes, fromHex, toHex } from "../../../src/shared/bytes.js";
import { StationError } from "../../../src/shared/errors.js";
import type { EcuIdentity, EcuSession, InjectionTarget, KeyReceipt, KeyUpdate } from "../../../src/station/ports.js";

const hash = (...parts: (Uint8Array | string)[]) => {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return new Uint8Array(sum.digest());
};

export const BLANK_KEY = new Uint8Array(16);

export interface Sealed {
  slot: number;
  counter: number;
  key: Uint8Array;
  authoriser: Uint8Array;
  uid: Uint8Array;
}

/** The fakes' key update: m1 names UID and slot, m2 is the key and the counter in clear, m3 binds both to the authorising key. */
export function sealSet(sealed: Sealed): KeyUpdate & KeyReceipt {
  const m1 = new Uint8Array(16);
  m1.set(sealed.uid);
  m1[15] = (sealed.slot << 4) | 1;
  const m2 = new Uint8Array(32);
  m2.set(sealed.key);
  m2.set(hash("pad", sealed.key).subarray(0, 12), 16);
  new DataView(m2.buffer).setUint32(28, sealed.counter);
  return { m1, m2, m3: hash("m3", sealed.authoriser, m1, m2).slice(0, 16), ...receiptFor(m1, m2) };
}

function receiptFor(m1: Uint8Array, m2: Uint8Array): KeyReceipt {
  return { m4: hash("m4", m1, m2), m5: hash("m5", m1, m2).slice(0, 16) };
}

export function fakeMac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return hash("mac", key, data).slice(0, 16);
}

interface KeySlot {
  key: Uint8Array;
  counter: number;
  receipt: KeyReceipt;
}

interface Pair {
  privateKey: KeyObject;
  spki: Uint8Array;
  hash: "sha256" | "sha512";
}

const MASTER = 1;

/** What a test may make go wrong; each hook may throw before or after the work was done. */
export interface EcuFaults {
  beforeLoad?: (slot: number) => Promise<void> | void;
  afterLoad?: (slot: number) => Promise<void> | void;
  receipt?: (slot: number, receipt: KeyReceipt) => KeyReceipt;
  beforeProve?: () => void;
  beforeInstall?: () => void;
  afterInstall?: () => void;
  onClose?: (signal: AbortSignal) => Promise<void>;
  onReset?: (ecu: FakeEcu) => void;
  onCall?: (name: string, signal: AbortSignal) => Promise<void> | void;
  mac?: (mac: Uint8Array) => Uint8Array | undefined;
}

export class FakeEcu {
  readonly ecuId: string;
  vin: string | undefined;
  clock = 0;
  lifeCycle: "production" | "locked" = "production";
  texts = { partNumber: "91950-EV000", hwVersion: "HW-1.0", swVersion: "SW-2.3", systemName: "EVCC" };
  readonly keys = new Map<number, KeySlot>();
  readonly leaves = new Map<number, Uint8Array>();
  readonly calls: string[] = [];
  faults: EcuFaults = {};
  /** Loads that were stored. */
  stored = 0;
  opened = 0;
  closed = 0;
  #unlocked = false;
  readonly #pairs = new Map<number, Pair>();
  readonly #waiting = new Map<number, Pair>();

  constructor(serial = 2) {
    const uid = new Uint8Array(15);
    uid.set([0, 3, 0, 1]);
    uid[14] = serial;
    this.ecuId = `010203040506070801020304${toHex(uid)}`;
  }

  get uid(): Uint8Array {
    return fromHex(this.ecuId).subarray(12);
  }

  session(): EcuSession {
    const call = (name: string, signal: AbortSignal) => this.#call(name, signal);
    return {
      identify: async (signal) => {
        await call("identify", signal);
        return this.identity();
      },
      unlock: async (signal) => {
        await call("unlock", signal);
        this.#unlocked = true;
      },
      writeVin: async (vin, signal) => {
        await call("writeVin", signal);
        this.#need();
        this.vin = vin;
      },
      setClock: async (epochMs, signal) => {
        await call("setClock", signal);
        this.#need();
        this.clock = epochMs;
      },
      lock: async (signal) => {
        await call("lock", signal);
        this.#need();
        this.lifeCycle = "locked";
      },
      reset: async (signal, restart) => {
        await (restart === undefined ? call("reset", signal) : restart());
        this.#unlocked = false;
        this.faults.onReset?.(this);
      },
      close: async (signal) => {
        this.calls.push("close");
        this.#unlocked = false;
        await this.faults.onClose?.(signal);
        this.closed++;
      },
      timers: () => ({ P2: 12 }),
    };
  }

  identity(): EcuIdentity {
    const bits = (slots: Iterable<number>) => [...slots].reduce((sum, slot) => sum | (1 << slot), 0);
    const { lifeCycle } = this;
    const state = { lifeCycle, keySlots: bits(this.keys.keys()), certificateSlots: bits(this.leaves.keys()) };
    return { ...this.texts, serialNumber: "SN0001", vin: this.vin, ecuId: this.ecuId, state };
  }

  target(): InjectionTarget {
    return {
      makeCsr: async (request, signal) => {
        await this.#call("makeCsr", signal);
        this.#need();
        const pair = makePair(request.curve);
        this.#waiting.set(request.slot, pair);
        const { spki, privateKey } = pair;
        return buildCsr({
          subject: request.subject,
          publicKey: spki,
          attributes: request.attributes,
          hash: pair.hash,
          sign: async (tbs) => new Uint8Array(sign(pair.hash, tbs, privateKey)),
        });
      },
      readCertificate: async (slot, signal) => {
        await this.#call("readCertificate", signal);
        return this.leaves.get(slot);
      },
      installCertificate: async (slot, leaf, _chain, signal) => {
        await this.#call("installCertificate", signal);
        this.faults.beforeInstall?.();
        this.#need();
        const { spki } = parseCertificate(leaf);
        const pair = [this.#waiting.get(slot), this.#pairs.get(slot)].find((one) => one && equalBytes(one.spki, spki));
        if (pair === undefined)
          throw new StationError("TARGET_CERT_REFUSED", { details: { name: `${slot}`, status: "key does not match" } });
        this.#pairs.set(slot, pair);
        this.leaves.set(slot, leaf);
        this.faults.afterInstall?.();
      },
      prove: async (slot, challenge, signal) => {
        await this.#call("prove", signal);
        this.faults.beforeProve?.();
        const pair = this.#pairs.get(slot);
        if (pair === undefined) throw new Error("no pair");
        return new Uint8Array(sign(pair.hash, challenge, pair.privateKey));
      },
      loadKey: async (slot, set, signal) => {
        await this.#call("loadKey", signal);
        this.#need();
        await this.faults.beforeLoad?.(slot);
        const receipt = this.#load(slot, set);
        await this.faults.afterLoad?.(slot);
        return this.faults.receipt?.(slot, receipt) ?? receipt;
      },
      lastLoad: async (slot, signal) => {
        await this.#call("lastLoad", signal);
        this.#need();
        return this.keys.get(slot)?.receipt;
      },
      generateMac: async (slot, data, signal) => {
        await this.#call("generateMac", signal);
        this.#need();
        const held = this.keys.get(slot);
        if (held === undefined || slot < 4) return undefined;
        const mac = fakeMac(held.key, data);
        return this.faults.mac === undefined ? mac : this.faults.mac(mac);
      },
    };
  }

  #load(slot: number, set: KeyUpdate): KeyReceipt {
    const refuse = (status: string) => new StationError("TARGET_KEY_REFUSED", { details: { slot, status } });
    const master = this.keys.get(MASTER)?.key ?? BLANK_KEY;
    if (!equalBytes(set.m1.subarray(0, 15), this.uid) || (set.m1[15] ?? 0) >> 4 !== slot) throw refuse("KEY_INVALID");
    if (!equalBytes(set.m3, hash("m3", master, set.m1, set.m2).slice(0, 16))) throw refuse("KEY_UPDATE_ERROR");
    const counter = new DataView(set.m2.buffer, set.m2.byteOffset).getUint32(28);
    if (counter <= (this.keys.get(slot)?.counter ?? 0)) throw refuse("KEY_UPDATE_ERROR");
    const receipt = receiptFor(set.m1, set.m2);
    this.keys.set(slot, { key: set.m2.slice(0, 16), counter, receipt });
    this.stored++;
    return { m4: receipt.m4.slice(), m5: receipt.m5.slice() };
  }

  #need(): void {
    if (!this.#unlocked)
      throw new StationError("UDS_NEGATIVE_RESPONSE", { details: { service: "31", nrcName: "securityAccessDenied" } });
  }

  async #call(name: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.calls.push(name);
    await this.faults.onCall?.(name, signal);
  }
}

function makePair(curve: "P-256" | "P-521"): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
  const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
  return { privateKey, spki, hash: curve === "P-256" ? "sha256" : "sha512" };
}

/** SubjectPublicKeyInfo of a CSR in base64, by which the fake vPKI knows a key. */
export function keyOfCsr(der: Uint8Array): string {
  return Buffer.from(parseCsr(der).publicKey).toString("base64");
}
