/** What must hold of a load: in the answers alone, and between the answers and the stores. Each function gives what does not. */
import { X509Certificate } from "node:crypto";
import { fromHex, toHex } from "../../src/shared/bytes.js";
import { decodeUpdate, proofOf } from "../../src/she/update/index.js";
import { type Answer, type Book, type Exchange, hadEffect } from "./load.js";

/** Reads what is committed; the SQL is portable. */
export interface StoreReader {
  vpki<T extends object>(sql: string): Promise<T[]>;
  kms<T extends object>(sql: string): Promise<T[]>;
}

const FACTORY_KEY = "0".repeat(32);

/** A set as an ECU that knows the authorising key reads it. */
interface ReadSet {
  readonly exchange: Exchange;
  readonly uid: string;
  readonly slot: number;
  readonly counter: number;
  /** Hex. */
  readonly key: string;
}

interface Records {
  readonly M1: string;
  readonly M2: string;
  readonly M3: string;
  readonly M4: string;
  readonly M5: string;
}

/** What the answers say without any store; call it when all requests were answered. */
export function checkAnswers(book: Book): string[] {
  const found: string[] = [];
  for (const { exchange, again } of book.differing)
    found.push(
      `repeated with another answer: ${exchange.path} ${exchange.idempotencyKey}: ${show(exchange.answer)} then ${show(again)}`,
    );
  for (const exchange of book.answered) {
    const wanted = expectedOf(exchange);
    if (!wanted(exchange.answer))
      found.push(`${exchange.path} ${JSON.stringify(exchange.about)}: ${show(exchange.answer)}`);
  }
  found.push(
    ...twice(
      "serial",
      certificatesOf(book).map(({ serial }) => serial),
    ),
  );
  const sets = readSets(book, found);
  found.push(...checkCounters(sets), ...checkKeys(sets));
  return found;
}

const show = (answer: Answer | undefined) => `${answer?.status} ${answer?.body.slice(0, 200)}`;

