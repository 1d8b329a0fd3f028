/** The five certificate types of the vPKI as a table: what the request must be, and what the certificate carries. */

import type { Curve, Hash } from "./keys.js";
import type { DnAttribute } from "./names.js";

export type CertificateType = "prov-15118-2" | "prov-15118-20" | "vehicle-15118-20" | "ccu-sha256" | "ccu-sha512";

/** Request parameters that the subject repeats. */
export type SubjectParameter = "unitCode" | "tierCode";

/** What the common name says. */
export type CommonName = "PCID" | "EVCCID" | "host name";

/** One attribute of the subject: a fixed value, a request parameter, or the common name. */
export type SubjectPart =
  | { readonly type: string; readonly is: string }
  | { readonly type: string; readonly parameter: SubjectParameter }
  | { readonly type: "CN"; readonly commonName: CommonName };

/** Request and certificate of one type; an extension is undefined where the certificate does not have it. */
export interface TypeProfile {
  readonly title: string;
  /** Of the REST API. */
  readonly basePath: string;
  readonly curve: Curve;
  /** Of the request and of the issuer's signature. */
  readonly hash: Hash;
  /** In DER order. */
  readonly subject: readonly SubjectPart[];
  readonly years: number;
  /** Most bytes of the certificate in DER (ISO 15118-2 [V2G2-010]); left out where nothing bounds it. */
  readonly maxBytes?: number;
  /** Whether AKI and SKI are critical where the certificate is made as seen; by default they never are (RFC 5280 4.2.1.1, 4.2.1.2). */
  readonly criticalKeyIdentifiersAsSeen: boolean;
  readonly policy: { readonly oid: string; readonly oidAsSeen: string; readonly qualifiers: boolean } | undefined;
  readonly extKeyUsage: { readonly critical: boolean; readonly purposes: readonly string[] } | undefined;
  readonly crlDistributionPoint: { readonly critical: boolean } | undefined;
  readonly authorityInfo: { readonly ocsp: boolean; readonly caIssuers: boolean } | undefined;
}

export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ANY_POLICY = "2.5.29.32.0";
/** The extension's own OID in a policy's place: no policy, but what the OEM's service writes. */
const POLICY_AS_SEEN = "2.5.29.32";
const CCU_POLICY = "1.3.6.1.4.1.1678.2.0.99.1";

const subject = (root: DnAttribute, commonName: CommonName): readonly SubjectPart[] => [
  { type: root.type, is: root.value },
  { type: "O", is: "HKMC" },
  { type: "OU", is: "ECC" },
  { type: "OU", parameter: "unitCode" },
  { type: "OU", parameter: "tierCode" },
  { type: "CN", commonName },
];
/** X.520 ub-organizational-unit-name; no control characters, behind which a NUL could hide the rest of a name, and not blank. */
const CODE = /^(?=.*\S)\P{Cc}{1,64}$/u;
const LABEL = "[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?";
const COMMON_NAMES: Readonly<Record<CommonName, RegExp>> = {
  /** Manufacturer (3), its own number (14), and optionally a check character. */
  PCID: /^[0-9A-Za-z]{17,18}$/,
  EVCCID: /^[0-9A-Za-z]{20}$/,
  /** RFC 1123 2.1, as long as X.520 ub-common-name lets it be. */
  "host name": new RegExp(`^(?=.{1,64}$)${LABEL}(?:\\.${LABEL})*$`),
};

