/** The station's client of the vPKI. */
import { X509Certificate } from "node:crypto";
import { Value } from "typebox/value";
import { IDEMPOTENCY_KEY } from "../contract/common.js";
import { FailureSchema, IssueAnswerSchema, RevokeAnswerSchema, vpkiPath } from "../contract/vpki.js";
import { describe, StationError } from "../shared/errors.js";
import type { CertificateRequest, IssueAnswer, VpkiClient } from "../station/ports.js";
import { bodyOf } from "./answer.js";
import { readChainBundle } from "./chain.js";
import { createHttpClient, type HttpAnswer, NOT_LET_IN, type ServerErrors, type ServerOptions } from "./http.js";

type ChainSource = VpkiClient["chain"];

export interface VpkiClientOptions extends ServerOptions {
  /** Where issuing CAs and roots come from: a PEM bundle of all types, or a function. */
  readonly chain: string | ChainSource;
  /** What errors call the bundle; default "chain file". */
  readonly chainName?: string;
}

const ERRORS: ServerErrors = { unreachable: "VPKI_UNREACHABLE", fault: "VPKI_FAULT", rejected: "VPKI_REJECTED" };

/** @throws StationError CONFIG_INVALID for an address that is no https URL, or a bundle without a root */
export function createVpkiClient(options: VpkiClientOptions): VpkiClient & { close(): Promise<void> } {
  const http = createHttpClient(options, ERRORS);
  const chain = typeof options.chain === "string" ? bundleSource(options.chain, options.chainName) : options.chain;

  const provide = async (
    operation: "issue" | "reissue",
    request: CertificateRequest,
    idempotencyKey: string,
    signal: AbortSignal,
  ): Promise<IssueAnswer> => {
    const { type, csrPem, ...codes } = request;
    const body = JSON.stringify({ csr: csrPem, ...codes });
    const headers = { [IDEMPOTENCY_KEY]: idempotencyKey };
    const answer = await http.call({ method: "POST", path: vpkiPath(type, operation), body, headers }, signal);
    if (answer.status === 200) {
      return { kind: "issued", certificate: certificateOf(bodyOf(IssueAnswerSchema, answer, ERRORS).cert) };
    }
    const text = messageOf(answer);
    if (answer.status === 403) return { kind: "key-used" };
    if (answer.status === 404 && operation === "reissue") return { kind: "unknown-dn" };
    throw rejected(answer, text);
  };

  return {
    ping: (signal) => http.ping(signal),
    close: () => http.close(),
    issue: (request, idempotencyKey, signal) => provide("issue", request, idempotencyKey, signal),
    reissue: (request, idempotencyKey, signal) => provide("reissue", request, idempotencyKey, signal),

    async revoke(type, dn, signal) {
      const body = JSON.stringify({ dn });
      const answer = await http.call({ method: "POST", path: vpkiPath(type, "revoke"), body }, signal);
      if (answer.status === 200) {
        bodyOf(RevokeAnswerSchema, answer, ERRORS);
        return "revoked";
      }
      const text = messageOf(answer);
      if (answer.status === 403) return "already-revoked";
      if (answer.status === 404) return "unknown-dn";
      throw rejected(answer, text);
    },

    chain,
  };
}

function bundleSource(pem: string, name?: string): ChainSource {
  const bundle = readChainBundle(pem, name);
  return async (leaf) => bundle.of(leaf) ?? bundle.all;
}

/** A refusal's text: a 403 or 404 without one comes from something else than the vPKI. @throws StationError VPKI_FAULT */
function messageOf(answer: HttpAnswer): string {
  if (answer.status === 401 && !Value.Check(FailureSchema, answer.json)) return NOT_LET_IN;
  return bodyOf(FailureSchema, answer, ERRORS).resultMessage;
}

function rejected(answer: HttpAnswer, text: string): StationError {
  return new StationError(ERRORS.rejected, { details: { status: answer.status, what: text } });
}

function certificateOf(pem: string): Uint8Array {
  const fault = (what: string, cause?: unknown) =>
    new StationError(ERRORS.fault, { details: { what: `wrong answer (200): ${what}` }, cause });
  if (pem.split("-----BEGIN ").length !== 2) throw fault("cert is not one certificate in PEM");
  try {
    return new Uint8Array(new X509Certificate(pem).raw);
  } catch (error) {
    throw fault(`cert cannot be read: ${describe(error)}`, error);
  }
}
