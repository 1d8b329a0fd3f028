/** Requests to the addresses that certificates name: OCSP, CRLs, CA certificates; and requests that no route takes. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { parseCertificate } from "../../src/pki/certificate.js";
import { octetString, oid, readAll, readBits, readWhole, sequence, TAG, tlv } from "../../src/pki/der.js";
import { changeDer, type DerChange, derChange } from "./der-mutate.js";
import { type Case, type HeaderPlan, nasty } from "./http-cases.js";
import type { Source } from "./vpki-cases.js";

const CAS = ["CA01001", "CA05003", "CA05002"] as const;
const FILES = [
  "CA01001/crl/Crl1p1Dp4.crl",
  "CA05003/crl/Crl1p1Dp1.crl",
  "ROOT-P256/crl/Root.crl",
  "ROOT-P521/crl/Root.crl",
];
const HASHES = { sha1: "1.3.14.3.2.26", sha256: "2.16.840.1.101.3.4.2.1", sha512: "2.16.840.1.101.3.4.2.3" } as const;

export interface StatusWorld {
  /** DER of the CA certificates by name. */
  readonly cas: ReadonlyMap<string, Uint8Array>;
  /** Serials that were issued, hex. */
  readonly serials: string[];
}

interface OcspPlan {
  readonly ca: (typeof CAS)[number];
  readonly issuer: (typeof CAS)[number];
  readonly hash: keyof typeof HASHES;
  readonly serials: readonly number[];
  readonly nonce: number | undefined;
  readonly changes: readonly DerChange[];
  readonly get: boolean;
  readonly path: number;
}

const ocspPlan: fc.Arbitrary<OcspPlan> = fc.record({
  ca: fc.constantFrom(...CAS),
  issuer: fc.constantFrom(...CAS, CAS[0], CAS[0]),
  hash: fc.constantFrom(...(Object.keys(HASHES) as (keyof typeof HASHES)[])),
  serials: fc.oneof(
    { weight: 9, arbitrary: fc.array(fc.nat(999), { minLength: 1, maxLength: 4 }) },
    { weight: 1, arbitrary: fc.array(fc.nat(999), { maxLength: 101, minLength: 99 }) },
  ),
  nonce: fc.option(fc.nat(33), { nil: undefined }),
  changes: fc.oneof(
    { weight: 3, arbitrary: fc.constant<DerChange[]>([]) },
    { weight: 2, arbitrary: fc.array(derChange(nasty), { minLength: 1, maxLength: 3 }) },
  ),
  get: fc.boolean(),
  path: fc.nat(12),
});

function ocspRequest({ issuer, hash, serials, nonce }: OcspPlan, world: StatusWorld): Uint8Array {
  const certificate = parseCertificate(world.cas.get(issuer) ?? new Uint8Array());
  const [, bits] = readAll(readWhole(certificate.spki).content);
  const digest = (bytes: Uint8Array) => octetString(new Uint8Array(createHash(hash).update(bytes).digest()));
  const list = serials.map((number) => {
    const serial =
      world.serials[number % Math.max(1, world.serials.length * 2)] ?? number.toString(16).padStart(4, "0");
    const id = sequence(
      sequence(oid(HASHES[hash]), Uint8Array.of(TAG.NULL, 0)),
      digest(certificate.subject),
      digest(readBits(bits, "key")),
      tlv(TAG.INTEGER, Buffer.from(serial, "hex")),
    );
    return sequence(id);
  });
  const extension = (length: number) =>
    tlv(
      0xa2,
      sequence(sequence(oid("1.3.6.1.5.5.7.48.1.2"), octetString(octetString(new Uint8Array(length).fill(7))))),
    );
  return sequence(sequence(sequence(...list), ...(nonce === undefined ? [] : [extension(nonce)])));
}

