import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { parseCertificate } from "../../../../src/pki/certificate.js";
import { octetString, oid, readAll, readBits, readWhole, sequence, TAG, tlv } from "../../../../src/pki/der.js";
import { decodePem, encodePem } from "../../../../src/pki/pem.js";
import { CERTIFICATE_TYPES, type CertificateType } from "../../../../src/pki/types.js";
import { csrPem, freshDn, issueBody, type Served } from "./helpers.js";

export interface Ran {
  readonly code: number;
  readonly output: string;
}

/** Runs a program without stopping this process's own servers. */
export function run(program: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` });
    });
  });
}

export interface Issued {
  readonly type: CertificateType;
  readonly dn: string;
  readonly pem: string;
  /** PEM file. */
  readonly file: string;
  /** Upper-case hex, as OpenSSL prints it. */
  readonly serial: string;
}

/** A certificate from the server, in a file of `folder`. */
export async function issued(
  served: Served,
  folder: string,
  type: CertificateType,
  dn = freshDn(type),
  operation = "issue",
): Promise<Issued> {
  const path = `${CERTIFICATE_TYPES[type].basePath}/${operation}`;
  const answer = await served.post(path, issueBody(type, await csrPem(type, { dn })));
  expect(answer).toMatchObject({ status: 200 });
  const pem = answer.body.cert ?? "";
  const probe = join(folder, `${Math.random()}.pem`);
  writeFileSync(probe, pem);
  return { type, dn, pem, file: probe, serial: parseCertificate(der(pem)).serial.toUpperCase() };
}

export async function revoke(served: Served, { type, dn }: Issued): Promise<void> {
  const answer = await served.post(`${CERTIFICATE_TYPES[type].basePath}/revoke`, { dn });
  expect(answer).toEqual({ status: 200, body: {} });
}

/** Name, and file of the certificate in PEM, of a type's CA. */
export async function issuerFile(served: Served, folder: string, name: string): Promise<string> {
  const der = await fetchBytes(`${served.statusUrl}/ECC/cert/${name}.der`);
  const file = join(folder, `${name}.pem`);
  writeFileSync(file, encodePem(der, "CERTIFICATE"));
  return file;
}

export async function fetchBytes(url: string, init?: RequestInit): Promise<Uint8Array> {
  const answer = await fetch(url, init);
  expect([url, answer.status]).toEqual([url, 200]);
  return new Uint8Array(await answer.arrayBuffer());
}

export const CA_OF: Readonly<Record<CertificateType, string>> = {
  "prov-15118-2": "CA01001",
  "prov-15118-20": "CA05003",
  "vehicle-15118-20": "CA05003",
  "ccu-sha256": "CA01001",
  "ccu-sha512": "CA05002",
};

export const CRL_OF: Readonly<Record<CertificateType, string>> = {
  "prov-15118-2": "/ECC/CA01001/crl/Crl1p1Dp4.crl",
  "prov-15118-20": "/ECC/CA05003/crl/Crl1p1Dp1.crl",
  "vehicle-15118-20": "/ECC/CA05003/crl/Crl1p1Dp1.crl",
  "ccu-sha256": "/ECC/CA01001/crl/Crl1p1Dp4.crl",
  "ccu-sha512": "/ECC/CA05002/crl/Crl1p1Dp1.crl",
};

export interface ShownCrl {
  readonly file: string;
  readonly text: string;
  readonly number: number;
}

let fetched = 0;
/** The CRL at that URL, as OpenSSL shows it. */
export async function shownCrl(url: string, folder: string): Promise<ShownCrl> {
  const file = join(folder, `list-${++fetched}.crl`);
  writeFileSync(file, await fetchBytes(url));
  const { output: text } = await run("openssl", ["crl", "-inform", "DER", "-in", file, "-noout", "-text"]);
  const number = /X509v3 CRL Number:\s+(\d+|0x[0-9A-F]+)\b/.exec(text)?.[1];
  expect(number).toBeDefined();
  return { file, text, number: Number(number) };
}

export const der = (pem: string) => decodePem(pem, "CERTIFICATE")[0] ?? new Uint8Array();

/** An OCSP request about one serial (hex) of a CA, by SHA-1, DER. */
export function ocspQuestion(ca: Uint8Array, serial: string): Uint8Array {
  const { subject, spki } = parseCertificate(ca);
  const hash = (bytes: Uint8Array) => octetString(new Uint8Array(createHash("sha1").update(bytes).digest()));
  const key = readBits(readAll(readWhole(spki).content)[1], "public key");
  const number = tlv(TAG.INTEGER, new Uint8Array(Buffer.from(serial, "hex")));
  return sequence(
    sequence(sequence(sequence(sequence(sequence(oid("1.3.14.3.2.26")), hash(subject), hash(key), number)))),
  );
}
