/** Requests to the fifteen endpoints of the vPKI: good ones and what becomes of them. */
import { createECDH, createHash, createPrivateKey, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { VPKI_OPERATIONS, type VpkiOperation, type VpkiType, vpkiPath } from "../../src/contract/vpki.js";
import { buildCsr, type CsrAttribute, encodeAttributes } from "../../src/pki/csr.js";
import { bitString, oid, readAll, readWhole, sequence, TAG, textNode, tlv } from "../../src/pki/der.js";
import { publicKeyOf, signatureAlgorithm, signer } from "../../src/pki/keys.js";
import { encodeName, parseDn } from "../../src/pki/names.js";
import { CERTIFICATE_TYPES, certificateTypes } from "../../src/pki/types.js";
import { changeDer, type DerChange, derChange } from "./der-mutate.js";
import {
  bodyOf,
  type Case,
  fieldsOf,
  type HeaderPlan,
  hasOwnKey,
  headerPlan,
  isPlain,
  type JsonChange,
  jsonChange,
  nasty,
} from "./http-cases.js";
import { seedFor } from "./seed.js";
import { dnText, pemOf } from "./vpki-texts.js";

const CURVES = {
  "P-256": { name: "prime256v1", size: 32 },
  "P-521": { name: "secp521r1", size: 66 },
} as const;

/** A key that follows from a text, so that a case can be made again. */
function keyFrom(text: string, curve: keyof typeof CURVES): KeyObject {
  const { name, size } = CURVES[curve];
  const d = Buffer.alloc(size);
  createHash("sha256")
    .update(text)
    .digest()
    .copy(d, size - 32);
  const ecdh = createECDH(name);
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)].map((half) => half.toString("base64url"));
  return createPrivateKey({
    key: { kty: "EC", crv: curve, d: d.toString("base64url"), x: x ?? "", y: y ?? "" },
    format: "jwk",
  });
}

/** CSRs of keys that are used many times over, and the names in them, one list a type. */
interface Known {
  readonly dn: string;
  readonly key: KeyObject;
  readonly csr: Uint8Array;
}
const KNOWN = 16;
const ATTRIBUTES: readonly CsrAttribute[] = [
  { oid: "1.3.6.1.1.1.1.18", type: "utf8", value: "17" },
  { oid: "1.3.6.1.1.1.1.19", type: "utf8", value: "FAKE_IP" },
  { oid: "1.3.6.1.1.1.1.22", type: "utf8", value: "38-BA-F8-06-00-9A" },
  { oid: "1.2.840.113549.1.9.7", type: "ia5", value: "Test Challenge Password!" },
];

function dnOf(type: VpkiType, number: string): string {
  const root = CERTIFICATE_TYPES[type].subject[0];
  const first = root !== undefined && "is" in root ? `${root.type.toLowerCase()}=${root.is}` : "";
  return `cn=${number},ou=P001,ou=C001,ou=ECC,o=HKMC,${first}`;
}

/** PCIDs are of 17 or 18 letters and digits, names of vehicles of 20. */
const LENGTHS: Partial<Record<VpkiType, number>> = { "vehicle-15118-20": 20 };
const serialOf = (type: VpkiType, number: number) =>
  `F${number
    .toString(36)
    .toUpperCase()
    .padStart((LENGTHS[type] ?? 18) - 1, "0")}`;

export interface VpkiWorld {
  readonly known: Readonly<Record<VpkiType, readonly Known[]>>;
  /** A number that no other case of the sweep has. */
  next(): number;
}

/** @param name tells worlds on the same stores apart */
export async function vpkiWorld(name: string): Promise<VpkiWorld> {
  let number = 0;
  const known = {} as Record<VpkiType, Known[]>;
  for (const type of certificateTypes) {
    known[type] = await Promise.all(
      Array.from({ length: KNOWN }, async (_, i) => {
        const dn = dnOf(type, serialOf(type, (seedFor(name) % 46_656) * 100 + i));
        const key = keyFrom(`${name}/${type}/${i}`, CERTIFICATE_TYPES[type].curve);
        return { dn, key, csr: await csrOf(type, dn, key, i % 2 === 0 ? [] : ATTRIBUTES) };
      }),
    );
  }
  return { known, next: () => ++number };
}

