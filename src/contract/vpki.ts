/** The vPKI REST contract (certificates of the five types): paths, fields, texts and shapes that server and client share. */
import { type Static, Type } from "typebox";
import { HEADER_VALUE, IDEMPOTENCY_KEY } from "./common.js";

/** Base path of each certificate type. */
export const VPKI_PATHS = {
  "prov-15118-2": "/api/v1/prov",
  "prov-15118-20": "/api/v2/prov",
  "vehicle-15118-20": "/api/v2/vehicle",
  "ccu-sha256": "/api/v1/est",
  "ccu-sha512": "/api/v2/est",
} as const;

export type VpkiType = keyof typeof VPKI_PATHS;
export const VPKI_TYPES = Object.keys(VPKI_PATHS) as readonly VpkiType[];

export const VPKI_OPERATIONS = ["issue", "reissue", "revoke"] as const;
export type VpkiOperation = (typeof VPKI_OPERATIONS)[number];

/** Path of an endpoint, e.g. `/api/v1/prov/issue`. */
export function vpkiPath(type: VpkiType, operation: VpkiOperation): string {
  return `${VPKI_PATHS[type]}/${operation}`;
}

/** Codes of a request, beside its CSR. */
export const CODE_FIELDS = ["unitCode", "tierCode", "vehicleCode", "localCode", "brandCode"] as const;

/** Fields of issue and reissue in the order of the source's table: the first that is missing is the one that is named. */
export const ISSUE_FIELDS = ["csr", ...CODE_FIELDS] as const;
export type IssueField = (typeof ISSUE_FIELDS)[number];

const Required = (description: string) => Type.String({ minLength: 1, description });

export const IssueRequestSchema = Type.Object({
  csr: Required("PKCS#10 request, PEM"),
  unitCode: Required("controller (ECU) code, e.g. C001"),
  tierCode: Required("supplier code, e.g. P001"),
  vehicleCode: Required("vehicle model, e.g. SX2"),
  localCode: Required("region, e.g. KR"),
  brandCode: Required("brand, e.g. HMC"),
});
export type IssueRequestBody = Static<typeof IssueRequestSchema>;

/** The certificate in PEM, lines ended by CRLF, none behind the last. */
export const IssueAnswerSchema = Type.Object({ cert: Type.String({ minLength: 1 }) });

export const RevokeRequestSchema = Type.Object({ dn: Required("name as RFC 4514 text, leaf first") });

export const RevokeAnswerSchema = Type.Object({});

/** Body of every answer that is not 200. */
export const FailureSchema = Type.Object({ resultMessage: Type.String() });

interface FailureRow {
  readonly status: 400 | 401 | 403 | 404 | 405 | 406 | 413 | 429 | 500 | 503;
  /** `resultMessage`; `{}` stands for the value of the case. */
  readonly text: string;
}

/**
 * Every failure, the source's texts in the source's spelling, in the order in which a request is checked: path and body, then 400,
 * 406, 403, 404; the certificate's size last, since it is known when the certificate is made.
 */
export const VPKI_FAILURES = {
  notAllowed: { status: 401, text: "This client is not allowed to do this" },
  tooMany: { status: 429, text: "Too many requests, try again later" },
  noPath: { status: 404, text: "Not Found" },
  method: { status: 405, text: "Method Not Allowed" },
  tooLarge: { status: 413, text: "Request body is too large" },
  notJson: { status: 400, text: "Request body is not a JSON object" },
  empty: { status: 400, text: "{} is empty" },
  notText: { status: 400, text: "{} is not a string" },
  dnMissing: { status: 400, text: "dn parameter cannot be null" },
  idempotencyHeader: { status: 400, text: "Idempotency-Key is not 1 to 200 visible ASCII characters" },
  idempotency: { status: 406, text: "Idempotency-Key already used for another request" },
  csrFormat: { status: 406, text: "CSR Format Error: {}" },
  dnFormat: { status: 406, text: "DN Format Error: {}" },
  pcidCheck: { status: 406, text: "PCID Check Character Error: {}" },
  code: { status: 406, text: "Code Error: {}" },
  csrKey: { status: 406, text: "CSR Key Error: {}" },
  csrHash: { status: 406, text: "CSR Hash Error: {}" },
  csrSignature: { status: 406, text: "CSR Signature Error: {}" },
  certificateSize: { status: 406, text: "Certificate Size Error: {}" },
  keyUsed: { status: 403, text: "Same key already used" },
  alreadyRevoked: { status: 403, text: "already revoked" },
  unknownDn: { status: 404, text: "No certificates on this DN. Please issue first." },
  noCertificate: { status: 404, text: "no cert exists on dn {}" },
  internal: { status: 500, text: "Internal Server Error" },
  busy: { status: 503, text: "Server is busy, try again later" },
} as const satisfies Record<string, FailureRow>;

export type VpkiFailure = keyof typeof VPKI_FAILURES;

/** `resultMessage` of a failure with `value` in its place. */
export function vpkiFailureText(failure: VpkiFailure, value = ""): string {
  return VPKI_FAILURES[failure].text.replace("{}", () => value);
}

/** A parameter's name as the texts have it: `tierCode` → `TierCode`. */
export function parameterName(field: string): string {
  return field.charAt(0).toUpperCase() + field.slice(1);
}

/**
 * Value of `dnFormat`.
 * @param dn the request's name, leaf first
 * @param differs the parameter that the name does not repeat; left out where the name does not fit the type at all
 */
export function dnFormatValue(dn: string, differs?: { readonly field: IssueField; readonly value: string }): string {
  return differs === undefined ? dn : `${dn} (Request ${parameterName(differs.field)}: ${differs.value})`;
}

export { HEADER_VALUE, IDEMPOTENCY_KEY };
