/** The unit record: what a run knows of itself, with what people and programs look for gathered in one place. Pure. */
import type { RunRecord, StepRecord } from "../station/ports.js";

export interface CertificateEntry {
  readonly name: string;
  readonly type: string;
  readonly slot: number;
  readonly dn: string;
  /** Undefined where the step did not come to its end. */
  readonly serial?: string;
  /** ISO 8601. */
  readonly notAfter?: string;
  /** Of the DER, hex. */
  readonly sha256?: string;
  readonly operation?: "issue" | "reissue";
}

export interface KeyEntry {
  readonly name: string;
  readonly type: string;
  readonly keyId: string;
  readonly slot: string;
  /** Least counter that was asked for; SecOC keys only. */
  readonly counter?: number;
  /** Receipt of the load, hex; undefined where there was none. */
  readonly m4?: string;
  readonly m5?: string;
  readonly correlationId?: string;
}

export interface Rework {
  /** The run of this unit before this one; undefined where its record is not kept any more. */
  readonly previous?: string;
  /** How many runs of this unit there were before this one. */
  readonly attempts: number;
  /** Serials of the unit's certificates that were revoked. */
  readonly revoked: readonly string[];
}

export interface TraceEntry {
  /** Name in the folder of traces. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** By the station's key over the canonical JSON of the record without this member. */
export interface Signature {
  readonly alg: "Ed25519";
  /** SHA-256 of the public key's SubjectPublicKeyInfo, hex. */
  readonly key: string;
  /** Base64, 64 bytes. */
  readonly value: string;
}

export interface UnitRecord extends RunRecord {
  readonly schema: 2;
  readonly certificates: readonly CertificateEntry[];
  readonly keys: readonly KeyEntry[];
  readonly rework?: Rework;
  readonly traces: readonly TraceEntry[];
  /** Undefined until the traces are closed, and in records from before the station had a key. */
  readonly signature?: Signature;
}

type Facts = StepRecord["facts"];

const text = (facts: Facts, name: string) => {
  const value = facts[name];
  return typeof value === "string" ? { [name]: value } : {};
};

const number = (facts: Facts, name: string) => {
  const value = facts[name];
  return typeof value === "number" ? { [name]: value } : {};
};

function stepsOf(record: RunRecord, kind: string): { name: string; facts: Facts }[] {
  return record.steps.flatMap(({ step, facts }) =>
    step.startsWith(`${kind}:`) ? [{ name: step.slice(kind.length + 1), facts }] : [],
  );
}

/** A step that failed before it knew what it was about names no certificate. */
function certificatesOf(record: RunRecord): CertificateEntry[] {
  return stepsOf(record, "cert").flatMap(({ name, facts }) => {
    const { type, slot, dn, operation } = facts;
    if (typeof type !== "string" || typeof slot !== "number" || typeof dn !== "string") return [];
    const found = { ...text(facts, "serial"), ...text(facts, "notAfter"), ...text(facts, "sha256") };
    const entry: CertificateEntry = { name, type, slot, dn, ...found };
    return [operation === "issue" || operation === "reissue" ? { ...entry, operation } : entry];
  });
}

function keysOf(record: RunRecord): KeyEntry[] {
  return stepsOf(record, "key").flatMap(({ name, facts }) => {
    const { type, keyId, slot } = facts;
    if (typeof type !== "string" || typeof keyId !== "string" || typeof slot !== "string") return [];
    const receipt = { ...text(facts, "m4"), ...text(facts, "m5"), ...text(facts, "correlationId") };
    return [{ name, type, keyId, slot, ...number(facts, "counter"), ...receipt }];
  });
}

function reworkOf(record: RunRecord): { rework?: Rework } {
  const rework = record.steps.find(({ step }) => step === "identify")?.facts.rework;
  return rework === undefined ? {} : { rework: rework as Rework };
}

/** The record as it is published, without traces and signature as yet. */
export function unitRecord(record: RunRecord): UnitRecord {
  return {
    ...record,
    schema: 2,
    certificates: certificatesOf(record),
    keys: keysOf(record),
    ...reworkOf(record),
    traces: [],
  };
}

/** A stored record of any version, in the form of today. */
export function readUnitRecord(stored: string): UnitRecord {
  const record = JSON.parse(stored) as RunRecord | UnitRecord;
  return record.schema === 2 ? (record as UnitRecord) : unitRecord(record);
}
