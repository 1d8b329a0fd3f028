/** What the session must know of an ECU kind; a hardware profile fits. */
import type { ChallengeResponse } from "./authentication.js";
import type { CertificateExchange } from "./certificates.js";
import type { UdsOptions } from "./client.js";
import type { DownloadTarget } from "./download.js";
import type { SecurityAccess } from "./security.js";

export interface EcuMap {
  readonly uds: UdsOptions & {
    /** Session that provisioning runs in. */
    readonly session: number;
    /** Most ms from a reset's answer until the ECU answers again. */
    readonly resetTime: number;
  };
  /** How the station is let in. */
  readonly securityAccess: SecurityAccess | ChallengeResponse | CertificateExchange;
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
  readonly download: DownloadTarget;
}
