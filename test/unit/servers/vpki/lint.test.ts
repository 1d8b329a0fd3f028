import { createHash, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodePem } from "../../../../src/pki/pem.js";
import { CERTIFICATE_TYPES, certificateTypes } from "../../../../src/pki/types.js";
import { csrPem, issueBody, type Served, serve } from "./helpers.js";

/** Certificates by the letter of X.690 and RFC 5280, read by a reader of this file's own. */
interface Node {
  readonly tag: number;
  readonly content: Buffer;
  readonly children: readonly Node[];
}

function read(bytes: Buffer): Node[] {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at);
    let length = bytes.readUInt8(at + 1);
    let start = at + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      length = bytes.readUIntBE(start, count);
      start += count;
      expect(length, "a length in its shortest form").toBeGreaterThanOrEqual(count === 1 ? 0x80 : 256 ** (count - 1));
    }
    expect(start + length).toBeLessThanOrEqual(bytes.length);
    const content = bytes.subarray(start, start + length);
    nodes.push({ tag, content, children: (tag & 0x20) === 0 ? [] : read(content) });
    at = start + length;
  }
  return nodes;
}

function only(bytes: Buffer): Node {
  const [node, ...rest] = read(bytes);
  if (node === undefined || rest.length > 0) throw new Error("not one element");
  return node;
}