export const CERTIFICATE_TYPES: Readonly<Record<CertificateType, TypeProfile>> = {
  "prov-15118-2": {
    title: "Provisioning (ISO 15118-2)",
    basePath: "/api/v1/prov",
    curve: "P-256",
    hash: "sha256",
    subject: subject({ type: "DC", value: "OEM" }, "PCID"),
    years: 30,
    maxBytes: 800,
    criticalKeyIdentifiersAsSeen: false,
    policy: { oid: ANY_POLICY, oidAsSeen: POLICY_AS_SEEN, qualifiers: false },
    extKeyUsage: undefined,
    crlDistributionPoint: { critical: false },
    authorityInfo: { ocsp: true, caIssuers: false },
  },
  "prov-15118-20": {
    title: "Provisioning (ISO 15118-20)",
    basePath: "/api/v2/prov",
    curve: "P-521",
    hash: "sha512",
    subject: subject({ type: "DC", value: "OEM20" }, "PCID"),
    years: 30,
    criticalKeyIdentifiersAsSeen: true,
    policy: undefined,
    extKeyUsage: undefined,
    crlDistributionPoint: { critical: false },
    authorityInfo: undefined,
  },
  "vehicle-15118-20": {
    title: "Vehicle (ISO 15118-20)",
    basePath: "/api/v2/vehicle",
    curve: "P-521",
    hash: "sha512",
    subject: subject({ type: "DC", value: "EV" }, "EVCCID"),
    years: 30,
    criticalKeyIdentifiersAsSeen: true,
    policy: undefined,
    extKeyUsage: { critical: true, purposes: [SERVER_AUTH, CLIENT_AUTH] },
    crlDistributionPoint: { critical: true },
    authorityInfo: undefined,
  },
  "ccu-sha256": {
    title: "CCU (ecdsa-with-SHA256)",
    basePath: "/api/v1/est",
    curve: "P-256",
    hash: "sha256",
    subject: subject({ type: "C", value: "KR" }, "host name"),
    years: 20,
    criticalKeyIdentifiersAsSeen: false,
    policy: { oid: CCU_POLICY, oidAsSeen: CCU_POLICY, qualifiers: true },
    extKeyUsage: { critical: false, purposes: [SERVER_AUTH, CLIENT_AUTH] },
    crlDistributionPoint: { critical: false },
    authorityInfo: { ocsp: true, caIssuers: true },
  },
  "ccu-sha512": {
    title: "CCU (ecdsa-with-SHA512)",
    basePath: "/api/v2/est",
    curve: "P-521",
    hash: "sha512",
    subject: subject({ type: "C", value: "KR" }, "host name"),
    years: 3,
    criticalKeyIdentifiersAsSeen: true,
    policy: undefined,
    extKeyUsage: { critical: true, purposes: [CLIENT_AUTH] },
    crlDistributionPoint: undefined,
    authorityInfo: undefined,
  },
};

export const certificateTypes = Object.keys(CERTIFICATE_TYPES) as readonly CertificateType[];

const SAMPLES: Readonly<Record<CommonName | SubjectParameter, string>> = {
  PCID: "KM8P2844A9TD84HR91",
  EVCCID: "KM7V200DA343BEMZEG80",
  "host name": "test20230207091007.com",
  unitCode: "C001",
  tierCode: "P001",
};

/** A subject (DER order) of usual length, with the values of the OEM's samples. */
export function sampleSubject(type: CertificateType): DnAttribute[] {
  return CERTIFICATE_TYPES[type].subject.map((part) => {
    if ("is" in part) return { type: part.type, value: part.is };
    return { type: part.type, value: SAMPLES["commonName" in part ? part.commonName : part.parameter] };
  });
}

export type SubjectCheck =
  | { readonly ok: true }
  /** `parameter` is the request parameter that differs; undefined where the name does not fit the type at all. */
  | { readonly ok: false; readonly parameter: SubjectParameter | undefined };

/** Compares a subject (DER order) with the type's pattern and the request's codes, letter by letter. */
export function checkSubject(
  type: CertificateType,
  name: readonly DnAttribute[],
  codes: Readonly<Record<SubjectParameter, string>>,
): SubjectCheck {
  const parts = CERTIFICATE_TYPES[type].subject;
  let parameter: SubjectParameter | undefined;
  if (parts.length !== name.length) return { ok: false, parameter };
  for (const [i, part] of parts.entries()) {
    const attribute = name[i];
    if (attribute?.type !== part.type) return { ok: false, parameter: undefined };
    if ("is" in part && attribute.value !== part.is) return { ok: false, parameter: undefined };
    if ("commonName" in part && !COMMON_NAMES[part.commonName].test(attribute.value))
      return { ok: false, parameter: undefined };
    if (!("parameter" in part)) continue;
    if (!CODE.test(attribute.value)) return { ok: false, parameter: undefined };
    if (attribute.value !== codes[part.parameter]) parameter ??= part.parameter;
  }
  return parameter === undefined ? { ok: true } : { ok: false, parameter };
}
