/** Authentication (29 of ISO 14229-1:2020) by certificates (APCE). */
import { splitCertificates } from "../../src/pki/chain.js";
import { type PublicKey, verifySignature } from "../../src/pki/keys.js";
import {
  authorityFault,
  checkPeer,
  type OwnCertificates,
  type PeerFault,
  type ProofAlgorithm,
  type Trust,
} from "../../src/pki/peer.js";
import { concat, readUintBE, uintBE } from "../../src/shared/bytes.js";
import { isStationError } from "../../src/shared/errors.js";
import type { Access } from "./access.js";
import { parts, withLength } from "./authentication-parts.js";
import { Negative, NRC } from "./nrc.js";
import type { Answer, Service } from "./server.js";

export interface CertificateAuthenticationOptions {
  readonly access: Access;
  /** The session that has the service. */
  readonly session: number;
  readonly communicationConfiguration: number;
  readonly challengeLength: number;
  /** Number under which testers send CAs ahead; left out, sub-function 04 is not there. */
  readonly certificateEvaluationId?: number | undefined;
  readonly algorithm: ProofAlgorithm;
  /** Whom testers' certificates must come from, and the attribute that their subject must have. */
  readonly trust: Trust;
  readonly role?: string | undefined;
  /** Own certificate and proof by its key: sub-function 02 in place of 01. */
  readonly own?: OwnProof | undefined;
  /** The ECU's own time, ms since the epoch. */
  readonly now: () => number;
}

export interface OwnProof {
  readonly certificates: OwnCertificates;
  sign(token: Uint8Array): Promise<Uint8Array>;
}

const SID = 0x29;
const SUB_FUNCTION = 0x7f;
const DEAUTHENTICATE = 0x00;
const VERIFY_UNIDIRECTIONAL = 0x01;
const VERIFY_BIDIRECTIONAL = 0x02;
const PROOF_OF_OWNERSHIP = 0x03;
const TRANSMIT = 0x04;
const CONFIGURATION = 0x08;
/** authenticationReturnParameter (Table B.5). */
const APCE = 0x02;
const DEAUTHENTICATED = 0x10;
const OWNERSHIP_NEXT = 0x11;
const COMPLETE = 0x12;
const CERTIFICATE_VERIFIED = 0x13;
/** Most CAs that are kept for the tester's path. */
const MOST_SENT = 8;

/** Annex A.1, 50–57. */
const CERTIFICATE_NRC: Readonly<Record<PeerFault, number>> = {
  "not-valid-now": NRC.certificateVerificationFailedInvalidTimePeriod,
  signature: NRC.certificateVerificationFailedInvalidSignature,
  chain: NRC.certificateVerificationFailedInvalidChainOfTrust,
  type: NRC.certificateVerificationFailedInvalidType,
  unreadable: NRC.certificateVerificationFailedInvalidFormat,
  content: NRC.certificateVerificationFailedInvalidContent,
  scope: NRC.certificateVerificationFailedInvalidScope,
  revoked: NRC.certificateVerificationFailedInvalidCertificate,
};

/** A tester whose certificate is good, until it proves that the certificate is its own. */
interface Claim {
  readonly key: PublicKey;
  readonly challengeClient: Uint8Array;
}

export function certificateAuthenticationService(options: CertificateAuthenticationOptions): Service {
  const procedure = new Procedure(options);
  return {
    sid: SID,
    name: "Authentication",
    sessions: [options.session],
    subFunctions: [...procedure.tasks.keys()],
    suppressible: true,
    minLength: 2,
    async handle({ request }): Promise<Answer> {
      const sub = (request[1] ?? 0) & SUB_FUNCTION;
      const task = procedure.tasks.get(sub);
      if (task === undefined) throw new Negative(NRC.subFunctionNotSupported);
      return { response: concat(Uint8Array.of(SID + 0x40, sub), await task(request)) };
    },
  };
}

type Task = (request: Uint8Array) => Uint8Array | Promise<Uint8Array>;

class Procedure {
  readonly tasks: ReadonlyMap<number, Task>;
  readonly #options: CertificateAuthenticationOptions;
  #claim: Claim | undefined;
  /** CAs sent ahead in this session; each was checked by itself. */
  #sentAhead: Uint8Array[] = [];
  /** Access.entries when they were sent. */
  #sentIn = 0;

