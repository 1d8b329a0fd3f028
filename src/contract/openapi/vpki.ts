/** Description of the vPKI's endpoints, from its contract. */
import {
  dnFormatValue,
  FailureSchema,
  IssueAnswerSchema,
  IssueRequestSchema,
  RevokeAnswerSchema,
  RevokeRequestSchema,
  VPKI_FAILURES,
  VPKI_OPERATIONS,
  VPKI_TYPES,
  type VpkiFailure,
  type VpkiOperation,
  type VpkiType,
  vpkiFailureText,
  vpkiPath,
} from "../vpki.js";
import { content, type Example, type JsonObject, PARAMETERS, plainSchema, ref, response } from "./parts.js";
import { certExample, issueExample, revokeExample } from "./vpki-examples.js";

export const VPKI_SCHEMAS: JsonObject = {
  IssueRequest: plainSchema(IssueRequestSchema),
  IssueAnswer: plainSchema(IssueAnswerSchema),
  RevokeRequest: plainSchema(RevokeRequestSchema),
  RevokeAnswer: plainSchema(RevokeAnswerSchema),
  VpkiFailure: plainSchema(FailureSchema),
};

const TITLES: Readonly<Record<VpkiType, string>> = {
  "prov-15118-2": "Provisioning certificate, ISO 15118-2 (P-256, SHA-256)",
  "prov-15118-20": "Provisioning certificate, ISO 15118-20 (P-521, SHA-512)",
  "vehicle-15118-20": "Vehicle certificate, ISO 15118-20 (P-521, SHA-512)",
  "ccu-sha256": "CCU certificate (P-256, SHA-256)",
  "ccu-sha512": "CCU certificate (P-521, SHA-512)",
};

const CSR = ["issue", "reissue"] as const;
/** Failures of some operations only; the rest may answer any of them. `noPath` is of no operation. */
const ONLY: Partial<Record<VpkiFailure, readonly VpkiOperation[]>> = {
  noPath: [],
  empty: CSR,
  notText: CSR,
  dnMissing: ["revoke"],
  csrFormat: CSR,
  dnFormat: CSR,
  pcidCheck: CSR,
  code: CSR,
  csrKey: CSR,
  csrHash: CSR,
  csrSignature: CSR,
  certificateSize: CSR,
  keyUsed: CSR,
  alreadyRevoked: ["revoke"],
  unknownDn: ["reissue"],
  noCertificate: ["revoke"],
  busy: CSR,
};

const DN = "cn=KM8P2844A9TD84HR91,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM";
/** What stands for `{}` in the examples. */
const VALUES: Partial<Record<VpkiFailure, string>> = {
  empty: "TierCode",
  notText: "TierCode",
  dnFormat: dnFormatValue(DN, { field: "tierCode", value: "P002" }),
  noCertificate: DN,
};

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: "A parameter is missing, or the body is not JSON.",
  401: "The client is not on the allow list, or not for this.",
  403: "Done before.",
  404: "Nothing was issued for this name.",
  405: "The path has other methods.",
  406: "A parameter does not hold.",
  413: "The body is too large.",
  429: "The client sends too many requests.",
  500: "A fault of the server.",
  503: "Too many signatures wait.",
};

export function vpkiPaths(): JsonObject {
  const pairs = VPKI_TYPES.flatMap((type) =>
    VPKI_OPERATIONS.map((operation) => [vpkiPath(type, operation), { post: endpoint(type, operation) }]),
  );
  return Object.fromEntries(pairs) as JsonObject;
}

function endpoint(type: VpkiType, operation: VpkiOperation): JsonObject {
  const revokes = operation === "revoke";
  const sample: Example = { value: revokes ? revokeExample(type) : issueExample(type) };
  const answer: Example = { value: revokes ? {} : certExample(type) };
  return {
    operationId: `${operation}-${type}`,
    tags: ["vPKI"],
    summary: `${TITLES[type]}: ${operation}`,
    parameters: [PARAMETERS.idempotency, PARAMETERS.requestId],
    requestBody: { required: true, content: content(ref(revokes ? "RevokeRequest" : "IssueRequest"), { sample }) },
    responses: {
      200: response(
        revokes ? "Every certificate of the name in this type is revoked." : "The certificate, PEM with CRLF.",
        200,
        content(ref(revokes ? "RevokeAnswer" : "IssueAnswer"), { sample: answer }),
      ),
      ...failures(operation),
    },
  };
}

function failures(operation: VpkiOperation): JsonObject {
  const byStatus = new Map<number, Record<string, Example>>();
  for (const name of Object.keys(VPKI_FAILURES) as VpkiFailure[]) {
    if (ONLY[name]?.includes(operation) === false) continue;
    const { status } = VPKI_FAILURES[name];
    const value = { resultMessage: vpkiFailureText(name, VALUES[name] ?? "…") };
    byStatus.set(status, { ...byStatus.get(status), [name]: { value } });
  }
  const pairs = [...byStatus].map(([status, examples]) => [
    status,
    response(STATUS_TEXTS[status] ?? "Refused.", status, content(ref("VpkiFailure"), examples)),
  ]);
  return Object.fromEntries(pairs) as JsonObject;
}
