/** The CA hierarchy: two roots and the issuing CAs, made at first start or brought by the configuration. */
import { join } from "node:path";
import {
  buildCaCertificate,
  type Certificate,
  certificateKey,
  type Issuer,
  KEY_USAGE,
  parseCertificate,
} from "../../pki/certificate.js";
import { type Curve, type Hash, keyIdentifier, randomSerial, verifySignature } from "../../pki/keys.js";
import { encodeName, parseDn } from "../../pki/names.js";
import { decodePem, encodePem } from "../../pki/pem.js";
import { CERTIFICATE_TYPES, type CertificateType, certificateTypes } from "../../pki/types.js";
import { describe, StationError } from "../../shared/errors.js";
import { writeFileAtomic } from "../../shared/files.js";
import { type CaKey, type CaKeys, damaged, readText } from "./ca-keys.js";
import { AUTHORITY_NAMES, type AuthoritiesConfig, type AuthorityName } from "./config.js";

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

/** The CAs that issue certificates of the five types. */
export const ISSUING_NAMES: readonly AuthorityName[] = AUTHORITY_NAMES.filter(
  (name) => AUTHORITIES[name].issuer !== undefined,
);

export interface Authority {
  readonly name: AuthorityName;
  readonly certificate: Certificate;
  readonly issuer: Issuer;
  readonly curve: Curve;
  /** Of its signatures. */
  readonly hash: Hash;
  /** File of its CRL where it has one part alone. */
  readonly crl: string;
  /** Whether the CRL is that of all its certificates, since they name no distribution point. */
  readonly wholeCrl: boolean;
  /** False for a root whose key is kept elsewhere, which has its CRL from there, too. */
  readonly signs: boolean;
  readonly sign: (tbs: Uint8Array) => Promise<Uint8Array>;
}

export interface AuthorityOptions {
  /** Folder of the certificates that nobody placed elsewhere. */
  readonly dir: string;
  readonly keys: CaKeys;
  /** CAs that the configuration brings. */
  readonly given: AuthoritiesConfig;
  /** Subjects (RFC 4514) that replace the defaults; they count when a CA is made. */
  readonly subjects: Readonly<Partial<Record<AuthorityName, string>>>;
  /** ms since the epoch. */
  readonly now: number;
}

/** Begins a day before now, so that no ECU with a clock a little behind refuses it. */
const BACKDATE = 86_400_000;
const YEAR = 365.25 * 86_400_000;
export class Authorities {
  readonly #all: ReadonlyMap<AuthorityName, Authority>;

  private constructor(all: ReadonlyMap<AuthorityName, Authority>) {
    this.#all = all;
  }

  /**
   * Loads the hierarchy; what is not there yet is made.
   * @throws StationError CONFIG_INVALID where files are damaged, do not fit together or a key is missing; TOKEN_*
   */
  static async open(options: AuthorityOptions): Promise<Authorities> {
    const all = new Map<AuthorityName, Authority>();
    for (const name of AUTHORITY_NAMES) all.set(name, await openOne(name, options, all));
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

async function openOne(
  name: AuthorityName,
  options: AuthorityOptions,
  above: ReadonlyMap<AuthorityName, Authority>,
): Promise<Authority> {
  const row = AUTHORITIES[name];
  const given = options.given[name]?.certificateFile;
  const certificateFile = given ?? join(options.dir, `${name}.pem`);
  const issuer = row.issuer === undefined ? undefined : above.get(row.issuer);
  const found = await readCertificate(certificateFile);
  if (given !== undefined) checkGiven(given, row, found, options.now);
  const { curve, hash } = row;
  const use = { name, root: issuer === undefined, curve, hash, certificate: found, certificateFile };
  const key = await options.keys.open(use);
  if (found === undefined) {
    const der = await makeCertificate(row, options.subjects[name] ?? row.subject, key, issuer, options.now);
    await writeFileAtomic(certificateFile, encodePem(der, "CERTIFICATE"), { exclusive: true, mode: 0o644 });
  }
  // Where another process was first, its certificate is the one.
  const certificate = found ?? (await readCertificate(certificateFile));
  if (certificate === undefined) throw damaged(certificateFile, "there is no certificate in it");
  if (issuer !== undefined) await checkIssuer(certificateFile, certificate, issuer);
  return {
    name,
    certificate,
    issuer: { name: certificate.subject, keyIdentifier: identifierOf(certificate) },
    curve: row.curve,
    hash: row.hash,
    crl: row.crl,
    wholeCrl: certificateTypes.every(
      (type) => ISSUED_BY[type] !== name || CERTIFICATE_TYPES[type].crlDistributionPoint === undefined,
    ),
    signs: key.keyless !== true,
    sign: key.sign,
  };
}

/** What its certificates must name as their issuer's: its own identifier as it stands in its certificate (RFC 5280 4.2.1.1). */
function identifierOf(certificate: Certificate): Uint8Array {
  return certificate.subjectKeyIdentifier ?? keyIdentifier(certificateKey(certificate));
}

function makeCertificate(
  row: AuthorityRow,
  subject: string,
  key: CaKey,
  issuer: Authority | undefined,
  now: number,
): Promise<Uint8Array> {
  return buildCaCertificate({
    subject: encodeName(parseDn(subject)),
    publicKey: key.publicKey,
    ...(issuer === undefined ? {} : { issuer: issuer.issuer, pathLen: 0 }),
    serial: randomSerial(),
    notBefore: now - BACKDATE,
    notAfter: now + row.years * YEAR,
    hash: row.hash,
    sign: issuer?.sign ?? key.sign,
  });
}

async function readCertificate(file: string): Promise<Certificate | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  try {
    const [der] = decodePem(text, "CERTIFICATE");
    if (der !== undefined) return parseCertificate(der);
  } catch (error) {
    throw damaged(file, describe(error), error);
  }
  throw damaged(file, "there is no certificate in it");
}

/** A certificate that the plant brings must be one that can do this CA's work. */
function checkGiven(file: string, row: AuthorityRow, certificate: Certificate | undefined, now: number): void {
  if (certificate === undefined) throw damaged(file, "there is no such file");
  let curve: Curve;
  try {
    ({ curve } = certificateKey(certificate));
  } catch (error) {
    throw damaged(file, describe(error), error);
  }
  if (curve !== row.curve) throw damaged(file, `the key is on ${curve} (expected ${row.curve})`);
  if (!certificate.isCa) throw damaged(file, "the certificate is not a CA's (basicConstraints)");
  if (certificate.keyUsage !== undefined && (certificate.keyUsage & KEY_USAGE.keyCertSign) === 0)
    throw damaged(file, "the certificate may not sign certificates (keyUsage)");
  if (now < certificate.notBefore || now > certificate.notAfter)
    throw damaged(
      file,
      `the certificate is valid from ${day(certificate.notBefore)} to ${day(certificate.notAfter)} only`,
    );
}

const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);

async function checkIssuer(file: string, certificate: Certificate, issuer: Authority): Promise<void> {
  const { hash, tbs, signature } = certificate;
  const key = certificateKey(issuer.certificate);
  if (hash === undefined || !(await verifySignature(key, hash, tbs, signature)))
    throw damaged(file, `the certificate is not signed by ${issuer.name}`);
}