  constructor(options: CertificateAuthenticationOptions) {
    this.#options = options;
    const { own, certificateEvaluationId } = options;
    this.tasks = new Map<number, Task>([
      [DEAUTHENTICATE, (request) => this.#deAuthenticate(request)],
      [own === undefined ? VERIFY_UNIDIRECTIONAL : VERIFY_BIDIRECTIONAL, (request) => this.#verify(request)],
      [PROOF_OF_OWNERSHIP, (request) => this.#proof(request)],
      [CONFIGURATION, (request) => alone(request, APCE)],
      ...(certificateEvaluationId === undefined
        ? []
        : [[TRANSMIT, (request) => this.#transmit(request)] satisfies [number, Task]]),
    ]);
  }

  get #sent(): readonly Uint8Array[] {
    return this.#sentIn === this.#options.access.entries ? this.#sentAhead : [];
  }

  #deAuthenticate(request: Uint8Array): Uint8Array {
    const answer = alone(request, DEAUTHENTICATED);
    this.#options.access.lock();
    this.#claim = undefined;
    this.#sentAhead = [];
    return answer;
  }

  async #verify(request: Uint8Array): Promise<Uint8Array> {
    const { communicationConfiguration, own } = this.#options;
    this.#claim = undefined;
    if (request.length < 3) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    const [shown, challengeClient] = parts(request, 3, 2);
    if (shown === undefined || challengeClient === undefined || (own !== undefined) !== challengeClient.length > 0)
      throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    if (request[2] !== communicationConfiguration) throw new Negative(NRC.configurationDataUsageFailed);
    const key = await this.#check(shown);
    const challenge = this.#challenge();
    this.#claim = { key, challengeClient };
    // No ephemeral key: there are no session keys.
    const tail = uintBE(0, 2);
    if (own === undefined) return concat(Uint8Array.of(OWNERSHIP_NEXT), withLength(challenge), tail);
    const proof = await own.sign(concat(challenge, challengeClient));
    const certificate = withLength(concat(...own.certificates));
    return concat(Uint8Array.of(OWNERSHIP_NEXT), withLength(challenge), certificate, withLength(proof), tail);
  }

  async #check(shown: Uint8Array): Promise<PublicKey> {
    const { trust, algorithm, role, now } = this.#options;
    const certificates = certificatesOf(shown);
    const result = await checkPeer({
      certificates,
      issuers: this.#sent,
      trust,
      curve: algorithm.curve,
      role,
      at: now(),
    });
    if (!result.ok) throw new Negative(CERTIFICATE_NRC[result.reason]);
    return result.key;
  }

  #challenge(): Uint8Array {
    const { access, challengeLength } = this.#options;
    try {
      return access.challenge(challengeLength);
    } catch (error) {
      if (error instanceof Negative) throw error;
      throw new Negative(NRC.challengeCalculationFailed);
    }
  }

  async #proof(request: Uint8Array): Promise<Uint8Array> {
    const { access, algorithm } = this.#options;
    const [proof, ephemeral] = parts(request, 2, 2);
    if (proof === undefined || ephemeral === undefined || proof.length === 0)
      throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    const claim = this.#claim;
    this.#claim = undefined;
    if (claim === undefined) throw new Negative(NRC.requestSequenceError);
    if (ephemeral.length > 0) throw new Negative(NRC.sessionKeyCreationOrDerivationFailed);
    let right = false;
    const isRight = async (challengeServer: Uint8Array) => {
      const token = concat(claim.challengeClient, challengeServer);
      right = await verifySignature(claim.key, algorithm.hash, token, proof);
      return right;
    };
    try {
      await access.settle(isRight, NRC.ownershipVerificationFailed, NRC.ownershipVerificationFailed);
    } catch (error) {
      // The proof is good, but the count of wrong ones before it cannot be cleared.
      if (right && isStationError(error, "STORE_FAILED")) throw new Negative(NRC.settingAccessRightsFailed);
      throw error;
    }
    return concat(Uint8Array.of(COMPLETE), uintBE(0, 2));
  }

  async #transmit(request: Uint8Array): Promise<Uint8Array> {
    const { certificateEvaluationId } = this.#options;
    if (request.length < 4) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    const [data] = parts(request, 4, 1);
    if (data === undefined) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    if (readUintBE(request, 2, 2) !== certificateEvaluationId) throw new Negative(NRC.requestOutOfRange);
    const certificates = certificatesOf(data);
    if (certificates.length === 0) throw new Negative(CERTIFICATE_NRC.unreadable);
    const sent = [...this.#sent, ...certificates];
    if (sent.length > MOST_SENT) throw new Negative(NRC.requestSequenceError);
    await this.#checkAuthorities(certificates);
    this.#sentAhead = sent;
    this.#sentIn = this.#options.access.entries;
    return Uint8Array.of(CERTIFICATE_VERIFIED);
  }

  async #checkAuthorities(certificates: readonly Uint8Array[]): Promise<void> {
    const { trust, now } = this.#options;
    for (const certificate of certificates) {
      const fault = await authorityFault({ certificate, issuers: this.#sent, trust, at: now() });
      if (fault !== undefined) throw new Negative(CERTIFICATE_NRC[fault]);
    }
  }
}

function alone(request: Uint8Array, result: number): Uint8Array {
  if (request.length !== 2) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
  return Uint8Array.of(result);
}

function certificatesOf(bytes: Uint8Array): Uint8Array[] {
  try {
    return splitCertificates(bytes);
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE")) throw new Negative(CERTIFICATE_NRC.unreadable);
    throw error;
  }
}
