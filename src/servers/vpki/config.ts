/** Settings of the vPKI. */
import { type Static, Type } from "typebox";
import type { CertificateUrls } from "../../pki/certificate.js";
import type { Authority } from "./authorities.js";

const strict = { additionalProperties: false };
const Url = Type.String({ pattern: "^https?://[\\x21-\\x7e]+$" });

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
    /** File with the passphrase of the CA keys; default `passphrase` beside them, made at first start. */
    passphraseFile: Type.Optional(Type.String({ minLength: 1 })),
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
    /** How far notBefore is dated back, minutes; default 0, 0–525600. */
    backdateMinutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 525_600 })),
  },
  strict,
);
export type VpkiConfig = Static<typeof VpkiConfigSchema>;

export const DEFAULT_BASE_URL = "https://localhost:8443";

/** Path of a CA's own certificate below the base URL. */
export const caIssuersPath = (name: string) => `/ECC/cert/${name}.der`;

/** The addresses that certificates of that CA carry. */
export function urlsOf({ name, crl }: Pick<Authority, "name" | "crl">, config: VpkiConfig): CertificateUrls {
  const base = config.baseUrl ?? DEFAULT_BASE_URL;
  return {
    crl: `${config.crlUrl ?? base}/ECC/${name}/crl/${crl}`,
    ocsp: `${config.ocspUrl ?? base}/ECC/OCSP/${name}`,
    caIssuers: `${config.caIssuersUrl ?? base}${caIssuersPath(name)}`,
    cps: config.cpsUrl ?? `${base}/cps`,
    notice: config.notice ?? `${base}/repository`,
  };
}
