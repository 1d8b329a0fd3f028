/** What may happen to a request on its way to a server and back, and to which requests. */
import { KMS_PATHS } from "../../../src/contract/kms.js";

export type ServerName = "vpki" | "kms";

/** Faults of a connection: there is none, or the server shows another certificate. */
export const CONNECTION_FAULTS = ["refuse", "other-ca", "other-host", "expired"] as const;
/** Faults of whole requests and answers; those behind the server's commit are named so. */
const EXCHANGE_FAULTS = [
  "stall",
  "drip",
  "cut-before-commit",
  "cut-after-commit",
  "cut-amid-answer",
  "cut-and-forgotten",
  "500",
  "500-after-commit",
  "503",
  "redirect",
] as const;
/** Faults of an answer's body, which leave no reason to ask again. */
export const BODY_FAULTS = ["not-json", "wrong-schema", "other-uid", "wrong-m4", "wrong-value", "other-leaf"] as const;

export type ConnectionFault = (typeof CONNECTION_FAULTS)[number];
export type ExchangeFault = (typeof EXCHANGE_FAULTS)[number] | (typeof BODY_FAULTS)[number];
export type Fault = ConnectionFault | ExchangeFault;

export type Kind = "ping" | "issue" | "key" | "sync" | "report";

/**
 * `once`: one request meets the fault. `lasting`: that one and every later one to the same server until the run has ended. `second`: as
 * `lasting`, with a second address of the same server, at which all is well.
 */
export type Mode = "once" | "lasting" | "second";

export interface Blow {
  readonly fault: Fault;
  /** Name of the request, as in `Exchange.key`. */
  readonly key: string;
  readonly mode: Mode;
}

/** A request's name, the same whenever it is repeated. */
export function keyOf(server: ServerName, method: string, path: string, body: string): string {
  if (method === "HEAD") return `${server} ping`;
  if (server === "vpki") return `vpki ${path}`;
  const { ProvisioningType, KeyID } = JSON.parse(body) as { ProvisioningType: string; KeyID?: string };
  const kind = path === KMS_PATHS.key ? "key" : "sync";
  return method === "POST" ? kmsKey(kind, KeyID ?? "") : reportKey(kind, ProvisioningType, KeyID ?? "");
}

export const kmsKey = (kind: "key" | "sync", keyId: string) => `kms ${kind} ${keyId}`;
/** The result of a cluster key alone names its key. */
export const reportKey = (kind: "key" | "sync", type: string, keyId: string) =>
  `kms report ${kind} ${type === "SecOCKey" ? keyId : type}`;

export function serverOf(key: string): ServerName {
  return key.startsWith("vpki") ? "vpki" : "kms";
}

export function kindOf(key: string): Kind {
  const [, what = ""] = key.split(" ");
  if (what === "ping" || what === "key" || what === "sync" || what === "report") return what;
  return "issue";
}

const PICKY: Readonly<Partial<Record<Fault, readonly Kind[]>>> = {
  // An answer without a body ends with its head.
  drip: ["issue", "key", "sync", "report"],
  "cut-after-commit": ["issue", "key", "sync", "report"],
  "cut-amid-answer": ["issue", "key", "sync", "report"],
  "500-after-commit": ["issue", "key", "sync", "report"],
  "cut-and-forgotten": ["issue", "key"],
  "not-json": ["issue", "key", "sync", "report"],
  "wrong-schema": ["issue", "key", "sync", "report"],
  "other-uid": ["key"],
  "wrong-m4": ["key"],
  "wrong-value": ["sync"],
  "other-leaf": ["issue"],
};

function among<T extends string>(list: readonly T[], text: string): text is T {
  return list.some((entry) => entry === text);
}

export const isConnectionFault = (fault: Fault): fault is ConnectionFault => among(CONNECTION_FAULTS, fault);
const isBodyFault = (fault: Fault): boolean => among(BODY_FAULTS, fault);

/** Every case at the requests of a run. */
export function blowsOf(keys: readonly string[]): Blow[] {
  const faults: readonly Fault[] = [...CONNECTION_FAULTS, ...EXCHANGE_FAULTS, ...BODY_FAULTS];
  return keys.flatMap((key) =>
    faults
      .filter((fault) => PICKY[fault]?.includes(kindOf(key)) ?? true)
      .flatMap((fault) => modesOf(fault).map((mode) => ({ fault, key, mode }))),
  );
}

function modesOf(fault: Fault): readonly Mode[] {
  // Another server would give another answer to what it never heard of.
  if (isBodyFault(fault) || fault === "cut-and-forgotten") return ["once"];
  return ["once", "lasting", "second"];
}
