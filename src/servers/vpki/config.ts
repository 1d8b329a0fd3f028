/** Settings of the vPKI. */
import { type Static, Type } from "typebox";
import type { CertificateUrls } from "../../pki/certificate.js";
import { TokenSchema } from "../../shared/token-config.js";
import type { Authority } from "./authorities.js";

/** Names of the CAs: of their files, and in the URLs that certificates carry. */
export const AUTHORITY_NAMES = ["ROOT-P256", "ROOT-P521", "CA01001", "CA05002", "CA05003"] as const;
export type AuthorityName = (typeof AUTHORITY_NAMES)[number];

const strict = { additionalProperties: false };
const Url = Type.String({ pattern: "^https?://[\\x21-\\x7e]+$" });
const Path = Type.String({ minLength: 1 });
const Codes = Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1 }));

/** Where CA keys are that `authorities` does not place: encrypted files (default), or a token. */
export const CaKeysSchema = Type.Union([
  Type.Object(
    {
      file: Type.Object(
        {
          /** File with their passphrase; default `passphrase` beside them, made at first start. */
          passphraseFile: Type.Optional(Path),
        },
        strict,
      ),
    },
    strict,
  ),
  Type.Object({ pkcs11: TokenSchema }, strict),
]);
export type CaKeysConfig = Static<typeof CaKeysSchema>;

/** One CA whose certificate or key is the plant's own, or whose key has a place of its own. */
const AuthoritySchema = Type.Object(
  {
    /** Its certificate, PEM. A root needs no key beside it where its issuing CAs have certificates, too. */
    certificateFile: Type.Optional(Path),
    /** Its private key, PEM (PKCS#8 or SEC 1), encrypted or not. */
    keyFile: Type.Optional(Path),
    passphraseFile: Type.Optional(Path),
    /** Or the token that its key is in. */
    pkcs11: Type.Optional(TokenSchema),
    /** Label of the key in the token; default the CA's name. */
    keyLabel: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    /** CKA_ID of the key, hex, where labels are not unique. */
    keyId: Type.Optional(Type.String({ pattern: "^([0-9a-fA-F]{2}){1,64}$" })),
  },
  strict,
);
export type AuthorityConfig = Static<typeof AuthoritySchema>;

export const AuthoritiesSchema = Type.Object(
  {
    "ROOT-P256": Type.Optional(AuthoritySchema),
    "ROOT-P521": Type.Optional(AuthoritySchema),
    CA01001: Type.Optional(AuthoritySchema),
    CA05002: Type.Optional(AuthoritySchema),
    CA05003: Type.Optional(AuthoritySchema),
  },
  strict,
);
export type AuthoritiesConfig = Static<typeof AuthoritiesSchema>;

