/** The CA hierarchy: two roots and the issuing CAs, made at first start, private keys encrypted at rest. */
import { createPrivateKey, generateKeyPair, type KeyObject, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  buildCaCertificate,
  type Certificate,
  certificateKey,
  type Issuer,
  parseCertificate,
} from "../../pki/certificate.js";
import {
  type Curve,
  type Hash,
  keyIdentifier,
  publicKeyOf,
  randomSerial,
  signer,
  verifySignature,
} from "../../pki/keys.js";
import { encodeName, parseDn } from "../../pki/names.js";
import { decodePem, encodePem } from "../../pki/pem.js";
import type { CertificateType } from "../../pki/types.js";
import { describe, StationError } from "../../shared/errors.js";
import { writeFileAtomic } from "../../shared/files.js";

/** Names of the CAs: of their files, and in the URLs that certificates carry. */
export const AUTHORITY_NAMES = ["ROOT-P256", "ROOT-P521", "CA01001", "CA05002", "CA05003"] as const;
export type AuthorityName = (typeof AUTHORITY_NAMES)[number];

interface AuthorityRow {
  readonly curve: Curve;
  readonly hash: Hash;
  /** Default subject, RFC 4514. */
  readonly subject: string;
  /** Left out for a root. */
  readonly issuer?: AuthorityName;
  /** Life in years of 365.25 days; longer than the longest leaf's (30) by what the CA is used for. */
  readonly years: number;
  /** File of the CRL part that its certificates name. */
  readonly crl: string;
}

/** Issuers as the samples name them; the roots are ours. */
const AUTHORITIES: Readonly<Record<AuthorityName, AuthorityRow>> = {
  "ROOT-P256": {
    curve: "P-256",
    hash: "sha256",
    subject: "cn=Root CA P-256,ou=ECC,o=HKMC,c=KR",
    years: 60,
    crl: "Root.crl",
  },
  "ROOT-P521": {
    curve: "P-521",
    hash: "sha512",
    subject: "cn=Root CA P-521,ou=ECC,o=HKMC,c=KR",
    years: 60,
    crl: "Root.crl",
  },
  CA01001: {
    curve: "P-256",
    hash: "sha256",
    subject: "cn=CA01001,ou=ECC,o=HKMC,c=KR",
    issuer: "ROOT-P256",
    years: 50,
    crl: "Crl1p1Dp4.crl",
  },
  CA05002: {
    curve: "P-521",
    hash: "sha512",
    subject: "cn=CA05002 DEV,ou=ECC DEV,o=HKMC,c=KR",
    issuer: "ROOT-P521",
    years: 50,
    crl: "Crl1p1Dp1.crl",
  },
  CA05003: {
    curve: "P-521",
    hash: "sha512",
    subject: "cn=CA05003 DEV,ou=ECC DEV,o=HKMC,c=KR",
    issuer: "ROOT-P521",
    years: 50,
    crl: "Crl1p1Dp1.crl",
  },
};

/** Issuing CA of each certificate type. */
const ISSUED_BY: Readonly<Record<CertificateType, AuthorityName>> = {
  "prov-15118-2": "CA01001",
  "prov-15118-20": "CA05003",
  "vehicle-15118-20": "CA05003",
  "ccu-sha256": "CA01001",
  "ccu-sha512": "CA05002",
};

export interface Authority {
  readonly name: AuthorityName;
  readonly certificate: Certificate;
  readonly issuer: Issuer;
  /** File of its CRL part. */
  readonly crl: string;
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
}

export interface AuthorityOptions {
  /** Folder of keys and certificates. */
  readonly dir: string;
  /** File that holds the passphrase of the private keys; made at first start. */
  readonly passphraseFile: string;
  /** Subjects (RFC 4514) that replace the defaults; they count when a CA is made. */
  readonly subjects: Readonly<Partial<Record<AuthorityName, string>>>;
  /** ms since the epoch. */
  readonly now: number;
}

/** Begins a day before now, so that no ECU with a clock a little behind refuses it. */
const BACKDATE = 86_400_000;
const YEAR = 365.25 * 86_400_000;
const newKeyPair = promisify(generateKeyPair);

function damaged(file: string, what: string, cause?: unknown): StationError {
  return new StationError("CONFIG_INVALID", { details: { what: `${file}: ${what}` }, cause });
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw damaged(file, describe(error), error);
  }
}

export class Authorities {
  readonly #all: ReadonlyMap<AuthorityName, Authority>;

  private constructor(all: ReadonlyMap<AuthorityName, Authority>) {
    this.#all = all;
  }

