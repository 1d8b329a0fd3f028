/** 29 Authentication by challenge-response (ACR) with a symmetric key: ISO 14229-1:2020 §10.6. */
import { cmac } from "@noble/ciphers/aes.js";
import { concat, equalBytes, equalConstantTime, fromHex } from "../../shared/bytes.js";
import { StationError } from "../../shared/errors.js";
import type { Secret } from "../../shared/secret.js";
import { call } from "./call.js";
import type { UdsClient } from "./client.js";
import { unexpectedResponse } from "./messages.js";
import { AUTHENTICATION, AUTHENTICATION_RETURN, authenticationReturnName } from "./tables/authentication.js";
import { SID } from "./tables/services.js";

/** Proof of ownership from what is proven, by the names that profiles use. */
const PROOF_ALGORITHMS = {
  /** AES-128-CMAC(secret, token), 16 bytes (RFC 4493). */
  "aes-cmac": (secret: Secret, token: Uint8Array): Uint8Array => secret.use((key) => cmac(token, key)),
} as const;

export interface ChallengeResponse {
  readonly kind: "challenge-response";
  readonly algorithm: keyof typeof PROOF_ALGORITHMS;
  /** 16 bytes of hex: what the ECU calls the algorithm. */
  readonly algorithmIndicator: string;
  /** 0–FF. Default 0. */
  readonly communicationConfiguration?: number;
  /** The ECU proves itself too. Default true. */
  readonly mutual?: boolean;
  /** Bytes of our challenge, 16–64. Default 16. */
  readonly challengeLength?: number;
}

/** Shortest challenge of an ECU, bytes: with a shorter one its proof could be made of ours. */
export const LEAST_CHALLENGE = 16;

const NOTHING = new Uint8Array(0);

/**
 * Proves that we have the secret, and has the ECU prove it where `mutual` says so. The tokens follow ISO/IEC 9798-4: ours is
 * challengeClient ‖ challengeServer, the ECU's challengeServer ‖ challengeClient; without `mutual` challengeClient is empty.
 * @throws StationError UDS_ACCESS_DENIED, UDS_NEGATIVE_RESPONSE, UDS_UNEXPECTED_RESPONSE
 */
export async function authenticate(
  client: UdsClient,
  options: ChallengeResponse,
  secret: Secret,
  random: (length: number) => Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const { communicationConfiguration = 0, mutual = true, challengeLength = 16 } = options;
  const prove = PROOF_ALGORITHMS[options.algorithm];
  const algorithmIndicator = fromHex(options.algorithmIndicator);
  const asked = await call(
    client,
    AUTHENTICATION.requestChallengeForAuthentication,
    { communicationConfiguration, algorithmIndicator },
    { signal },
  );
  accepted(asked.authenticationReturnParameter, AUTHENTICATION_RETURN.requestAccepted);
  sameAlgorithm(asked.algorithmIndicator, algorithmIndicator);
  const { challengeServer } = asked;
  if (challengeServer.length < LEAST_CHALLENGE)
    throw unexpected(`a challenge of ${challengeServer.length} bytes, at least ${LEAST_CHALLENGE} wanted`);
  if (asked.neededAdditionalParameter.length > 0) throw unexpected("an additional parameter is needed");
  const challengeClient = mutual ? random(challengeLength) : NOTHING;
  const proof = prove(secret, concat(challengeClient, challengeServer));
  const request = {
    algorithmIndicator,
    proofOfOwnershipClient: proof,
    challengeClient,
    additionalParameter: NOTHING,
  };
  const complete = AUTHENTICATION_RETURN.ownershipVerifiedAuthenticationComplete;
  if (!mutual) {
    const done = await call(client, AUTHENTICATION.verifyProofOfOwnershipUnidirectional, request, { signal });
    accepted(done.authenticationReturnParameter, complete);
    sameAlgorithm(done.algorithmIndicator, algorithmIndicator);
    return;
  }
  const done = await call(client, AUTHENTICATION.verifyProofOfOwnershipBidirectional, request, { signal });
  accepted(done.authenticationReturnParameter, complete);
  sameAlgorithm(done.algorithmIndicator, algorithmIndicator);
  const expected = prove(secret, concat(challengeServer, challengeClient));
  if (!equalConstantTime(done.proofOfOwnershipServer, expected)) throw denied("the ECU's own proof is wrong");
}

/** Gives up what was authenticated. @throws as `UdsClient.request` */
export async function deAuthenticate(client: UdsClient, signal: AbortSignal): Promise<void> {
  await call(client, AUTHENTICATION.deAuthenticate, {}, { signal });
}

/** @throws StationError UDS_ACCESS_DENIED for another return parameter than `wanted` */
export function accepted(found: number, wanted: number): void {
  if (found !== wanted) throw denied(authenticationReturnName(found) ?? `authenticationReturnParameter ${found}`);
}

function sameAlgorithm(found: Uint8Array, wanted: Uint8Array): void {
  if (!equalBytes(found, wanted)) throw unexpected("another algorithmIndicator");
}

export const denied = (what: string): StationError => new StationError("UDS_ACCESS_DENIED", { details: { what } });
export const unexpected = (what: string): StationError => unexpectedResponse(SID.Authentication, what);
