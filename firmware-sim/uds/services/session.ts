/** Diagnostic and communication management (ISO 14229-1 clause 10): services 10, 11, 28 and 3E. */
import { concat, uintBE } from "../../../src/shared/bytes.js";
import type { Access } from "../access.js";
import { Negative, NRC } from "../nrc.js";
import { exactLength, subFunction } from "../request.js";
import type { Service } from "../server.js";

/** P2*server counts in steps of 10 ms (10.2). */
const P2STAR_STEP = 10;
const ZERO_SUB_FUNCTION = 0x00;

export interface SessionControlOptions {
  readonly access: Access;
  /** All sessions, the default one included. */
  readonly sessions: readonly number[];
  /** P2server and P2*server, ms, as the answer announces them. */
  readonly P2: number;
  readonly P2star: number;
}

export function diagnosticSessionControl({ access, sessions, P2, P2star }: SessionControlOptions): Service {
  const timing = concat(uintBE(Math.floor(P2), 2), uintBE(Math.floor(P2star / P2STAR_STEP), 2));
  return {
    sid: 0x10,
    name: "DiagnosticSessionControl",
    subFunctions: sessions,
    suppressible: true,
    minLength: 2,
    handle({ request }) {
      exactLength(request, 2);
      access.enter(subFunction(request));
      return { response: concat(Uint8Array.of(0x50, subFunction(request)), timing) };
    },
  };
}

/** @param reset runs behind the answer; the ECU is silent until it resolves */
export function ecuReset(subFunctions: readonly number[], reset: () => Promise<void>): Service {
  return {
    sid: 0x11,
    name: "ECUReset",
    subFunctions,
    suppressible: true,
    minLength: 2,
    handle({ request }) {
      exactLength(request, 2);
      return { response: Uint8Array.of(0x51, subFunction(request)), after: reset };
    },
  };
}

/** The simulated ECU has no other messages on the bus that a communication type could stop: right requests are answered, and that is all. */
export function communicationControl(subFunctions: readonly number[], communicationTypes: readonly number[]): Service {
  return {
    sid: 0x28,
    name: "CommunicationControl",
    subFunctions,
    suppressible: true,
    minLength: 2,
    handle({ request }) {
      exactLength(request, 3);
      if (!communicationTypes.includes(request[2] ?? 0)) throw new Negative(NRC.requestOutOfRange);
      return { response: Uint8Array.of(0x68, subFunction(request)) };
    },
  };
}

export function testerPresent(): Service {
  return {
    sid: 0x3e,
    name: "TesterPresent",
    subFunctions: [ZERO_SUB_FUNCTION],
    suppressible: true,
    minLength: 2,
    handle({ request }) {
      exactLength(request, 2);
      return { response: Uint8Array.of(0x7e, ZERO_SUB_FUNCTION) };
    },
  };
}
