/** What the session must know of an ECU kind; a hardware profile fits. */
import type { UdsOptions } from "./client.js";
import type { KeyAlgorithm } from "./services/security.js";

export interface EcuMap {
  readonly uds: UdsOptions & {
    /** Session that provisioning runs in. */
    readonly session: number;
    /** Most ms from a reset's answer until the ECU answers again. */
    readonly resetTime: number;
  };
  readonly securityAccess: {
    /** requestSeed sub-function, odd. */
    readonly level: number;
    readonly algorithm: KeyAlgorithm;
    /** Bytes of a seed. */
    readonly seedLength: number;
  };
  readonly dids: {
    readonly partNumber: number;
    readonly hwVersion: number;
    readonly swVersion: number;
    readonly systemName: number;
    readonly serialNumber: number;
    readonly vin: number;
    readonly ecuId: number;
    readonly provisioningState: number;
    /** First of 8: slot n at + n. */
    readonly certificate: number;
    readonly csr: number;
    readonly clock: number;
  };
  readonly routines: {
    readonly loadKey: number;
    readonly generateMac: number;
    readonly getId: number;
    readonly makeKeyPair: number;
    readonly installCertificate: number;
    readonly provePossession: number;
    readonly lock: number;
  };
  readonly download: { readonly address: number; readonly maxLength: number };
}
