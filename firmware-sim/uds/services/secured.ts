/**
 * SecuredDataTransmission (ISO 14229-1:2020 clause 16.2): a request within another one, signed by AES-128-CMAC and protected against
 * being sent again. Signed messages alone: none is encrypted.
 */
import { decode, encode, Malformed } from "../../../src/ecu/uds/tables/fields.js";
import { UDS } from "../../../src/ecu/uds/tables/messages.js";
import { concat, equalConstantTime } from "../../../src/shared/bytes.js";
import { cmac } from "../../../src/she/codec/index.js";
import { Negative, NRC } from "../nrc.js";
import type { Service } from "../server.js";

const SID = 0x84;
const MAC_LENGTH = 16;

/** Bits of administrativeParameter. */
const REQUEST = 1 << 0;
const PRE_ESTABLISHED_KEY = 1 << 1;
const SIGNED = 1 << 3;
const SIGN_RESPONSE = 1 << 4;
const KNOWN = REQUEST | PRE_ESTABLISHED_KEY | SIGNED | SIGN_RESPONSE;

export interface SecuredOptions {
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** The byte signatureEncryptionCalculation that stands for AES-128-CMAC here. */
  readonly calculation: number;
  /** The greatest antiReplayCounter that was accepted; 0 before the first. */
  readonly counter: () => number;
  /** Resolves when it is durable. */
  readonly keep: (counter: number) => Promise<void>;
}

/** Everything behind the SID but the signature is signed. */
export function signature(key: Uint8Array, message: Uint8Array): Uint8Array {
  return cmac(key, message.subarray(1, message.length - MAC_LENGTH));
}

export function securedDataTransmission({ key, calculation, counter, keep }: SecuredOptions): Service {
  return {
    sid: SID,
    name: "SecuredDataTransmission",
    minLength: 9,
    async handle({ request, within }) {
      const { administrativeParameter, signatureEncryptionCalculation, securedMessage } = readRequest(request);
      const { antiReplayCounter, message, signature: given } = securedMessage;
      if ((administrativeParameter & ~KNOWN) !== 0 || signatureEncryptionCalculation !== calculation)
        throw new Negative(NRC.requestOutOfRange);
      const needed = REQUEST | SIGNED;
      if ((administrativeParameter & needed) !== needed || given.length !== MAC_LENGTH)
        throw new Negative(NRC.secureDataVerificationFailed);
      if (!equalConstantTime(signature(key, request), given) || antiReplayCounter <= counter())
        throw new Negative(NRC.secureDataVerificationFailed);
      // Before anything is done: a power cut must not make the message good for a second time.
      await keep(antiReplayCounter);
      if (message[0] === SID) throw new Negative(NRC.secureDataTransmissionNotAllowed);
      const inner = await within(message);
      const signed = (administrativeParameter & SIGN_RESPONSE) !== 0;
      const response = concat(
        Uint8Array.of(SID + 0x40),
        encode(UDS.securedDataTransmission.response, {
          administrativeParameter: (administrativeParameter & PRE_ESTABLISHED_KEY) | (signed ? SIGNED : 0),
          signatureEncryptionCalculation,
          securedMessage: {
            antiReplayCounter,
            message: inner.response,
            signature: new Uint8Array(signed ? MAC_LENGTH : 0),
          },
        }),
      );
      if (signed) response.set(signature(key, response), response.length - MAC_LENGTH);
      return { response, suppress: inner.suppress, ...(inner.after && { after: inner.after }) };
    },
  };
}

function readRequest(request: Uint8Array) {
  try {
    return decode(UDS.securedDataTransmission.request, request, 1);
  } catch (error) {
    if (error instanceof Malformed) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    throw error;
  }
}
