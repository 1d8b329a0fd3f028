/** 29 Authentication by certificates (APCE): ISO 14229-1:2020 §10.6. Keys and certificates themselves stay behind `Credentials`. */
import { concat } from "../../shared/bytes.js";
import { accepted, denied, LEAST_CHALLENGE, unexpected } from "./authentication.js";
import { call } from "./call.js";
import type { UdsClient } from "./client.js";
import { AUTHENTICATION, AUTHENTICATION_RETURN } from "./tables/authentication.js";

export interface CertificateExchange {
  readonly kind: "certificate";
  /** 0–FF. Default 0. */
  readonly communicationConfiguration?: number;
  /** The ECU shows a certificate and proves that it is its own. Default true. */
  readonly mutual?: boolean;
  /** Bytes of our challenge, 16–64. Default 32. */
  readonly challengeLength?: number;
  /** The issuing CAs go ahead by transmitCertificate under this number, 0–FFFF. Left out: behind the leaf. */
  readonly certificateEvaluationId?: number;
}

/** The station's own certificate and key, and whom it trusts. */
export interface Credentials {
  /** DER: the leaf, then its issuing CAs. */
  readonly certificates: readonly [Uint8Array, ...Uint8Array[]];
  /** Proof of ownership of the leaf's key over a token. */
  sign(token: Uint8Array): Promise<Uint8Array>;
  /**
   * What is wrong with the ECU's certificates or its proof; undefined where nothing is.
   * @param certificateServer DER: the ECU's leaf, and CAs behind it
   */
  fault(certificateServer: Uint8Array, token: Uint8Array, proof: Uint8Array): Promise<string | undefined>;
}

const NOTHING = new Uint8Array(0);
const OWNERSHIP_NEXT = AUTHENTICATION_RETURN.certificateVerifiedOwnershipVerificationNecessary;

/**
 * Shows the station's certificate and proves that its key is ours; with `mutual` the ECU does so before. The tokens under the proofs
 * follow ISO/IEC 9798-3: ours is challengeClient ‖ challengeServer, the ECU's challengeServer ‖ challengeClient; without `mutual`
 * challengeClient is empty. Session keys are not agreed upon.
 * @throws StationError UDS_ACCESS_DENIED, UDS_NEGATIVE_RESPONSE, UDS_UNEXPECTED_RESPONSE
 */
export async function exchangeCertificates(
  client: UdsClient,
  options: CertificateExchange,
  credentials: Credentials,
  random: (length: number) => Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const { communicationConfiguration = 0, mutual = true, challengeLength = 32, certificateEvaluationId } = options;
  const [leaf, ...issuers] = credentials.certificates;
  if (certificateEvaluationId !== undefined) {
    // From the root's side: an ECU takes a CA whose issuer it knows.
    for (const certificateData of [...issuers].reverse()) {
      const sent = { certificateEvaluationId, certificateData };
      const answer = await call(client, AUTHENTICATION.transmitCertificate, sent, { signal });
      accepted(answer.authenticationReturnParameter, AUTHENTICATION_RETURN.certificateVerified);
    }
  }
  const challengeClient = mutual ? random(challengeLength) : NOTHING;
  const shown = certificateEvaluationId === undefined ? concat(leaf, ...issuers) : leaf;
  const request = { communicationConfiguration, certificateClient: shown, challengeClient };
  const challengeServer = mutual
    ? await bidirectional(client, credentials, request, signal)
    : await unidirectional(client, request, signal);
  const proofOfOwnershipClient = await credentials.sign(concat(challengeClient, challengeServer));
  const proof = { proofOfOwnershipClient, ephemeralPublicKeyClient: NOTHING };
  const done = await call(client, AUTHENTICATION.proofOfOwnership, proof, { signal });
  accepted(done.authenticationReturnParameter, AUTHENTICATION_RETURN.ownershipVerifiedAuthenticationComplete);
}

interface CertificateRequest {
  readonly communicationConfiguration: number;
  readonly certificateClient: Uint8Array;
  readonly challengeClient: Uint8Array;
}

async function unidirectional(
  client: UdsClient,
  request: CertificateRequest,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const answer = await call(client, AUTHENTICATION.verifyCertificateUnidirectional, request, { signal });
  accepted(answer.authenticationReturnParameter, OWNERSHIP_NEXT);
  return usable(answer);
}

/** Proves nothing of ours to an ECU that has not proven itself. */
async function bidirectional(
  client: UdsClient,
  credentials: Credentials,
  request: CertificateRequest,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const answer = await call(client, AUTHENTICATION.verifyCertificateBidirectional, request, { signal });
  accepted(answer.authenticationReturnParameter, OWNERSHIP_NEXT);
  const challengeServer = usable(answer);
  const token = concat(challengeServer, request.challengeClient);
  const fault = await credentials.fault(answer.certificateServer, token, answer.proofOfOwnershipServer);
  if (fault !== undefined) throw denied(`the ECU's own certificate: ${fault}`);
  return challengeServer;
}

function usable(answer: {
  readonly challengeServer: Uint8Array;
  readonly ephemeralPublicKeyServer: Uint8Array;
}): Uint8Array {
  const { challengeServer, ephemeralPublicKeyServer } = answer;
  if (challengeServer.length < LEAST_CHALLENGE)
    throw unexpected(`a challenge of ${challengeServer.length} bytes, at least ${LEAST_CHALLENGE} wanted`);
  if (ephemeralPublicKeyServer.length > 0) throw unexpected("a session key is wanted, which this program has not");
  return challengeServer;
}
