/**
 * What is in a slot, as a data object of the token. Objects cannot be replaced in one step, so that each state of a slot is a generation
 * of objects under one CKA_ID, and the record names the one that holds. A new record stands beside the former one before that is
 * destroyed: whenever the process ends, the complete record of the highest sequence is the slot's state.
 */
import { createHash } from "node:crypto";
import type { Bench } from "../../token/bench.js";
import { type Attribute, CKA, CKO, type Handle } from "../../token/cryptoki.js";

/** State of a slot: what all have, and the slot's own. */
export type SlotRecord<T> = T & {
  /** Counts the slot's generations from 1. */
  readonly sequence: number;
  /** CKA_ID of the generation's objects, hex. */
  readonly id: string;
};

/** The record of a slot, and data objects of it that no longer count. */
export interface FoundRecord<T> {
  readonly current: SlotRecord<T> | undefined;
  readonly stale: readonly Handle[];
}

/** CKA_APPLICATION of all records of a unit. */
const application = (uid: string) => `ecustation ${uid}`;
const sum = (text: string) => createHash("sha256").update(text).digest("hex");

/** The last line is the SHA-256 of the one before: an object whose writing was cut off is none. */
function encode(record: SlotRecord<object>): Buffer {
  const text = JSON.stringify(record);
  return Buffer.from(`${text}\n${sum(text)}\n`);
}

function decode(value: Uint8Array): SlotRecord<object> | undefined {
  const [text = "", check] = Buffer.from(value).toString("utf8").split("\n");
  if (check !== sum(text)) return undefined;
  return JSON.parse(text) as SlotRecord<object>;
}

/** @param label the slot's */
export function readRecord<T>(bench: Bench, uid: string, label: string): FoundRecord<T> {
  let current: SlotRecord<object> | undefined;
  let holder: Handle | undefined;
  const objects = bench.find([...ofUnit(uid), { type: CKA.LABEL, value: label }]);
  for (const object of objects) {
    const [value = new Uint8Array()] = bench.read(object, [CKA.VALUE]);
    const record = decode(value);
    if (record === undefined || record.sequence <= (current?.sequence ?? 0)) continue;
    current = record;
    holder = object;
  }
  // Only this module writes them, each label with one kind of content.
  return { current: current as SlotRecord<T> | undefined, stale: objects.filter((object) => object !== holder) };
}

/** Labels of all slots of a unit that have a record. */
export function recordedLabels(bench: Bench, uid: string): ReadonlySet<string> {
  const labels = new Set<string>();
  for (const object of bench.find(ofUnit(uid))) {
    const [label = new Uint8Array(), value = new Uint8Array()] = bench.read(object, [CKA.LABEL, CKA.VALUE]);
    if (decode(value) !== undefined) labels.add(Buffer.from(label).toString("utf8"));
  }
  return labels;
}

/** Commits a slot's next state; the former one counts until this has returned. What it leaves behind is for `destroyAll`. */
export function commitRecord<T extends object>(bench: Bench, uid: string, label: string, record: SlotRecord<T>): void {
  bench.create([
    ...ofUnit(uid),
    { type: CKA.LABEL, value: label },
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.VALUE, value: encode(record) },
  ]);
}

export function destroyAll(bench: Bench, objects: readonly Handle[]): void {
  for (const object of objects) bench.destroy(object);
}

function ofUnit(uid: string): Attribute[] {
  return [
    { type: CKA.CLASS, value: CKO.DATA },
    { type: CKA.APPLICATION, value: application(uid) },
  ];
}