function ocspCase(plan: OcspPlan, world: StatusWorld): Case {
  const der = changeDer(ocspRequest(plan, world), plan.changes);
  const base = `/ECC/OCSP/${plan.ca}`;
  if (!plan.get) {
    const headers: HeaderPlan = [["content-type", plan.path === 0 ? "text/plain" : "application/ocsp-request"]];
    return { endpoint: "OCSP POST", method: "POST", url: base, headers, body: der };
  }
  const base64 = Buffer.from(der).toString("base64");
  const paths = [
    base64,
    base64.replaceAll("+", "%20"),
    base64.slice(1),
    `${base64}%zz`,
    `${base64}?x=1`,
    `/${base64}`,
    "%00",
  ];
  const path = paths[plan.path] ?? encodeURIComponent(base64);
  return { endpoint: "OCSP GET", method: "GET", url: `${base}/${path}`, headers: [], body: undefined };
}

const fileNames = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...FILES) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "CA01001/crl/Crl1p1Dp5.crl",
      "CA01001/crl/..%2f..%2fca%2froot.key",
      "..%2f..%2f..%2fetc/crl/passwd",
      "CA01001/crl/%00",
      "CA01001/crl/%zz",
      "__proto__/crl/constructor",
      "ca01001/crl/crl1p1dp4.crl",
      `CA01001/crl/${"x".repeat(5_000)}`,
      "CA01001//crl//Crl1p1Dp4.crl",
    ),
  },
  { weight: 1, arbitrary: nasty.map((text) => `CA01001/crl/${percent(text)}`) },
);

/** Half a surrogate pair has no UTF-8. */
const percent = (text: string) => encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"));

const crlCases = fc
  .tuple(
    fileNames,
    fc.constantFrom("", "*", '"1-2"', 'W/"x", *', "x".repeat(3_000)),
    fc.constantFrom("GET", "GET", "HEAD"),
  )
  .map(([file, etag, method]): Case => {
    const headers: HeaderPlan = etag === "" ? [] : [["if-none-match", etag]];
    return { endpoint: "CRL", method, url: `/ECC/${file}`, headers, body: undefined };
  });

const otherPaths = fc.oneof(
  fc.constantFrom("/ECC/cert/CA01001.der", "/ECC/cert/ROOT-P521.der", "/cps", "/repository"),
  fc.constantFrom(
    "/",
    "/ECC",
    "/ECC/cert/x.der",
    "/ECC/cert/..%2fchain.pem",
    "/healthz%00",
    "/%c0%ae%c0%ae/",
    "//",
    "/*",
    "/ECC/OCSP/",
  ),
  nasty.map((text) => `/${percent(text)}`),
);
const otherCases = fc
  .tuple(otherPaths, fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"))
  .map(([url, method]): Case => ({ endpoint: "status, other", method, url, headers: [], body: undefined }));

export function statusSources(world: StatusWorld): Source[] {
  return [
    { endpoint: "OCSP", share: 6, cases: ocspPlan.map((plan) => async () => ocspCase(plan, world)) },
    { endpoint: "CRL", share: 2, cases: crlCases.map((one) => async () => one) },
    { endpoint: "status, other", share: 1, cases: otherCases.map((one) => async () => one) },
  ];
}

/** Paths and methods below a server's prefix that it does not have. */
export function straySource(endpoint: string, prefix: string, paths: readonly string[]): Source {
  const path = fc.oneof(
    fc.constantFrom(...paths),
    fc.constantFrom(...paths).map((known) => `${known}/`),
    fc.constantFrom(...paths).map((known) => known.toUpperCase()),
    fc.constantFrom(...paths).map((known) => `${known}?x=${"y".repeat(2_000)}`),
    fc.constantFrom(...paths).map((known) => known.replace("/", "//")),
    fc.constantFrom(
      `${prefix}/`,
      `${prefix}/..%2f`,
      `${prefix}/%zz`,
      `${prefix}/%00`,
      `${prefix}/*`,
      `${prefix}/__proto__`,
    ),
    nasty.map((text) => `${prefix}/${percent(text)}`),
  );
  const methods = fc.constantFrom("GET", "HEAD", "PATCH", "DELETE", "OPTIONS", "TRACE", "PUT", "POST");
  const cases = fc.tuple(path, methods, nasty).map(
    ([url, method, body]): Case => ({
      ...{ endpoint, method, url, headers: [["content-type", "application/json"]] },
      body: method === "PUT" || method === "POST" ? body : undefined,
    }),
  );
  return { endpoint, share: 1, cases: cases.map((one) => async () => one) };
}
