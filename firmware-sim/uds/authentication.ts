/** Authentication (29 of ISO 14229-1:2020) by challenge-response with a symmetric key. */
import { concat, equalBytes, uintBE } from "../../src/shared/bytes.js";
import type { Access } from "./access.js";
import { parts, withLength } from "./authentication-parts.js";
import { Negative, NRC } from "./nrc.js";
import type { Answer, Service } from "./server.js";

export interface AuthenticationOptions {
  readonly access: Access;
  /** The session that has the service. */
  readonly session: number;
  /** 16 bytes. */
  readonly algorithmIndicator: Uint8Array;
  readonly communicationConfiguration: number;
  /** The ECU proves itself too: sub-function 07 in place of 06. */
  readonly mutual: boolean;
  readonly challengeLength: number;
  /** Proof of ownership of the secret for a token. */
  readonly proofOf: (token: Uint8Array) => Uint8Array;
}

const SID = 0x29;
const SUB_FUNCTION = 0x7f;
const DEAUTHENTICATE = 0x00;
const REQUEST_CHALLENGE = 0x05;
const VERIFY_UNIDIRECTIONAL = 0x06;
const VERIFY_BIDIRECTIONAL = 0x07;
const CONFIGURATION = 0x08;
/** authenticationReturnParameter (Table B.5). */
const REQUEST_ACCEPTED = 0x00;
const SYMMETRIC = 0x04;
const DEAUTHENTICATED = 0x10;
const COMPLETE = 0x12;
const INDICATOR_LENGTH = 16;

type Task = (request: Uint8Array) => Uint8Array | Promise<Uint8Array>;

export function authenticationService(options: AuthenticationOptions): Service {
  const { access, session, mutual } = options;
  const alone = (result: number, act = () => {}): Task => {
    return (request) => {
      if (request.length !== 2) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
      act();
      return Uint8Array.of(result);
    };
  };
  const tasks = new Map<number, Task>([
    [DEAUTHENTICATE, alone(DEAUTHENTICATED, () => access.lock())],
    [REQUEST_CHALLENGE, (request) => challenge(options, request)],
    [mutual ? VERIFY_BIDIRECTIONAL : VERIFY_UNIDIRECTIONAL, (request) => verify(options, request)],
    [CONFIGURATION, alone(SYMMETRIC)],
  ]);
  return {
    sid: SID,
    name: "Authentication",
    sessions: [session],
    subFunctions: [...tasks.keys()],
    suppressible: true,
    minLength: 2,
    async handle({ request }): Promise<Answer> {
      const sub = (request[1] ?? 0) & SUB_FUNCTION;
      const task = tasks.get(sub);
      if (task === undefined) throw new Negative(NRC.subFunctionNotSupported);
      return { response: concat(Uint8Array.of(SID + 0x40, sub), await task(request)) };
    },
  };
}

function challenge(options: AuthenticationOptions, request: Uint8Array): Uint8Array {
  const { access, algorithmIndicator, communicationConfiguration, challengeLength } = options;
  if (request.length !== 3 + INDICATOR_LENGTH) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
  if (request[2] !== communicationConfiguration || !equalBytes(request.subarray(3), algorithmIndicator))
    throw new Negative(NRC.requestOutOfRange);
  const bytes = access.challenge(challengeLength);
  // No additional parameter is needed.
  return concat(Uint8Array.of(REQUEST_ACCEPTED), algorithmIndicator, withLength(bytes), uintBE(0, 2));
}

async function verify(options: AuthenticationOptions, request: Uint8Array): Promise<Uint8Array> {
  const { access, algorithmIndicator, mutual, proofOf } = options;
  const [proof, challengeClient, additional] = parts(request, 2 + INDICATOR_LENGTH, 3);
  if (proof === undefined || challengeClient === undefined || additional === undefined)
    throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
  if (!equalBytes(request.subarray(2, 2 + INDICATOR_LENGTH), algorithmIndicator) || additional.length > 0)
    throw new Negative(NRC.requestOutOfRange);
  if (mutual !== challengeClient.length > 0) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
  const expected = (challengeServer: Uint8Array) => proofOf(concat(challengeClient, challengeServer));
  const spent = await access.prove(proof, expected, NRC.ownershipVerificationFailed, NRC.ownershipVerificationFailed);
  const own = mutual ? withLength(proofOf(concat(spent, challengeClient))) : new Uint8Array(0);
  // No session key.
  return concat(Uint8Array.of(COMPLETE), algorithmIndicator, own, uintBE(0, 2));
}
