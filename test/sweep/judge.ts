/** Judges one answer: one of the documented statuses, with the documented shape and text, and nothing in it that must stay inside. */
import { X509Certificate } from "node:crypto";
import { KMS_FAILURES, KMS_PATHS, type KmsFailure } from "../../src/contract/kms.js";
import { VPKI_FAILURES, VPKI_OPERATIONS, VPKI_TYPES, type VpkiFailure, vpkiPath } from "../../src/contract/vpki.js";
import { readAll, readWhole } from "../../src/pki/der.js";
import type { Case } from "./http-cases.js";
import { CANARIES } from "./kms-cases.js";

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

export interface Judgement {
  /** For the histogram: the status, and the failure's name where there is one. */
  readonly label: string;
  /** The request was well formed: it failed in what it asked for, or succeeded. */
  readonly past: boolean;
  /** Had an effect that is kept under its Idempotency-Key. */
  readonly effect: boolean;
}

const VPKI = new Map(
  VPKI_TYPES.flatMap((type) => VPKI_OPERATIONS.map((name) => [vpkiPath(type, name), name] as const)),
);
const KMS_ENDPOINT = /^(POST|PUT) (key|sync)$/;
/** What a program says about itself and not about the request. */
const INSIDE =
  /node:internal|node_modules|\.(?:js|ts):\d+|\bat (?:async )?[\w.<>]+ \(|ERR_[A-Z]{3}|SQLITE_|error:[0-9A-Fa-f]{8}:|PRIVATE KEY/;
const SECRETS = Object.values(CANARIES).flatMap((secret) => [
  secret,
  Buffer.from(secret, "hex").toString("base64").replace(/=+$/, ""),
]);

/** Secrets and inner workings in a text. */
export function leaksIn(text: string): string[] {
  const lower = text.toLowerCase();
  const secrets = SECRETS.filter((secret) => secret.length >= 16 && lower.includes(secret.toLowerCase()));
  const inside = INSIDE.exec(text)?.[0];
  return [...secrets.map((secret) => `the secret ${secret}`), ...(inside === undefined ? [] : [`"${inside}"`])];
}

/** @throws Error saying what is wrong with the answer */
export function judge(asked: Case, answer: Answered): Judgement {
  if (answer.status >= 500) throw new Error(`status ${answer.status}: ${answer.body.toString()}`);
  const text = answer.body.toString();
  const leaks = leaksIn(text);
  if (leaks.length > 0) throw new Error(`the answer holds ${leaks.join(", ")}: ${text}`);
  if (VPKI.has(asked.endpoint) || asked.endpoint === "vPKI, stray") return judgeVpki(asked, answer, text);
  if (KMS_ENDPOINT.test(asked.endpoint) || asked.endpoint === "KMS, stray") return judgeKms(asked, answer, text);
  return judgeStatus(asked, answer, text);
}

function jsonOf({ headers }: Answered, text: string): Record<string, unknown> {
  const type = headers["content-type"];
  if (typeof type !== "string" || !/^application\/json\b/.test(type)) throw new Error(`content type ${String(type)}`);
  const body: unknown = JSON.parse(text);
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new Error(`no JSON object: ${text}`);
  return body as Record<string, unknown>;
}

function wants(body: Record<string, unknown>, names: readonly string[]): void {
  const found = Object.keys(body).join();
  if (found !== names.join()) throw new Error(`fields ${found} instead of ${names.join()}`);
}

/** Outside of the contract's prefix, and what is no path at all. */
const isNowhere = ({ endpoint }: Case, status: number, text: string) =>
  endpoint.endsWith("stray") && status === 404 && text === '{"message":"Not Found"}';

const templates = new Map<string, RegExp>();
function fits(template: string, text: string): boolean {
  let pattern = templates.get(template);
  if (pattern === undefined) {
    const [before = "", ...after] = template.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    pattern = new RegExp(`^${[before, ...after].join("[^]*")}$`);
    templates.set(template, pattern);
  }
  return pattern.test(text);
}

const PEM = /^-----BEGIN CERTIFICATE-----\r\n(?:[A-Za-z0-9+/=]{1,64}\r\n)+-----END CERTIFICATE-----$/;
const VPKI_SCHEMA: ReadonlySet<string> = new Set<VpkiFailure>([
  "noPath",
  "method",
  "tooLarge",
  "notJson",
  "empty",
  "notText",
  "dnMissing",
  "idempotencyHeader",
]);
/** A server that is not full and has its CA keys gives none of these. */
const NEVER: ReadonlySet<string> = new Set(["internal", "busy", "tooMany"]);

function judgeVpki(asked: Case, answer: Answered, text: string): Judgement {
  const { status } = answer;
  if (asked.method === "HEAD") return { label: `${status}`, past: false, effect: false };
  const body = jsonOf(answer, text);
  if (status === 200) {
    const operation = VPKI.get(asked.endpoint) ?? VPKI.get(asked.url.split("?", 1)[0] ?? "");
    wants(body, operation === "revoke" ? [] : ["cert"]);
    if (operation !== "revoke") {
      if (!PEM.test(String(body.cert))) throw new Error(`no PEM: ${text}`);
      void new X509Certificate(String(body.cert));
    }
    return { label: "200", past: true, effect: true };
  }
  if (isNowhere(asked, status, text)) return { label: "404", past: false, effect: false };
  wants(body, ["resultMessage"]);
  const message = String(body.resultMessage);
  const found = Object.entries(VPKI_FAILURES).find(([, row]) => row.status === status && fits(row.text, message));
  if (found === undefined || NEVER.has(found[0])) throw new Error(`${status} ${message} is not documented`);
  if (found[0] === "method" && answer.headers.allow === undefined) throw new Error("405 without Allow");
  if (asked.good === true) throw new Error(`a good request was refused: ${text}`);
  return { label: `${status} ${found[0]}`, past: !VPKI_SCHEMA.has(found[0]), effect: false };
}

const KMS_STATUS: Partial<Record<KmsFailure, number>> = { notJson: 400, tooLarge: 413, noPath: 404, method: 405 };
const KMS_SCHEMA: ReadonlySet<string> = new Set<KmsFailure>([
  "noPath",
  "method",
  "notJson",
  "tooLarge",
  "notObject",
  "required",
  "notText",
  "type",
  "ecuId",
]);
const RECORDS = { M1: 16, M2: 32, M3: 16, M4: 32, M5: 16, KeySyncValue: 16, Challenge: 16 } as const;
const KEY_RECORDS = /^KeyID,M1,M2,M3,M4,M5(,KeySyncValue)?$/;
const SYNC_RECORDS = "KeyID,KeySyncValue,Challenge";

function judgeKms(asked: Case, answer: Answered, text: string): Judgement {
  const { status } = answer;
  if (asked.method === "HEAD") return { label: `${status}`, past: false, effect: false };
  const { Records: records, ...outcome } = jsonOf(answer, text);
  if (isNowhere(asked, status, text)) return { label: "404", past: false, effect: false };
  wants(outcome, ["ResultStatus", "ResultReason", "ResultMessage"]);
  const { ResultStatus, ResultReason, ResultMessage } = outcome;
  if (ResultStatus === "Success") {
    if (status !== 200 || ResultReason !== "" || ResultMessage !== "")
      throw new Error(`a strange success: ${status} ${text}`);
    checkRecords(asked, records);
    return { label: "200", past: true, effect: true };
  }
  if (records !== undefined || ResultStatus !== "OperationFailed") throw new Error(`a strange failure: ${text}`);
  const found = Object.entries(KMS_FAILURES).find(
    ([name, row]) =>
      row.reason === ResultReason &&
      (KMS_STATUS[name as KmsFailure] ?? 200) === status &&
      fits(row.text, String(ResultMessage)),
  );
  if (found === undefined || NEVER.has(found[0])) throw new Error(`${status} ${text} is not documented`);
  if (found[0] === "method" && answer.headers.allow === undefined) throw new Error("405 without Allow");
  if (asked.good === true) throw new Error(`a good request was refused: ${text}`);
  return { label: `${status} ${found[0]}`, past: !KMS_SCHEMA.has(found[0]), effect: false };
}

function checkRecords({ method, url }: Case, records: unknown): void {
  if (method === "PUT") {
    if (records !== undefined) throw new Error("a PUT with Records");
    return;
  }
  if (typeof records !== "object" || records === null) throw new Error("no Records");
  const names = Object.keys(records).join();
  const right = url.startsWith(KMS_PATHS.key) ? KEY_RECORDS.test(names) : names === SYNC_RECORDS;
  if (!right) throw new Error(`Records with ${names}`);
  for (const [name, bytes] of Object.entries(RECORDS)) {
    const value = (records as Record<string, unknown>)[name];
    if (value !== undefined && !new RegExp(`^[0-9a-f]{${2 * bytes}}$`).test(String(value)))
      throw new Error(`${name} is not ${bytes} bytes in hex: ${String(value)}`);
  }
}

const OCSP_STATUS = ["successful", "malformedRequest", "internalError", "tryLater", "", "", "unauthorized"];

function judgeStatus({ endpoint, method }: Case, answer: Answered, text: string): Judgement {
  const { status, headers, body } = answer;
  const type = String(headers["content-type"] ?? "");
  if (status === 200 && type === "application/ocsp-response") {
    const [code] = readAll(readWhole(body).content);
    const name = OCSP_STATUS[code?.content[0] ?? 4] ?? "";
    if (name === "" || name === "internalError" || name === "tryLater") throw new Error(`OCSP ${name}`);
    return { label: `200 ${name}`, past: name !== "malformedRequest", effect: false };
  }
  if (status === 200) {
    if (!/^(application\/pkix-(crl|cert)|text\/plain)/.test(type)) throw new Error(`${endpoint}: content type ${type}`);
    if (type.startsWith("application/") && method === "GET") readWhole(body);
    return { label: "200", past: true, effect: false };
  }
  if (![304, 404, 413].includes(status)) throw new Error(`status ${status}: ${text}`);
  if (status === 304 || method === "HEAD") {
    if (text !== "") throw new Error(`${status} with a body`);
  } else if (typeof jsonOf(answer, text).message !== "string") throw new Error(`no message: ${text}`);
  return { label: `${status}`, past: status === 304, effect: false };
}
