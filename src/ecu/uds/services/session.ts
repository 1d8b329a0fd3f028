/** 10, 11 and 3E: ISO 14229-1:2020 §10.2, §10.3, §10.7. */
import { readUintBE } from "../../../shared/bytes.js";
import { checkLength } from "../messages.js";
import { SID, TESTER_PRESENT } from "../tables/services.js";
import type { UdsService } from "./service.js";

export interface SessionTiming {
  /** Of the ECU in this session, ms. */
  readonly P2: number;
  readonly P2star: number;
}

/** Request: session 01–7F. Response: the ECU's own P2 and P2*. */
export const diagnosticSessionControl: UdsService<number, SessionTiming> = {
  build: (session) => Uint8Array.of(SID.DiagnosticSessionControl, session),
  parse(response) {
    checkLength(response, 6);
    return { P2: readUintBE(response, 2, 2), P2star: 10 * readUintBE(response, 4, 2) };
  },
};

/** Request: reset type. Response: seconds until power down, only with enableRapidPowerShutDown. */
export const ecuReset: UdsService<number, { readonly powerDownTime: number | undefined }> = {
  build: (type) => Uint8Array.of(SID.ECUReset, type),
  parse(response) {
    checkLength(response, 2, 3);
    return { powerDownTime: response[2] };
  },
};

export const testerPresent: UdsService<void, void> = {
  build: () => Uint8Array.of(SID.TesterPresent, TESTER_PRESENT),
  parse: (response) => checkLength(response, 2),
};
