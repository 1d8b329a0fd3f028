/** 29 Authentication, one row a task, and its return parameters (ISO 14229-1:2020 §10.6, Table B.5). */
import { bytes, type Fields, sized, uint } from "./fields.js";
import { namesOf, task } from "./layout.js";

export const AUTHENTICATION_RETURN = {
  requestAccepted: 0x00,
  generalReject: 0x01,
  authenticationConfigurationAPCE: 0x02,
  authenticationConfigurationACRWithAsymmetricCryptography: 0x03,
  authenticationConfigurationACRWithSymmetricCryptography: 0x04,
  deAuthenticationSuccessful: 0x10,
  certificateVerifiedOwnershipVerificationNecessary: 0x11,
  ownershipVerifiedAuthenticationComplete: 0x12,
  certificateVerified: 0x13,
} as const;

/** Name of a return parameter; the number alone where the standard has none. */
export const authenticationReturnName = namesOf(AUTHENTICATION_RETURN);

/** Bytes of an algorithmIndicator: BER of the algorithm's object identifier, filled up with zeros. */
const ALGORITHM_INDICATOR_LENGTH = 16;

const result = uint("authenticationReturnParameter", 1, authenticationReturnName);
const communicationConfiguration = uint("communicationConfiguration", 1);
const algorithmIndicator = bytes("algorithmIndicator", ALGORITHM_INDICATOR_LENGTH);
const challengeClient = sized("challengeClient");
const challengeServer = sized("challengeServer");
const certificateClient = sized("certificateClient");
const proofOfOwnershipClient = sized("proofOfOwnershipClient");
const proofOfOwnershipServer = sized("proofOfOwnershipServer");
const ephemeralPublicKeyServer = sized("ephemeralPublicKeyServer");
const sessionKeyInfo = sized("sessionKeyInfo");

const certificateRequest = [communicationConfiguration, certificateClient, challengeClient] as const;
const proofRequest = [
  algorithmIndicator,
  proofOfOwnershipClient,
  challengeClient,
  sized("additionalParameter"),
] as const;

const row = <const Q extends Fields, const R extends Fields>(sub: number, name: string, request: Q, response: R) =>
  task(0x29, sub, name, request, response);

export const AUTHENTICATION = {
  deAuthenticate: row(0x00, "deAuthenticate", [], [result]),
  verifyCertificateUnidirectional: row(0x01, "verifyCertificateUnidirectional", certificateRequest, [
    result,
    challengeServer,
    ephemeralPublicKeyServer,
  ]),
  verifyCertificateBidirectional: row(0x02, "verifyCertificateBidirectional", certificateRequest, [
    result,
    challengeServer,
    sized("certificateServer"),
    proofOfOwnershipServer,
    ephemeralPublicKeyServer,
  ]),
  proofOfOwnership: row(
    0x03,
    "proofOfOwnership",
    [proofOfOwnershipClient, sized("ephemeralPublicKeyClient")],
    [result, sessionKeyInfo],
  ),
  transmitCertificate: row(
    0x04,
    "transmitCertificate",
    [uint("certificateEvaluationId", 2), sized("certificateData")],
    [result],
  ),
  requestChallengeForAuthentication: row(
    0x05,
    "requestChallengeForAuthentication",
    [communicationConfiguration, algorithmIndicator],
    [result, algorithmIndicator, challengeServer, sized("neededAdditionalParameter")],
  ),
  verifyProofOfOwnershipUnidirectional: row(0x06, "verifyProofOfOwnershipUnidirectional", proofRequest, [
    result,
    algorithmIndicator,
    sessionKeyInfo,
  ]),
  verifyProofOfOwnershipBidirectional: row(0x07, "verifyProofOfOwnershipBidirectional", proofRequest, [
    result,
    algorithmIndicator,
    proofOfOwnershipServer,
    sessionKeyInfo,
  ]),
  authenticationConfiguration: row(0x08, "authenticationConfiguration", [], [result]),
} as const;