function csrOf(type: VpkiType, dn: string, key: KeyObject, attributes: readonly CsrAttribute[]): Promise<Uint8Array> {
  const { hash } = CERTIFICATE_TYPES[type];
  return buildCsr({
    subject: encodeName(parseDn(dn)),
    publicKey: publicKeyOf(key).spki,
    attributes: encodeAttributes(attributes),
    hash,
    sign: signer(key, hash),
  });
}

type Codes = "unitCode" | "tierCode" | "vehicleCode" | "localCode" | "brandCode";
const CODES: Readonly<Record<Codes, string>> = {
  unitCode: "C001",
  tierCode: "P001",
  vehicleCode: "SX2",
  localCode: "KR",
  brandCode: "HMC",
};

type Csr =
  /** A known CSR as it is. */
  | { readonly kind: "known" }
  /** A new key, for a known or a new name: nothing is wrong with it. */
  | { readonly kind: "fresh"; readonly knownName: boolean }
  /** Another type's. */
  | { readonly kind: "foreign"; readonly type: VpkiType }
  /** Another name, signed or not. */
  | { readonly kind: "name"; readonly changes: readonly NameChange[]; readonly sign: boolean }
  /** Changed bytes under a signature that is right again, or not. */
  | { readonly kind: "der"; readonly changes: readonly DerChange[]; readonly sign: boolean }
  | { readonly kind: "text"; readonly text: string };

interface NameChange {
  readonly kind: "drop" | "double" | "swap" | "value" | "tag" | "type" | "many" | "two" | "case";
  readonly at: number;
  readonly text: string;
  readonly tag: number;
}

const nameChange = fc.record({
  kind: fc.constantFrom<NameChange["kind"]>(
    "drop",
    "double",
    "swap",
    "value",
    "value",
    "tag",
    "type",
    "many",
    "two",
    "case",
  ),
  at: fc.nat(6),
  text: nasty,
  tag: fc.constantFrom(
    TAG.UTF8_STRING,
    TAG.PRINTABLE_STRING,
    TAG.TELETEX_STRING,
    TAG.BMP_STRING,
    TAG.IA5_STRING,
    TAG.INTEGER,
    0xa3,
  ),
});

interface IssuePlan {
  readonly which: number;
  readonly csr: Csr;
  readonly pem: number;
  readonly pemAt: number;
  readonly code: { readonly field: Codes; readonly value: string } | undefined;
  readonly json: JsonChange;
  readonly headers: HeaderPlan;
}

/** How often a case makes the server sign: P-521 costs ten times as much as P-256. */
const SIGNED = { "P-256": { fresh: 10, sign: 2 }, "P-521": { fresh: 2, sign: 10 } } as const;

