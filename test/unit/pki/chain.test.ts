import { describe, expect, it } from "vitest";
import { checkIssued, splitCertificates, verifyChain } from "../../../src/pki/chain.js";
import { parseDn } from "../../../src/pki/names.js";
import { concat } from "../../../src/shared/bytes.js";
import { AT, ca, leaf, pair, SUBJECTS } from "./helpers.js";

const ROOT = "cn=Root,o=HKMC,c=KR";
const SUB = "cn=Sub,o=HKMC,c=KR";
const ISSUER = "cn=CA01001,ou=ECC,o=HKMC,c=KR";
const rootPair = pair("P-256");
const issuerPair = pair("P-256");
const leafPair = pair("P-256");
const root = await ca(ROOT, rootPair);
const issuer = await ca(ISSUER, issuerPair, { dn: ROOT, pair: rootPair }, { pathLen: 0 });
const by = { dn: ISSUER, pair: issuerPair };
const end = await leaf("prov-15118-2", leafPair, by);
const large = await leaf("prov-15118-2", leafPair, { dn: `cn=CA${"0".repeat(250)}`, pair: issuerPair });
const good = { leaf: end, issuers: [issuer], anchors: [root], at: AT };

describe("a chain", () => {
  it("holds from the leaf over the issuing CA to the root", async () => {
    const result = await verifyChain(good);
    expect(result.ok && result.path.map(({ raw }) => Buffer.from(raw).toString("hex"))).toEqual(
      [end, issuer, root].map((der) => Buffer.from(der).toString("hex")),
    );
  });

  it("holds with the issuing CA itself as anchor, and with critical key identifiers", async () => {
    expect(await verifyChain({ ...good, issuers: [], anchors: [issuer] })).toMatchObject({ ok: true });
    const big = pair("P-521");
    const seen = await leaf("vehicle-15118-20", pair("P-521"), { dn: ISSUER, pair: big }, { asSeen: true });
    expect(await verifyChain({ ...good, leaf: seen, issuers: [], anchors: [await ca(ISSUER, big)] })).toMatchObject({
      ok: true,
    });
  });

  it("finds its way past other CAs of the same name", async () => {
    const twin = await ca(ISSUER, pair("P-256"), { dn: ROOT, pair: rootPair });
    expect(
      await verifyChain({ ...good, issuers: [twin, issuer], anchors: [await ca(ROOT, pair("P-256")), root] }),
    ).toMatchObject({ ok: true });
  });

  it.each([
    ["an unreadable leaf", { leaf: Uint8Array.of(0x30, 0) }, "unreadable"],
    ["an unreadable issuer", { issuers: [issuer.subarray(1)] }, "unreadable"],
    ["bytes behind the leaf", { leaf: concat(end, Uint8Array.of(0)) }, "unreadable"],
    ["a CA as leaf", { leaf: issuer }, "wrong-type"],
    ["a leaf as issuer", { issuers: [end] }, "wrong-type"],
    ["a leaf as anchor", { anchors: [end] }, "wrong-type"],
    ["no issuer", { issuers: [] }, "chain-invalid"],
    ["no anchor", { anchors: [] }, "chain-invalid"],
    ["a time before the leaf", { at: AT - 1000 }, "not-valid-now"],
    ["a time after the leaf", { at: Date.UTC(2056, 5, 1, 15) }, "not-valid-now"],
  ])("fails with %s", async (_, change, reason) => {
    expect(await verifyChain({ ...good, ...change })).toMatchObject({ ok: false, reason });
  });

  it("holds in the last second of its validity", async () => {
    expect(await verifyChain({ ...good, at: Date.UTC(2056, 5, 1, 14, 59, 59, 999) })).toMatchObject({ ok: true });
  });

  it("fails when a signature is by another key of that name", async () => {
    // Same key identifier, other signer: only the signature can tell.
    const bent = Uint8Array.from(end);
    bent[bent.length - 1] = (bent[bent.length - 1] ?? 0) ^ 1;
    expect(await verifyChain({ ...good, leaf: bent })).toMatchObject({
      ok: false,
      reason: "chain-invalid",
      what: expect.stringContaining("is not signed by cn=CA01001"),
    });
    const stranger = await ca(ROOT, pair("P-256"));
    expect(await verifyChain({ ...good, anchors: [stranger] })).toMatchObject({ ok: false, reason: "chain-invalid" });
  });

  it("fails below a CA whose path length is used up", async () => {
    const subPair = pair("P-256");
    const short = await ca(SUB, subPair, { dn: ROOT, pair: rootPair }, { pathLen: 0 });
    const deep = await ca(ISSUER, issuerPair, { dn: SUB, pair: subPair });
    const chain = { ...good, issuers: [deep, short] };
    expect(await verifyChain(chain)).toMatchObject({
      ok: false,
      reason: "chain-invalid",
      what: expect.stringContaining("allows 0 CAs"),
    });
    const enough = await ca(SUB, subPair, { dn: ROOT, pair: rootPair }, { pathLen: 1 });
    expect(await verifyChain({ ...chain, issuers: [deep, enough] })).toMatchObject({ ok: true });
  });

  it("fails when the issuing CA or the anchor has expired", async () => {
    const old = await ca(ISSUER, issuerPair, { dn: ROOT, pair: rootPair }, { notAfter: AT - 1000 });
    expect(await verifyChain({ ...good, issuers: [old] })).toMatchObject({ ok: false, reason: "not-valid-now" });
    const oldRoot = await ca(ROOT, rootPair, undefined, { notAfter: AT - 1000 });
    expect(await verifyChain({ ...good, anchors: [oldRoot] })).toMatchObject({ ok: false, reason: "not-valid-now" });
  });

  it("ends on CAs that certify each other", async () => {
    const [a, b] = [pair("P-256"), pair("P-256")];
    const ring = [await ca(ISSUER, a, { dn: SUB, pair: b }), await ca(SUB, b, { dn: ISSUER, pair: a })];
    const caught = await leaf("prov-15118-2", leafPair, { dn: ISSUER, pair: a });
    expect(await verifyChain({ ...good, leaf: caught, issuers: ring })).toMatchObject({
      ok: false,
      reason: "chain-invalid",
    });
  });

  it("comes apart from one block of bytes", () => {
    expect(splitCertificates(concat(end, issuer))).toEqual([end, issuer]);
    expect(() => splitCertificates(concat(end, Uint8Array.of(1)))).toThrow(
      expect.objectContaining({ code: "PKI_UNREADABLE" }),
    );
  });
});

describe("an issued certificate", () => {
  const asked = {
    certificate: end,
    type: "prov-15118-2" as const,
    subject: parseDn(SUBJECTS["prov-15118-2"]),
    publicKey: leafPair.public.spki,
  };

  it("is the one asked for", () => {
    expect(checkIssued(asked)).toMatchObject({ ok: true });
  });

  it.each([
    ["garbage", { certificate: Uint8Array.of(1, 2, 3) }, "unreadable"],
    ["another subject", { subject: parseDn(SUBJECTS["prov-15118-20"]) }, "subject"],
    ["a subject in other letter case", { subject: parseDn(SUBJECTS["prov-15118-2"].replace("KM8", "km8")) }, "subject"],
    ["another key", { publicKey: issuerPair.public.spki }, "public-key"],
    ["another type's profile", { type: "ccu-sha256" as const }, "profile"],
    ["one larger than its type allows", { certificate: large }, "profile"],
    ["another curve", { type: "prov-15118-20" as const }, "profile"],
  ])("is refused as %s", (_, change, reason) => {
    expect(checkIssued({ ...asked, ...change })).toMatchObject({ ok: false, reason });
  });
});
