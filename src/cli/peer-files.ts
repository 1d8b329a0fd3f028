/** Files by which the station and a plant's server know each other, as sections of the configuration name them. */
import { X509Certificate } from "node:crypto";
import { Type } from "typebox";
import type { PeerPem } from "../clients/connection.js";
import { describe } from "../shared/errors.js";
import type { Logger } from "../shared/logger.js";
import { readText } from "./files.js";
import { checkPair } from "./tls-renewal.js";
import type { Fault } from "./tokens.js";

const File = Type.String({ minLength: 1 });

/** Properties of a section. */
export const PEER_FILES = {
  /** CA certificates that the server's certificate must lead to, PEM. */
  caFile: File,
  /** The station's own certificate and key, PEM; both or none. */
  clientCertFile: Type.Optional(File),
  clientKeyFile: Type.Optional(File),
};

export interface PeerFiles {
  readonly caFile: string;
  readonly clientCertFile?: string;
  readonly clientKeyFile?: string;
}

/** With absolute paths. @throws StationError CONFIG_INVALID */
export function peerFilesOf(
  { caFile, clientCertFile, clientKeyFile }: PeerFiles,
  path: readonly string[],
  at: (path: string) => string,
  fault: Fault,
): PeerFiles {
  if ((clientCertFile === undefined) !== (clientKeyFile === undefined))
    throw fault(path, "names one of clientCertFile and clientKeyFile (expected both or none)");
  return {
    caFile: at(caFile),
    ...(clientCertFile === undefined ? {} : { clientCertFile: at(clientCertFile) }),
    ...(clientKeyFile === undefined ? {} : { clientKeyFile: at(clientKeyFile) }),
  };
}

/** The files' PEM. @throws StationError CONFIG_INVALID */
async function readPeerFiles({ caFile, clientCertFile, clientKeyFile }: PeerFiles): Promise<PeerPem> {
  return {
    ca: await readText(caFile),
    ...(clientCertFile === undefined ? {} : { cert: await readText(clientCertFile) }),
    ...(clientKeyFile === undefined ? {} : { key: await readText(clientKeyFile) }),
  };
}

/**
 * The files' PEM, and `current` for what they are later: somebody may renew them while the station runs. Where they cannot be used then, half
 * of them written perhaps, the log says so and those of before are given.
 * @throws StationError CONFIG_INVALID
 */
export async function openPeerFiles(
  files: PeerFiles,
  logger: Logger,
): Promise<PeerPem & { current(): Promise<PeerPem> }> {
  const first = await readPeerFiles(files);
  let held = first;
  let told: string | undefined;
  return {
    ...first,
    async current() {
      try {
        const found = await readPeerFiles(files);
        checkUsable(found);
        held = found;
        told = undefined;
      } catch (error) {
        const what = describe(error);
        if (what !== told) logger.warn("TLS files not taken, those of before still count", { ...files, what });
        told = what;
      }
      return held;
    },
  };
}

/** @throws Error for a CA that is no certificate, and for a certificate and a key that do not belong together */
function checkUsable({ ca, cert, key }: PeerPem): void {
  new X509Certificate(ca);
  if (cert !== undefined && key !== undefined) checkPair({ cert, key });
}
