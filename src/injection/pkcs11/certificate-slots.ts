/** Certificate slots of a unit in a token: key pairs, the leaf beside the key under one CKA_ID, issuing CAs and anchors. */
import { createHash, randomBytes } from "node:crypto";
import { equalBytes, toHex } from "../../shared/bytes.js";
import type { Bench } from "../../token/bench.js";
import { type Attribute, CATEGORY, CKA, CKC, CKO, type Handle } from "../../token/cryptoki.js";
import { fault } from "../../token/module.js";
import type { TokenCurve } from "../../token/token.js";
import type { CaObject, LeafObject, SlotCertificate } from "./calls.js";
import { commitRecord, destroyAll, readRecord, recordedLabels } from "./records.js";

interface LeafState {
  /** SHA-256 of the leaf, hex: a key in use may get another certificate. */
  readonly sha256: string;
}

const SLOT_COUNT = 8;
const ID_BYTES = 16;

export class CertificateSlots {
  constructor(
    private readonly bench: Bench,
    private readonly uid: string,
  ) {}

  /** Bit n is set where slot n holds a leaf. */
  filled(): number {
    const labels = recordedLabels(this.bench, this.uid);
    let map = 0;
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (labels.has(this.#label(slot))) map |= 1 << slot;
    return map;
  }

  async makePair(slot: number, curve: TokenCurve): Promise<{ id: string; spki: Uint8Array }> {
    const { bench } = this;
    const label = this.#label(slot);
    const inUse = readRecord<LeafState>(bench, this.uid, label).current?.id;
    for (const kind of [CKO.PRIVATE_KEY, CKO.PUBLIC_KEY])
      destroyAll(
        bench,
        bench.find([type(kind), labelled(label)]).filter((object) => this.#id(object) !== inUse),
      );
    const id = toHex(randomBytes(ID_BYTES));
    return { id, spki: await bench.generatePair({ label, id }, curve) };
  }

  install(
    slot: number,
    leaf: LeafObject,
    issuers: readonly CaObject[],
    anchors: readonly CaObject[],
  ): "DONE" | "KEY_MISMATCH" {
    const { bench, uid } = this;
    const label = this.#label(slot);
    const id = this.#pairOf(label, leaf.spki);
    if (id === undefined) return "KEY_MISMATCH";
    const former = readRecord<LeafState>(bench, uid, label).current;
    const sha256 = digest(leaf.value);
    const cas = [...this.#putCas(`${label} issuer`, issuers), ...this.#putCas(`${label} anchor`, anchors)];
    if (this.#leaf(label, id, sha256) === undefined) this.#put(label, id, leaf, CATEGORY.TOKEN_USER);
    if (former?.id !== id || former.sha256 !== sha256)
      commitRecord<LeafState>(bench, uid, label, { sequence: (former?.sequence ?? 0) + 1, id, sha256 });
    this.#clear(label, id, sha256, cas, former?.id);
    return "DONE";
  }

  /** The leaf and the key pair in use. @throws StationError TOKEN_OBJECTS_INVALID */
  certificate(slot: number): SlotCertificate | undefined {
    const { bench } = this;
    const label = this.#label(slot);
    const state = readRecord<LeafState>(bench, this.uid, label).current;
    if (state === undefined) return undefined;
    const { id, sha256 } = state;
    const leaf = this.#leaf(label, id, sha256);
    const [publicKey] = bench.find([type(CKO.PUBLIC_KEY), labelled(label), identified(id)]);
    if (leaf === undefined || publicKey === undefined) {
      const what = `${label} has a record, but no ${leaf === undefined ? "certificate" : "public key"}`;
      throw fault("TOKEN_OBJECTS_INVALID", what);
    }
    const [value = new Uint8Array()] = bench.read(leaf, [CKA.VALUE]);
    return { id, value, spki: bench.publicKey(publicKey, { label, id }) };
  }

  /** What the former state of the slot has left: leaves, CAs, and the pair that was in use. */
  #clear(label: string, id: string, sha256: string, cas: readonly Handle[], formerId: string | undefined): void {
    const { bench, uid } = this;
    destroyAll(bench, readRecord<LeafState>(bench, uid, label).stale);
    const kept = [...cas, this.#leaf(label, id, sha256)].map((object) => object && toHex(object));
    for (const name of [label, `${label} issuer`, `${label} anchor`])
      destroyAll(
        bench,
        bench.find([type(CKO.CERTIFICATE), labelled(name)]).filter((object) => !kept.includes(toHex(object))),
      );
    if (formerId === undefined || formerId === id) return;
    for (const kind of [CKO.PRIVATE_KEY, CKO.PUBLIC_KEY])
      destroyAll(bench, bench.find([type(kind), labelled(label), identified(formerId)]));
  }

  /** Id of the slot's pair, in use or waiting, that has this public key. */
  #pairOf(label: string, spki: Uint8Array): string | undefined {
    const { bench } = this;
    for (const object of bench.find([type(CKO.PUBLIC_KEY), labelled(label)])) {
      const id = this.#id(object);
      const whole = bench.find([type(CKO.PRIVATE_KEY), labelled(label), identified(id)]).length === 1;
      if (whole && equalBytes(bench.publicKey(object, { label, id }), spki)) return id;
    }
    return undefined;
  }

  #leaf(label: string, id: string, sha256: string): Handle | undefined {
    const { bench } = this;
    return bench
      .find([type(CKO.CERTIFICATE), labelled(label), identified(id)])
      .find((object) => digest(bench.read(object, [CKA.VALUE])[0] ?? new Uint8Array()) === sha256);
  }

  #putCas(label: string, cas: readonly CaObject[]): Handle[] {
    const { bench } = this;
    return cas.map((ca) => {
      const value = { type: CKA.VALUE, value: Buffer.from(ca.value) };
      const [known] = bench.find([type(CKO.CERTIFICATE), labelled(label), value]);
      return known ?? this.#put(label, ca.id, ca, CATEGORY.AUTHORITY);
    });
  }

  #put(label: string, id: string, certificate: Omit<LeafObject, "spki">, category: number): Handle {
    const { value, subject, issuer, serial } = certificate;
    return this.bench.create([
      type(CKO.CERTIFICATE),
      { type: CKA.CERTIFICATE_TYPE, value: CKC.X_509 },
      { type: CKA.CERTIFICATE_CATEGORY, value: category },
      { type: CKA.TOKEN, value: true },
      { type: CKA.PRIVATE, value: false },
      labelled(label),
      identified(id),
      { type: CKA.SUBJECT, value: Buffer.from(subject) },
      { type: CKA.ISSUER, value: Buffer.from(issuer) },
      { type: CKA.SERIAL_NUMBER, value: Buffer.from(serial) },
      { type: CKA.VALUE, value: Buffer.from(value) },
    ]);
  }

  #id(object: Handle): string {
    return toHex(this.bench.read(object, [CKA.ID])[0] ?? new Uint8Array());
  }

  #label(slot: number): string {
    return certificateLabel(this.uid, slot);
  }
}

/** Label of key pair and leaf. */
export function certificateLabel(uid: string, slot: number): string {
  return `${uid} cert-${slot}`;
}

const type = (value: number): Attribute => ({ type: CKA.CLASS, value });
const labelled = (value: string): Attribute => ({ type: CKA.LABEL, value });
const identified = (id: string): Attribute => ({ type: CKA.ID, value: Buffer.from(id, "hex") });
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