const PRIMITIVE: Readonly<Record<number, (content: Buffer) => void>> = {
  1: (content) => expect(content.toString("hex"), "a BOOLEAN is TRUE or left out").toBe("ff"),
  2: (content) => {
    const [first = -1, second = -1] = content;
    expect(content.length).toBeGreaterThan(0);
    if (content.length > 1) expect((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)).toBe(false);
  },
  3: (content) => {
    const unused = content[0] ?? 255;
    expect(unused).toBeLessThan(8);
    expect((content.at(-1) ?? 0) & ((1 << unused) - 1), "unused bits are zero").toBe(0);
  },
  19: (content) => expect(content.toString("latin1")).toMatch(/^[A-Za-z0-9 '()+,\-./:=?]+$/),
  23: (content) => expect(content.toString()).toMatch(/^[0-4]\d{11}Z$/),
  24: (content) => expect(content.toString()).toMatch(/^20[5-9]\d{11}Z$/),
};

function canonical(node: Node): void {
  PRIMITIVE[node.tag]?.(node.content);
  expect([0x00, 0x1e, 0x14, 0x1c], "no such string type").not.toContain(node.tag);
  for (const child of node.children) canonical(child);
}

interface Taken {
  readonly fields: readonly Node[];
  readonly algorithm: Node;
  /** By OID in hex. */
  readonly extensions: ReadonlyMap<string, { readonly critical: boolean; readonly value: Node }>;
}

function take(der: Buffer): Taken {
  const certificate = only(der);
  canonical(certificate);
  const [tbs, algorithm, signature] = certificate.children;
  if (tbs === undefined || algorithm === undefined || signature === undefined) throw new Error("not three elements");
  canonical(only(signature.content.subarray(1)));
  const list = tbs.children.at(-1)?.children[0]?.children ?? [];
  const extensions = list.map(({ children }) => {
    const [id, ...rest] = children;
    const value = only(rest.at(-1)?.content ?? Buffer.alloc(0));
    canonical(value);
    return [id?.content.toString("hex") ?? "", { critical: rest.length === 2, value }] as const;
  });
  expect(new Set(extensions.map(([id]) => id)).size).toBe(extensions.length);
  return { fields: tbs.children, algorithm, extensions: new Map(extensions) };
}

const SKI = "551d0e";
const AKI = "551d23";
const USAGE = "551d0f";
const BASIC = "551d13";

/** What holds for every certificate. */
function lint(der: Buffer): Taken {
  const taken = take(der);
  const [version, serial, inner, issuer, validity, subject, spki] = taken.fields;
  expect(version?.children[0]?.content.toString("hex"), "v3").toBe("02");
  expect(serial?.content).toHaveLength(20);
  expect((serial?.content[0] ?? 0) & 0x80).toBe(0);
  expect(serial?.content[0]).not.toBe(0);
  expect(inner?.content).toEqual(taken.algorithm.content);
  expect(taken.algorithm.children, "ecdsa-with-… has no parameters").toHaveLength(1);
  for (const rdn of [...(issuer?.children ?? []), ...(subject?.children ?? [])]) {
    expect(rdn.children).toHaveLength(1);
    const [id, value] = rdn.children[0]?.children ?? [];
    const wanted: Record<string, number> = { "550406": 0x13, "0992268993f22c640119": 0x16 };
    expect(value?.tag).toBe(wanted[id?.content.toString("hex") ?? ""] ?? 0x0c);
  }
  for (const time of validity?.children ?? []) expect(time.tag).toBe(time.content.length === 13 ? 0x17 : 0x18);
  const point = spki?.children[1]?.content.subarray(1) ?? Buffer.alloc(0);
  expect(point[0]).toBe(4);
  const identifier = taken.extensions.get(SKI);
  expect(identifier?.critical).toBe(false);
  expect(identifier?.value.content).toEqual(createHash("sha1").update(point).digest());
  const usage = taken.extensions.get(USAGE);
  expect(usage?.critical).toBe(true);
  const [unused = 0, bits = 0] = usage?.value.content ?? [];
  expect(bits & (1 << unused), "a named bit list ends with its last one bit").not.toBe(0);
  expect(taken.extensions.get(BASIC)?.critical).toBe(true);
  return taken;
}

let served: Served;
const cas = new Map<string, Buffer>();
beforeAll(async () => {
  served = await serve({ config: { baseUrl: "http://d-crl.hmckmc.co.kr:8080" } });
  for (const file of readdirSync(join(served.dir, "ca"))) {
    if (!file.endsWith(".pem") || file.endsWith(".key.pem")) continue;
    const [der] = decodePem(readFileSync(join(served.dir, "ca", file), "utf8"), "CERTIFICATE");
    cas.set(file.slice(0, -4), Buffer.from(der ?? []));
  }
});
afterAll(() => served.end());

const AUTHORITY = {
  "prov-15118-2": "CA01001",
  "prov-15118-20": "CA05003",
  "vehicle-15118-20": "CA05003",
  "ccu-sha256": "CA01001",
  "ccu-sha512": "CA05002",
};

function issuedBy(child: Buffer, parent: Buffer): void {
  const [below, above] = [take(child), take(parent)];
  expect(below.extensions.get(AKI)?.critical).toBe(false);
  const [key, ...more] = below.extensions.get(AKI)?.value.children ?? [];
  expect([key?.tag, more.length]).toEqual([0x80, 0]);
  expect(key?.content).toEqual(above.extensions.get(SKI)?.value.content);
  expect(below.fields[3]?.content).toEqual(above.fields[5]?.content);
  const [x, y] = [new X509Certificate(child), new X509Certificate(parent)];
  expect(x.checkIssued(y) && x.verify(y.publicKey)).toBe(true);
  expect(Date.parse(x.validTo)).toBeLessThanOrEqual(Date.parse(y.validTo));
  expect(Date.parse(x.validFrom)).toBeGreaterThanOrEqual(Date.parse(y.validFrom));
}

describe("certificates", () => {
  it.each(certificateTypes)("of type %s are canonical and as RFC 5280 has them", async (type) => {
    const answer = await served.post(`${CERTIFICATE_TYPES[type].basePath}/issue`, issueBody(type, await csrPem(type)));
    const der = Buffer.from(decodePem(answer.body.cert ?? "", "CERTIFICATE")[0] ?? []);
    const { extensions } = lint(der);
    expect(extensions.get(USAGE)?.value.content.toString("hex")).toBe("0388");
    expect(extensions.get(BASIC)?.value.content).toHaveLength(0);
    issuedBy(der, cas.get(AUTHORITY[type]) ?? Buffer.alloc(0));
    // ISO 15118-2 Annex F: a certificate has 800 bytes at most.
    if (type === "prov-15118-2") expect(der.length).toBeLessThanOrEqual(800);
  });

  it.each(["CA01001", "CA05002", "CA05003"])("of the issuing CA %s are so too, with pathLen 0", (name) => {
    const der = cas.get(name) ?? Buffer.alloc(0);
    const { extensions } = lint(der);
    expect(extensions.get(USAGE)?.value.content.toString("hex")).toBe("0106");
    expect(extensions.get(BASIC)?.value.content.toString("hex")).toBe("0101ff020100");
    issuedBy(der, cas.get(name === "CA01001" ? "ROOT-P256" : "ROOT-P521") ?? Buffer.alloc(0));
  });

  it.each(["ROOT-P256", "ROOT-P521"])("of the root %s are so too, signed by themselves", (name) => {
    const der = cas.get(name) ?? Buffer.alloc(0);
    const { extensions, fields } = lint(der);
    expect(extensions.get(USAGE)?.value.content.toString("hex")).toBe("0106");
    expect(extensions.get(BASIC)?.value.content.toString("hex")).toBe("0101ff");
    expect(fields[3]?.content).toEqual(fields[5]?.content);
    const root = new X509Certificate(der);
    expect(root.verify(root.publicKey)).toBe(true);
  });
});