export const VpkiConfigSchema = Type.Object(
  {
    /** Where peers reach CRL, OCSP and CA certificates, without a slash at the end; goes into the certificates. */
    baseUrl: Type.Optional(Url),
    /** Each of them elsewhere than at `baseUrl`. */
    crlUrl: Type.Optional(Url),
    ocspUrl: Type.Optional(Url),
    caIssuersUrl: Type.Optional(Url),
    /** CPS URI and text of the user notice in certificate policies. */
    cpsUrl: Type.Optional(Url),
    notice: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: "^[\\x20-\\x7e]+$" })),
    /** Subjects of the CAs by file name (RFC 4514); they count when a CA is made. */
    subjects: Type.Optional(
      Type.Object(
        {
          "ROOT-P256": Type.Optional(Type.String()),
          "ROOT-P521": Type.Optional(Type.String()),
          CA01001: Type.Optional(Type.String()),
          CA05002: Type.Optional(Type.String()),
          CA05003: Type.Optional(Type.String()),
        },
        strict,
      ),
    ),
    caKeys: Type.Optional(CaKeysSchema),
    authorities: Type.Optional(AuthoritiesSchema),
    /** Types whose certificates are made exactly as the OEM's service was seen to make them; default none. */
    asSeen: Type.Optional(
      Type.Object(
        {
          "prov-15118-2": Type.Optional(Type.Boolean()),
          "prov-15118-20": Type.Optional(Type.Boolean()),
          "vehicle-15118-20": Type.Optional(Type.Boolean()),
          "ccu-sha256": Type.Optional(Type.Boolean()),
          "ccu-sha512": Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
    /** Codes that requests may name, letter by letter; of a kind that is not here, any. */
    codes: Type.Optional(
      Type.Object({ unitCode: Codes, tierCode: Codes, vehicleCode: Codes, localCode: Codes, brandCode: Codes }, strict),
    ),
    /**
     * The 18th character of a PCID: `ignored` (default: the OEM's samples have none that is right), `verified` where there is one, or
     * `required`, which refuses PCIDs of 17 characters.
     */
    pcidCheckCharacter: Type.Optional(Type.Enum(["ignored", "verified", "required"])),
    /** How far notBefore is dated back, minutes; default 0, 0–525600. */
    backdateMinutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 525_600 })),
    /**
     * Days after a reissue until the former certificates of that name are revoked as superseded; default 7, 0–3650; 0 = at once, which
     * leaves a unit without a valid certificate where the installation of the new one fails. `keep` never revokes them.
     */
    supersedeDays: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 3650 }), Type.Literal("keep")])),
    /** Days that the answer of an Idempotency-Key is kept for certain; default 30, 1–3650. */
    idempotencyDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
    /** Parts of the CRL of a CA whose certificates name a distribution point; for certificates issued from now on; default 1, 1–64. */
    crlPartitions: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
    /** Life of a CRL, days; default 7, 1–365. A new one is made after half of it, and on every revocation. */
    crlDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 365 })),
    /** How often the CRLs are looked at, minutes; default 10, 1–1440. */
    crlCheckMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1440 })),
    /** How long an OCSP answer may be used, minutes; default 60, 1–10080. */
    ocspMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_080 })),
    /** Life of an OCSP signer's certificate, days; default 30, 1–90. A new one is made after half of it. */
    ocspSignerDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 90 })),
    /** Signatures that may wait to be made or checked; beyond it requests are answered 503 and OCSP tryLater; default 256, 1–10000. */
    signingQueue: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  },
  strict,
);
export type VpkiConfig = Static<typeof VpkiConfigSchema>;

export const DEFAULT_BASE_URL = "https://localhost:8443";
export const IDEMPOTENCY_DAYS = 30;
export const SUPERSEDE_DAYS = 7;
export const CRL_DAYS = 7;
export const CRL_CHECK_MINUTES = 10;
export const OCSP_MINUTES = 60;
export const OCSP_SIGNER_DAYS = 30;
export const SIGNING_QUEUE = 256;

/** Paths below the base URL. */
export const CPS_PATH = "/cps";
export const REPOSITORY_PATH = "/repository";
export const ocspPath = (name: string) => `/ECC/OCSP/${name}`;

/** Path of a CA's own certificate below the base URL. */
export const caIssuersPath = (name: string) => `/ECC/cert/${name}.der`;

type CrlNames = Pick<Authority, "crl" | "wholeCrl">;

/** Files of a CA's CRL. One part has the name that the samples have. */
export function crlFiles({ crl, wholeCrl }: CrlNames, { crlPartitions = 1 }: VpkiConfig): string[] {
  if (wholeCrl || crlPartitions === 1) return [crl];
  return Array.from({ length: crlPartitions }, (_, i) => `Crl1p1Dp${i + 1}.crl`);
}

/** The file that the certificate with that serial belongs to. */
export function crlFileOf(authority: CrlNames, serial: Uint8Array, config: VpkiConfig): string {
  const files = crlFiles(authority, config);
  return files[(serial.at(-1) ?? 0) % files.length] ?? authority.crl;
}

/**
 * The addresses that certificates of that CA carry.
 * @param crl file of the CRL
 * @param base where the service is reached
 */
export function urlsOf(
  { name }: Pick<Authority, "name">,
  crl: string,
  base: string,
  config: VpkiConfig,
): CertificateUrls {
  return {
    crl: `${config.crlUrl ?? base}/ECC/${name}/crl/${crl}`,
    ocsp: `${config.ocspUrl ?? base}${ocspPath(name)}`,
    caIssuers: `${config.caIssuersUrl ?? base}${caIssuersPath(name)}`,
    cps: config.cpsUrl ?? `${base}${CPS_PATH}`,
    notice: config.notice ?? `${base}${REPOSITORY_PATH}`,
  };
}
