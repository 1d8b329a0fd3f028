import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitString, integer, octetString, oid, sequence, TAG, TRUE, textNode, tlv } from "../../../src/pki/der.js";
import { type CertId, issuerMatcher, OCSP_ERROR, ocspError, parseOcspRequest } from "../../../src/pki/ocsp.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { name, pair } from "./helpers.js";

const SHA1 = sequence(oid("1.3.14.3.2.26"), Uint8Array.of(TAG.NULL, 0));
const NONCE = "1.3.6.1.5.5.7.48.1.2";
const certId = (serial = integer(Uint8Array.of(5)), hash = SHA1) =>
  sequence(hash, octetString(new Uint8Array(20)), octetString(new Uint8Array(20)), serial);
const single = (...more: Uint8Array[]) => sequence(certId(), ...more);
const extensions = (tag: number, ...list: Uint8Array[]) => tlv(tag, sequence(...list));
const nonce = (value: Uint8Array) => sequence(oid(NONCE), octetString(value));
const request = (...fields: Uint8Array[]) => sequence(sequence(...fields));
const good = request(sequence(single()));

describe("an OCSP request", () => {
  it("is read: CertIDs as they stand, serials in hex, the nonce's bytes", () => {
    const value = octetString(Uint8Array.of(1, 2, 3));
    const read = parseOcspRequest(
      request(sequence(single(), sequence(certId(integer(Uint8Array.of(0xff, 1))))), extensions(0xa2, nonce(value))),
    );
    expect(read?.certificates.map(({ serial }) => serial)).toEqual(["05", "00ff01"]);
    expect(read?.certificates[0]?.raw).toEqual(certId());
    expect(read?.nonce).toEqual(value);
  });

  it.each([
    ["version 1 said outright", request(tlv(0xa0, integer(Uint8Array.of(0))), sequence(single()))],
    ["a requestor's name", request(tlv(0xa1, tlv(0xa4, name("cn=a"))), sequence(single()))],
    ["a signature", sequence(sequence(sequence(single())), tlv(0xa0, sequence(SHA1, bitString(Uint8Array.of(1)))))],
    [
      "an unknown extension that is not critical",
      request(sequence(single()), extensions(0xa2, sequence(oid("1.2.3"), octetString(Uint8Array.of(5))))),
    ],
    ...[1, 16, 32, 33, 128].map((length): [string, Uint8Array] => [
      `a nonce of ${length} octets`,
      request(sequence(single()), extensions(0xa2, nonce(octetString(randomBytes(length))))),
    ]),
    ["a hash without parameters", request(sequence(sequence(certId(undefined, sequence(oid("1.3.14.3.2.26"))))))],
    ["a negative serial", request(sequence(sequence(certId(tlv(TAG.INTEGER, Uint8Array.of(0xff, 0x7f))))))],
    ["100 certificates", request(sequence(...Array.from({ length: 100 }, () => single())))],
  ])("is read with %s", (_, der) => {
    expect(parseOcspRequest(der)).toBeDefined();
  });

  it.each([
    ["nothing", new Uint8Array()],
    ["bytes behind it", Buffer.concat([good, Uint8Array.of(0)])],
    ["version 2", request(tlv(0xa0, integer(Uint8Array.of(1))), sequence(single()))],
    ["no certificate", request(sequence())],
    ["101 certificates", request(sequence(...Array.from({ length: 101 }, () => single())))],
    ["an empty nonce", request(sequence(single()), extensions(0xa2, nonce(octetString(new Uint8Array()))))],
    ["a nonce of 129 octets", request(sequence(single()), extensions(0xa2, nonce(octetString(randomBytes(129)))))],
    ["a nonce that is no OCTET STRING", request(sequence(single()), extensions(0xa2, nonce(randomBytes(5))))],
    [
      "two nonces",
      request(
        sequence(single()),
        extensions(0xa2, nonce(octetString(Uint8Array.of(1))), nonce(octetString(Uint8Array.of(1)))),
      ),
    ],
    [
      "an unknown critical extension",
      request(sequence(single()), extensions(0xa2, sequence(oid("1.2.3"), TRUE, octetString(Uint8Array.of(5))))),
    ],
    [
      "an unknown critical extension of one certificate",
      request(sequence(single(extensions(0xa0, sequence(oid("1.2.3"), TRUE, octetString(Uint8Array.of(5))))))),
    ],
    [
      "no serial",
      request(sequence(sequence(sequence(SHA1, octetString(new Uint8Array(20)), octetString(new Uint8Array(20)))))),
    ],
    ["a serial that is text", request(sequence(sequence(certId(textNode(TAG.UTF8_STRING, "5")))))],
    ...["", "0005", "00007f", "ff80", "ffff05"].map((content): [string, Uint8Array] => [
      `the serial's content « ${content} », no INTEGER in DER`,
      request(sequence(sequence(certId(tlv(TAG.INTEGER, fromHex(content)))))),
    ]),
    [
      "parameters of the hash that are not NULL",
      request(sequence(sequence(certId(undefined, sequence(oid("1.3.14.3.2.26"), integer(Uint8Array.of(1))))))),
    ],
    ["a certificate instead", sequence(sequence(integer(Uint8Array.of(1))), SHA1, bitString(Uint8Array.of(1)))],
  ])("is malformed with %s", (_, der) => {
    expect(parseOcspRequest(new Uint8Array(der))).toBeUndefined();
  });

  it("never makes the reader throw, whatever bytes come", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseOcspRequest(bytes);
      }),
    );
    const whole = request(sequence(single(), single()), extensions(0xa2, nonce(octetString(Uint8Array.of(1, 2)))));
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }), fc.nat({ max: 3 }), (at, byte, cut) => {
        const changed = whole.slice(0, whole.length - cut);
        changed[Math.min(at, changed.length - 1)] = byte;
        const read = parseOcspRequest(changed);
        if (read !== undefined) expect(read.certificates.length).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a CertID", () => {
  const subject = name("cn=CA,o=x");
  const keys = pair("P-521").public;
  const matches = issuerMatcher({ subject, spki: keys.spki });
  const digest = (hash: string, bytes: Uint8Array) => new Uint8Array(createHash(hash).update(bytes).digest());
  const id = (hash: string, algorithm: string, of = subject, key = keys.point): CertId => ({
    raw: new Uint8Array(),
    hash: algorithm,
    nameHash: digest(hash, of),
    keyHash: digest(hash, key),
    serial: "05",
  });

  it.each([
    ["sha1", "1.3.14.3.2.26"],
    ["sha256", "2.16.840.1.101.3.4.2.1"],
    ["sha384", "2.16.840.1.101.3.4.2.2"],
    ["sha512", "2.16.840.1.101.3.4.2.3"],
  ])("names its issuer by %s of name and key", (hash, algorithm) => {
    expect(matches(id(hash, algorithm))).toBe(true);
    expect(matches(id(hash, algorithm, name("cn=CB,o=x")))).toBe(false);
    expect(matches(id(hash, algorithm, subject, keys.spki))).toBe(false);
    expect(matches(id(hash, "1.2.3"))).toBe(false);
  });
});

describe("an OCSP error", () => {
  it.each(Object.entries(OCSP_ERROR))("%s is %i, and nothing else", (error, number) => {
    expect(toHex(ocspError(error as keyof typeof OCSP_ERROR))).toBe(`30030a010${number}`);
  });
});
