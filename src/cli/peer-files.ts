/** Files by which the station and a plant's server know each other, as sections of the configuration name them. */
import { Type } from "typebox";
import { readText } from "./files.js";
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
export async function readPeerFiles({
  caFile,
  clientCertFile,
  clientKeyFile,
}: PeerFiles): Promise<{ ca: string; cert?: string; key?: string }> {
  return {
    ca: await readText(caFile),
    ...(clientCertFile === undefined ? {} : { cert: await readText(clientCertFile) }),
    ...(clientKeyFile === undefined ? {} : { key: await readText(clientKeyFile) }),
  };
}