function issuePlan(type: VpkiType): fc.Arbitrary<IssuePlan> {
  const { fresh, sign } = SIGNED[CERTIFICATE_TYPES[type].curve];
  const signed = fc.nat(sign).map((n) => n === 0);
  return fc.record({
    which: fc.nat(KNOWN - 1),
    csr: fc.oneof<fc.MaybeWeightedArbitrary<Csr>[]>(
      { weight: 12, arbitrary: fc.constant({ kind: "known" }) },
      { weight: fresh, arbitrary: fc.record({ kind: fc.constant("fresh" as const), knownName: fc.boolean() }) },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("foreign" as const), type: fc.constantFrom(...certificateTypes) }),
      },
      {
        weight: 25,
        arbitrary: fc.record({
          kind: fc.constant("name" as const),
          changes: fc.array(nameChange, { minLength: 1, maxLength: 2 }),
          sign: signed,
        }),
      },
      {
        weight: 45,
        arbitrary: fc.record({
          kind: fc.constant("der" as const),
          changes: fc.array(derChange(nasty), { minLength: 1, maxLength: 3 }),
          sign: signed,
        }),
      },
      { weight: 3, arbitrary: nasty.map((text) => ({ kind: "text" as const, text })) },
    ),
    pem: fc.oneof({ weight: 4, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.nat(17) }),
    pemAt: fc.nat(2_000),
    code: fc.option(
      fc.record({
        field: fc.constantFrom(...(Object.keys(CODES) as Codes[])),
        value: fc.oneof(fc.constantFrom("C002", "P002", "c001", " C001", "ＳＸ２"), nasty),
      }),
      { nil: undefined, freq: 8 },
    ),
    json: jsonChange,
    headers: headerPlan,
  });
}

const plain = ({ code, json, pem, headers }: IssuePlan) =>
  code === undefined && json.kind === "none" && pem < 5 && isPlain(headers);

async function issueCase(type: VpkiType, operation: VpkiOperation, plan: IssuePlan, world: VpkiWorld): Promise<Case> {
  const der = await derOf(type, plan, world);
  const csr = typeof der === "string" ? der : pemOf(der, plan.pem, plan.pemAt);
  const codes = plan.code === undefined ? CODES : { ...CODES, [plan.code.field]: plan.code.value };
  const fresh = plan.csr.kind === "fresh" && (operation === "issue" || plan.csr.knownName);
  return {
    endpoint: vpkiPath(type, operation),
    method: "POST",
    url: vpkiPath(type, operation),
    headers: plan.headers,
    body: bodyOf(fieldsOf({ csr, ...codes }), plan.json),
    good: fresh && plain(plan),
    twice: hasOwnKey(plan.headers),
  };
}

async function derOf(type: VpkiType, { csr, which }: IssuePlan, world: VpkiWorld): Promise<Uint8Array | string> {
  const known = world.known[type][which];
  if (known === undefined) throw new Error("no known request");
  switch (csr.kind) {
    case "known":
      return known.csr;
    case "foreign":
      return world.known[csr.type][which]?.csr ?? known.csr;
    case "fresh": {
      const number = world.next();
      const dn = csr.knownName ? known.dn : dnOf(type, serialOf(type, seedFor("fresh") * 1_000 + number));
      return csrOf(type, dn, keyFrom(`fresh/${seedFor(known.dn)}/${number}`, CERTIFICATE_TYPES[type].curve), []);
    }
    case "name": {
      const tbs = requestInfo(nameOf(known.dn, csr.changes), publicKeyOf(known.key).spki);
      return withSignature(type, tbs, known, csr.sign);
    }
    case "der":
      if (!csr.sign) return changeDer(known.csr, csr.changes);
      return withSignature(type, changeDer(infoOf(known.csr), csr.changes), known, true);
    case "text":
      return csr.text;
  }
}

const requestInfo = (name: Uint8Array, spki: Uint8Array) =>
  sequence(Uint8Array.of(TAG.INTEGER, 1, 0), name, spki, tlv(0xa0));

/** The signed part of a request that is well formed. */
const infoOf = (csr: Uint8Array) => readAll(readWhole(csr).content)[0]?.raw ?? csr;

async function withSignature(type: VpkiType, tbs: Uint8Array, { key }: Known, right: boolean): Promise<Uint8Array> {
  const { hash } = CERTIFICATE_TYPES[type];
  const signature = right ? await signer(key, hash)(tbs) : sequence(Uint8Array.of(2, 1, 1), Uint8Array.of(2, 1, 1));
  return sequence(tbs, signatureAlgorithm(hash), bitString(signature));
}