  /**
   * Loads the hierarchy; what is not there yet is made.
   * @throws StationError CONFIG_INVALID where files are damaged, do not fit together or a key is missing
   */
  static async open(options: AuthorityOptions): Promise<Authorities> {
    const passphrase = await passphraseOf(options.passphraseFile);
    const all = new Map<AuthorityName, Authority>();
    for (const name of AUTHORITY_NAMES) all.set(name, await openOne(name, options, passphrase, all));
    return new Authorities(all);
  }

  get(name: AuthorityName): Authority {
    const found = this.#all.get(name);
    if (found === undefined) throw new StationError("INTERNAL", { details: { what: `no CA ${name}` } });
    return found;
  }

  issuerOf(type: CertificateType): Authority {
    return this.get(ISSUED_BY[type]);
  }

  /** Issuing CAs, then roots, PEM. */
  bundle(): string {
    const order = [...this.#all.values()].sort((a, b) => Number(isRoot(a.name)) - Number(isRoot(b.name)));
    return order.map(({ certificate }) => encodePem(certificate.raw, "CERTIFICATE")).join("");
  }
}

function isRoot(name: AuthorityName): boolean {
  return AUTHORITIES[name].issuer === undefined;
}

async function passphraseOf(file: string): Promise<string> {
  if ((await readText(file)) === undefined)
    await writeFileAtomic(file, `${randomBytes(32).toString("base64url")}\n`, { exclusive: true });
  const passphrase = (await readText(file))?.trim() ?? "";
  if (passphrase.length < 8) throw damaged(file, "the passphrase is shorter than 8 characters");
  return passphrase;
}

async function openOne(
  name: AuthorityName,
  options: AuthorityOptions,
  passphrase: string,
  above: ReadonlyMap<AuthorityName, Authority>,
): Promise<Authority> {
  const row = AUTHORITIES[name];
  const certificateFile = join(options.dir, `${name}.pem`);
  const issuer = row.issuer === undefined ? undefined : above.get(row.issuer);
  const key = await keyOf(name, options, passphrase);
  if ((await readText(certificateFile)) === undefined) {
    const der = await makeCertificate(row, options.subjects[name] ?? row.subject, key, issuer, options.now);
    await writeFileAtomic(certificateFile, encodePem(der, "CERTIFICATE"), { exclusive: true, mode: 0o644 });
  }
  const certificate = await certificateOf(certificateFile, key);
  if (issuer !== undefined) await checkIssuer(certificateFile, certificate, issuer);
  return {
    name,
    certificate,
    issuer: { name: certificate.subject, keyIdentifier: keyIdentifier(publicKeyOf(key)) },
    crl: row.crl,
    sign: signer(key, row.hash),
  };
}

async function keyOf(name: AuthorityName, options: AuthorityOptions, passphrase: string): Promise<KeyObject> {
  const file = join(options.dir, `${name}.key.pem`);
  if ((await readText(file)) === undefined) {
    if ((await readText(join(options.dir, `${name}.pem`))) !== undefined)
      throw damaged(file, "the private key of an existing CA is missing");
    const { privateKey } = await newKeyPair("ec", { namedCurve: AUTHORITIES[name].curve });
    const pem = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase });
    // Where another process was first, its key is the one.
    await writeFileAtomic(file, String(pem), { exclusive: true });
  }
  try {
    return createPrivateKey({ key: (await readText(file)) ?? "", passphrase });
  } catch (error) {
    throw damaged(file, "the private key does not open with this passphrase", error);
  }
}

function makeCertificate(
  row: AuthorityRow,
  subject: string,
  key: KeyObject,
  issuer: Authority | undefined,
  now: number,
): Promise<Uint8Array> {
  return buildCaCertificate({
    subject: encodeName(parseDn(subject)),
    publicKey: publicKeyOf(key),
    ...(issuer === undefined ? {} : { issuer: issuer.issuer, pathLen: 0 }),
    serial: randomSerial(),
    notBefore: now - BACKDATE,
    notAfter: now + row.years * YEAR,
    hash: row.hash,
    sign: issuer?.sign ?? signer(key, row.hash),
  });
}

async function certificateOf(file: string, key: KeyObject): Promise<Certificate> {
  try {
    const [der] = decodePem((await readText(file)) ?? "", "CERTIFICATE");
    if (der === undefined) throw damaged(file, "there is no certificate in it");
    const certificate = parseCertificate(der);
    if (Buffer.from(certificate.spki).equals(publicKeyOf(key).spki)) return certificate;
  } catch (error) {
    throw damaged(file, describe(error), error);
  }
  throw damaged(file, "the certificate is not of the private key beside it");
}

async function checkIssuer(file: string, certificate: Certificate, issuer: Authority): Promise<void> {
  const { hash, tbs, signature } = certificate;
  const key = certificateKey(issuer.certificate);
  if (hash === undefined || !(await verifySignature(key, hash, tbs, signature)))
    throw damaged(file, `the certificate is not signed by ${issuer.name}`);
}
