/** Reads requests: fields and headers, then the CSR and its name. The order of the checks is the order of VPKI_FAILURES. */
import { createHash } from "node:crypto";
import {
  CODE_FIELDS,
  dnFormatValue,
  HEADER_VALUE,
  ISSUE_FIELDS,
  type IssueRequestBody,
  parameterName,
  VPKI_FAILURES,
  type VpkiFailure,
  vpkiFailureText,
} from "../../contract/vpki.js";
import { checkCharacter } from "../../pki/check-character.js";
import { type Csr, decodeAttributes, decodeCsrPem, parseCsr, verifyCsr } from "../../pki/csr.js";
import type { PublicKey } from "../../pki/keys.js";
import { type DnAttribute, decodeName, formatDn } from "../../pki/names.js";
import { CERTIFICATE_TYPES, type CertificateType, checkSubject } from "../../pki/types.js";
import { isStationError } from "../../shared/errors.js";
import type { VpkiConfig } from "./config.js";

/** An answer that is not 200. */
export class Refusal {
  readonly status: number;
  readonly text: string;

  constructor(
    readonly name: VpkiFailure,
    value?: string,
    /** The store has its audit row already. */
    readonly audited = false,
  ) {
    this.status = VPKI_FAILURES[name].status;
    this.text = vpkiFailureText(name, value);
  }
}

function isRecord(body: unknown): body is Readonly<Record<string, unknown>> {
  return typeof body === "object" && body !== null && !Array.isArray(body);
}

/** 400: the first field of the table that is missing, empty or no string. */
export function readIssueBody(body: unknown): IssueRequestBody | Refusal {
  if (!isRecord(body)) return new Refusal("notJson");
  const fields: Record<string, string> = {};
  for (const field of ISSUE_FIELDS) {
    const value = Object.hasOwn(body, field) ? body[field] : undefined;
    if (value === undefined || value === null) return new Refusal("empty", parameterName(field));
    if (typeof value !== "string") return new Refusal("notText", parameterName(field));
    if (value.trim() === "") return new Refusal("empty", parameterName(field));
    fields[field] = value;
  }
  return fields as IssueRequestBody;
}

/** 400: no name. */
export function readRevokeBody(body: unknown): string | Refusal {
  if (!isRecord(body)) return new Refusal("notJson");
  const dn = Object.hasOwn(body, "dn") ? body.dn : undefined;
  return typeof dn === "string" && dn.trim() !== "" ? dn : new Refusal("dnMissing");
}

/** The idempotency key with a digest of what it stands for; undefined where the request has none. */
export function readIdempotency(
  header: string | readonly string[] | undefined,
  path: string,
  fields: readonly string[],
): { key: string; request: string } | undefined | Refusal {
  if (header === undefined) return undefined;
  if (typeof header !== "string" || !HEADER_VALUE.test(header)) return new Refusal("idempotencyHeader");
  const request = createHash("sha256")
    .update(JSON.stringify([path, ...fields]))
    .digest("hex");
  return { key: header, request };
}

export interface CheckedCsr {
  readonly name: readonly DnAttribute[];
  readonly dn: string;
  readonly key: PublicKey;
  readonly attributes: readonly { readonly oid: string; readonly value: string }[];
}

interface ReadCsr {
  readonly csr: Csr;
  readonly name: readonly DnAttribute[];
  readonly attributes: readonly { readonly oid: string; readonly value: string }[];
}

function readCsr(pem: string): ReadCsr | Refusal {
  try {
    const csr = parseCsr(decodeCsrPem(pem));
    return { csr, name: decodeName(csr.subject), attributes: decodeAttributes(csr.attributes) };
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE")) return new Refusal("csrFormat", String(error.details.what));
    throw error;
  }
}

const CSR_FAILURES = { curve: "csrKey", hash: "csrHash", signature: "csrSignature" } as const;

/** What the configuration says about requests. */
export type RequestRules = Pick<VpkiConfig, "codes" | "pcidCheckCharacter">;

/** 406: the CSR itself, its name against type and codes, then curve, hash and proof of possession. */
export async function checkCsr(
  type: CertificateType,
  body: IssueRequestBody,
  rules: RequestRules,
): Promise<CheckedCsr | Refusal> {
  const read = readCsr(body.csr);
  if (read instanceof Refusal) return read;
  const dn = formatDn(read.name);
  const refusal = checkName(type, read.name, dn, body) ?? checkPcid(type, read.name, rules) ?? checkCodes(body, rules);
  if (refusal !== undefined) return refusal;
  const checked = await verifyCsr(read.csr, CERTIFICATE_TYPES[type]);
  if (!checked.ok) return new Refusal(CSR_FAILURES[checked.reason], checked.what);
  return { name: read.name, dn, key: checked.key, attributes: read.attributes };
}

function checkName(
  type: CertificateType,
  name: readonly DnAttribute[],
  dn: string,
  body: IssueRequestBody,
): Refusal | undefined {
  const subject = checkSubject(type, name, body);
  if (subject.ok) return undefined;
  const { parameter } = subject;
  const differs = parameter === undefined ? undefined : { field: parameter, value: body[parameter] };
  return new Refusal("dnFormat", dnFormatValue(dn, differs));
}

function checkPcid(
  type: CertificateType,
  name: readonly DnAttribute[],
  { pcidCheckCharacter = "ignored" }: RequestRules,
): Refusal | undefined {
  const isPcid = CERTIFICATE_TYPES[type].subject.some((part) => "commonName" in part && part.commonName === "PCID");
  const pcid = name.find((attribute) => attribute.type === "CN")?.value ?? "";
  const bare = pcid.length === 17 && pcidCheckCharacter === "verified";
  if (!isPcid || pcidCheckCharacter === "ignored" || bare) return undefined;
  const wanted = checkCharacter(pcid.slice(0, 17));
  if (pcid.slice(17).toUpperCase() === wanted) return undefined;
  return new Refusal("pcidCheck", `${pcid} (expected ${wanted} as character 18)`);
}

/** The codes against those that the configuration lists. */
function checkCodes(body: IssueRequestBody, { codes = {} }: RequestRules): Refusal | undefined {
  const field = CODE_FIELDS.find((name) => codes[name]?.includes(body[name]) === false);
  return field && new Refusal("code", `${parameterName(field)} ${body[field]} is not registered`);
}