function nameOf(dn: string, changes: readonly NameChange[]): Uint8Array {
  let rdns: Uint8Array[] = parseDn(dn).map((attribute) => encodeName([attribute]).slice(2));
  for (const { kind, at, text, tag } of changes) {
    const index = at % Math.max(1, rdns.length);
    const type = oid(
      kind === "type"
        ? "2.5.4.99"
        : (["2.5.4.3", "2.5.4.11", "2.5.4.10", "0.9.2342.19200300.100.1.25"][at % 4] ?? "2.5.4.3"),
    );
    const rdn = (value: string, as = tag) => tlv(TAG.SET, sequence(type, textNode(as, value)));
    if (kind === "drop") rdns.splice(index, 1);
    else if (kind === "double") rdns.splice(index, 0, rdns[index] ?? new Uint8Array());
    else if (kind === "swap") rdns.reverse();
    else if (kind === "many") rdns = [...rdns, ...Array.from({ length: 60 + at }, () => rdn(text, TAG.UTF8_STRING))];
    else if (kind === "two") rdns[index] = tlv(TAG.SET, ...rdns.slice(0, 2).map((one) => one.slice(2)));
    else if (kind === "case") rdns[rdns.length - 1] = rdn(text.toLowerCase(), TAG.UTF8_STRING);
    else if (kind === "value")
      rdns[rdns.length - 1] = tlv(TAG.SET, sequence(oid("2.5.4.3"), textNode(TAG.UTF8_STRING, text)));
    else rdns[index] = rdn(text);
  }
  return sequence(...rdns);
}

interface RevokePlan {
  readonly which: number;
  readonly type: VpkiType | undefined;
  readonly how: number;
  readonly at: number;
  readonly text: string;
  readonly json: JsonChange;
  readonly headers: HeaderPlan;
}

const revokePlan: fc.Arbitrary<RevokePlan> = fc.record({
  which: fc.nat(KNOWN - 1),
  type: fc.option(fc.constantFrom(...certificateTypes), { nil: undefined, freq: 4 }),
  how: fc.nat(17),
  at: fc.nat(200),
  text: nasty,
  json: jsonChange,
  headers: headerPlan,
});

function revokeCase(type: VpkiType, plan: RevokePlan, world: VpkiWorld): Case {
  const dn = world.known[plan.type ?? type][plan.which]?.dn ?? "";
  return {
    endpoint: vpkiPath(type, "revoke"),
    method: "POST",
    url: vpkiPath(type, "revoke"),
    headers: plan.headers,
    body: bodyOf(fieldsOf({ dn: dnText(dn, plan) }), plan.json),
    twice: hasOwnKey(plan.headers),
  };
}

/** Where cases of one endpoint come from. */
export interface Source {
  readonly endpoint: string;
  /** Weight among all endpoints. */
  readonly share: number;
  readonly cases: fc.Arbitrary<() => Promise<Case>>;
}

export function vpkiSources(world: VpkiWorld): Source[] {
  return certificateTypes.flatMap((type) =>
    VPKI_OPERATIONS.map((operation): Source => {
      const endpoint = vpkiPath(type, operation);
      if (operation === "revoke")
        return { endpoint, share: 5, cases: revokePlan.map((plan) => async () => revokeCase(type, plan, world)) };
      const share = CERTIFICATE_TYPES[type].curve === "P-256" ? 6 : 4;
      return { endpoint, share, cases: issuePlan(type).map((plan) => () => issueCase(type, operation, plan, world)) };
    }),
  );
}

/** Requests without a fault, so that the known names have a certificate. */
export function firstIssues(world: VpkiWorld): Case[] {
  return certificateTypes.flatMap((type) =>
    world.known[type].map(({ csr }): Case => {
      const url = vpkiPath(type, "issue");
      const body = bodyOf(fieldsOf({ csr: pemOf(csr, 0, 0), ...CODES }), { kind: "none" });
      return { endpoint: url, method: "POST", url, headers: [["content-type", "application/json"]], body, good: true };
    }),
  );
}