function expectedOf({ about }: Exchange): (answer: Answer | undefined) => boolean {
  const ends = (status: number, text: RegExp) => (answer: Answer | undefined) =>
    answer?.status === status && text.test(answer.body);
  switch (about.kind) {
    case "issue":
    case "reissue":
      return about.expect === "cert" ? ends(200, /^\{"cert":"-----BEGIN/) : ends(403, /"Same key already used"/);
    case "revoke":
      return about.expect === "revoked" ? ends(200, /^\{\}$/) : ends(403, /"already revoked"/);
    case "set":
      return ends(200, /"ResultStatus":"Success".*"M5"/);
    case "result":
      return ends(200, /"ResultStatus":"Success"/);
  }
}

interface Certified {
  readonly exchange: Exchange;
  /** Lower-case hex. */
  readonly serial: string;
  readonly der: string;
}

const certified = new WeakMap<Exchange, Certified>();

/** Each answered request once, whatever was repeated. */
function certificatesOf(book: Book): Certified[] {
  return book.answered.flatMap((exchange) => {
    const known = certified.get(exchange);
    if (known !== undefined) return [known];
    const { about, answer } = exchange;
    if ((about.kind !== "issue" && about.kind !== "reissue") || answer?.status !== 200) return [];
    const certificate = new X509Certificate((JSON.parse(answer.body) as { cert: string }).cert);
    const spki = certificate.publicKey.export({ format: "der", type: "spki" }).toString("hex");
    if (spki !== about.spki)
      throw new Error(`certificate ${certificate.serialNumber} is for another key than the request's`);
    const serial = certificate.serialNumber.toLowerCase();
    const entry = { exchange, serial, der: certificate.raw.toString("base64") };
    certified.set(exchange, entry);
    return [entry];
  });
}

function twice(what: string, values: readonly string[]): string[] {
  const seen = new Set<string>();
  const doubled = new Set<string>();
  for (const value of values) (seen.has(value) ? doubled : seen).add(value);
  return [...doubled].map((value) => `${what} given twice: ${value}`);
}

/** Reads every set by the factory key or by a master key of an earlier set of that ECU. */
function readSets(book: Book, found: string[]): ReadSet[] {
  const masters = new Map<string, Set<string>>();
  const sets: ReadSet[] = [];
  let unread = book.answered.filter((exchange) => exchange.about.kind === "set" && hadEffect(exchange));
  for (let before = -1; unread.length !== before; ) {
    before = unread.length;
    unread = unread.filter((exchange) => {
      const set = readSet(exchange, masters);
      if (set === undefined) return true;
      sets.push(set);
      if (set.slot === 1) masters.set(set.uid, (masters.get(set.uid) ?? new Set()).add(set.key));
      return false;
    });
  }
  found.push(...unread.map(({ answer }) => `no key that was issued authorises this set: ${show(answer)}`));
  return sets;
}

const alreadyRead = new WeakMap<Exchange, ReadSet>();

function readSet(exchange: Exchange, masters: ReadonlyMap<string, ReadonlySet<string>>): ReadSet | undefined {
  const known = alreadyRead.get(exchange);
  if (known !== undefined) return known;
  const { about, answer } = exchange;
  if (about.kind !== "set" || answer === undefined) return undefined;
  const { M1, M2, M3, M4, M5 } = (JSON.parse(answer.body) as { Records: Records }).Records;
  for (const auth of [FACTORY_KEY, ...(masters.get(about.uid) ?? [])]) {
    const update = decodeUpdate(fromHex(M1), fromHex(M2), fromHex(M3), fromHex(auth));
    if (!update.macOk) continue;
    const proof = proofOf(update.uid, update, update.key, update.counter);
    const right = toHex(update.uid) === about.uid && toHex(proof.m4) === M4 && toHex(proof.m5) === M5;
    if (!right) throw new Error(`M1, M4 or M5 do not belong to the set: ${answer.body}`);
    const { keyId: slot, counter } = update;
    const set: ReadSet = { exchange, uid: about.uid, slot, counter, key: toHex(update.key) };
    alreadyRead.set(exchange, set);
    return set;
  }
  return undefined;
}

const slotOf = ({ uid, slot }: { uid: string; slot: number }) => `${uid}/${slot}`;

/** No counter of a slot twice, and none smaller than one that was answered before it was asked for. */
function checkCounters(sets: readonly ReadSet[]): string[] {
  const found = twice(
    "counter",
    sets.map((set) => `${slotOf(set)} ${set.counter}`),
  );
  for (const group of groups(sets, slotOf).values()) {
    const byAnswer = [...group].sort((a, b) => (a.exchange.answered ?? 0) - (b.exchange.answered ?? 0));
    let [highest, next] = [0, 0];
    for (const set of [...group].sort((a, b) => a.exchange.sent - b.exchange.sent)) {
      for (let earlier = byAnswer[next]; earlier !== undefined; earlier = byAnswer[++next]) {
        if ((earlier.exchange.answered ?? 0) > set.exchange.sent) break;
        highest = Math.max(highest, earlier.counter);
      }
      // A request that was not answered at first may have had its counter long before.
      if (set.counter <= highest && set.exchange.lost !== true)
        found.push(`counter ${set.counter} of ${slotOf(set)} behind ${highest}`);
    }
  }
  return found;
}

/** A fresh key for every set, but for clusters: one key each. */
function checkKeys(sets: readonly ReadSet[]): string[] {
  const isCluster = ({ exchange: { about } }: ReadSet) => about.kind === "set" && about.cluster;
  const own = sets.filter((set) => !isCluster(set)).map(({ key }) => key);
  const clusters = [...groups(sets.filter(isCluster), ({ slot }) => String(slot)).values()].map((group) => [
    ...new Set(group.map(({ key }) => key)),
  ]);
  const torn = clusters.filter((keys) => keys.length > 1).map((keys) => `a cluster has ${keys.length} keys`);
  return [...twice("key", [...own, ...clusters.flat()]), ...torn];
}

function groups<T>(list: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of list) {
    const group = found.get(keyOf(item));
    if (group === undefined) found.set(keyOf(item), [item]);
    else group.push(item);
  }
  return found;
}

/** What must not go back from one look at the stores to the next. */
export type Counters = Map<string, number>;

interface AuditRow {
  readonly action: string;
  readonly outcome: string;
  readonly details: string;
}
const AUDIT = "SELECT action, outcome, details FROM audit ORDER BY seq";
const detail = (row: AuditRow, name: string): unknown => (JSON.parse(row.details) as Record<string, unknown>)[name];

/** The vPKI's store against the book. */
export async function checkVpkiStore(book: Book, reader: StoreReader): Promise<string[]> {
  interface Row {
    serial: string;
    type: string;
    dn: string;
    certificate: string;
    revoked_at: number | string | null;
  }
  const rows = await reader.vpki<Row>("SELECT serial, type, dn, certificate, revoked_at FROM certificates");
  const audit = await reader.vpki<AuditRow>(AUDIT);
  const stored = new Map(rows.map((row) => [row.serial, row]));
  const issued = audit.filter(({ outcome }) => outcome === "issued").map((row) => String(detail(row, "serial")));
  const found = sameSet("certificate", [...stored.keys()], "audit row", issued);
  const certificates = certificatesOf(book);
  for (const { serial, der } of certificates)
    if (stored.get(serial)?.certificate !== der) found.push(`certificate ${serial} was given and is not in the store`);

  const revoked = new Set(
    audit.filter(({ outcome }) => outcome === "revoked").flatMap((row) => detail(row, "serials") as string[]),
  );
  for (const exchange of book.answered) {
    const { about } = exchange;
    if (about.kind !== "revoke" || !hadEffect(exchange)) continue;
    const before = certificates.filter(
      (other) =>
        "dn" in other.exchange.about &&
        other.exchange.about.dn === about.dn &&
        (other.exchange.answered ?? 0) < exchange.sent,
    );
    for (const { serial } of before) {
      if (stored.get(serial)?.revoked_at === null)
        found.push(`certificate ${serial} was revoked and is not in the store`);
      if (!revoked.has(serial)) found.push(`certificate ${serial} was revoked without an audit row`);
    }
  }
  return found;
}

/** The KMS's store against the book. @param counters what an earlier look saw; brought up to date */
export async function checkKmsStore(book: Book, reader: StoreReader, counters: Counters): Promise<string[]> {
  interface SetRow {
    id: string;
    uid: string;
    slot: number;
    counter: number | string;
    idempotency: string | null;
  }
  const sets = await reader.kms<SetRow>("SELECT id, uid, slot, counter, idempotency FROM sets ORDER BY uid, seq");
  const slots = await reader.kms<{ uid: string; slot: number; last_counter: number | string }>(
    "SELECT uid, slot, last_counter FROM slots",
  );
  const reports = await reader.kms<{ idempotency: string | null; status: string; set_id: string | null }>(
    "SELECT idempotency, status, set_id FROM reports",
  );
  const audit = await reader.kms<AuditRow>(AUDIT);
  const issued = audit.filter(({ outcome }) => outcome === "issued");
  const taken = audit.filter(({ action, outcome }) => action === "PUT key" && outcome === "taken");
  const found = sameSet(
    "set",
    sets.map(({ id }) => id),
    "audit row",
    issued.map((row) => String(detail(row, "set"))),
  );
  if (taken.length !== reports.length) found.push(`${reports.length} results, ${taken.length} audit rows of results`);

  const byKey = new Map(sets.map((set) => [set.idempotency, set]));
  const reportByKey = new Map(reports.map((report) => [report.idempotency, report]));
  for (const exchange of book.answered.filter(hadEffect)) {
    const { about, idempotencyKey, answer } = exchange;
    if (about.kind === "set" && byKey.get(idempotencyKey)?.id !== answer?.correlation)
      found.push(`set ${answer?.correlation} was given and is not in the store`);
    const report = about.kind === "result" ? reportByKey.get(idempotencyKey) : undefined;
    if (about.kind === "result" && (report?.set_id !== about.of || report.status !== about.status))
      found.push(`the result of ${about.of} was taken and is not in the store`);
  }
  const unread: string[] = [];
  for (const { exchange, counter } of readSets(book, unread))
    if (Number(byKey.get(exchange.idempotencyKey)?.counter) !== counter)
      found.push(`set ${exchange.answer?.correlation} has counter ${counter}, in the store another`);

  const highest = new Map<string, number>();
  for (const set of sets) {
    const before = highest.get(slotOf(set)) ?? 0;
    if (Number(set.counter) <= before) found.push(`counter ${set.counter} of ${slotOf(set)} behind ${before}`);
    highest.set(slotOf(set), Math.max(before, Number(set.counter)));
  }
  for (const slot of slots) {
    const last = Number(slot.last_counter);
    if (last !== highest.get(slotOf(slot))) found.push(`${slotOf(slot)}: last counter ${last}, of its sets another`);
    if (last < (counters.get(slotOf(slot)) ?? 0)) found.push(`${slotOf(slot)}: the counter went back to ${last}`);
    counters.set(slotOf(slot), last);
  }
  return found;
}

function sameSet(what: string, some: readonly string[], other: string, others: readonly string[]): string[] {
  const [left, right] = [new Set(some), new Set(others)];
  return [
    ...some.filter((id) => !right.has(id)).map((id) => `${what} ${id} without ${other}`),
    ...others.filter((id) => !left.has(id)).map((id) => `${other} ${id} without ${what}`),
    ...twice(other, others),
  ];
}
