/** `servers.external`: vPKI and KMS of others; docs/servers.md. */
import { type Static, Type } from "typebox";
import type { Fault } from "./tokens.js";

const strict = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const HttpsUrl = Type.String({ pattern: "^https://[^\\s/]+" });
const NAMES = ["vpki", "kms"] as const;

export const ExternalSection = Type.Object(
  {
    /** In order of preference; the next one is taken when one cannot be reached. */
    vpki: Type.Array(HttpsUrl, { minItems: 1 }),
    kms: Type.Array(HttpsUrl, { minItems: 1 }),
    /** Lists whose servers work on one store: what one of them may have done is asked of another one only there. */
    sharedStore: Type.Array(Type.Enum([...NAMES]), { default: [] }),
    /** CA certificates that the servers' TLS certificates are checked against, PEM. */
    caFile: Text,
    /** Keys that the servers' certificates may have beside: `sha256/` and base64 of the SubjectPublicKeyInfo's SHA-256. */
    serverKeys: Type.Optional(
      Type.Array(Type.String({ pattern: "^sha256/[A-Za-z0-9+/]{43}=$" }), { minItems: 1, maxItems: 100 }),
    ),
    /** The station's own TLS certificate and key, PEM; both or none. */
    clientCertFile: Type.Optional(Text),
    clientKeyFile: Type.Optional(Text),
    /** Issuing CAs and roots of the ECU certificates, PEM. */
    chainFile: Type.Optional(Text),
  },
  strict,
);

export type ExternalServers = Static<typeof ExternalSection>;

/** The section with absolute paths. @throws StationError CONFIG_INVALID */
export function externalServersOf(
  { caFile, clientCertFile, clientKeyFile, chainFile, ...rest }: ExternalServers,
  at: (path: string) => string,
  fault: Fault,
): ExternalServers {
  if ((clientCertFile === undefined) !== (clientKeyFile === undefined))
    throw fault(["servers", "external"], "names one of clientCertFile and clientKeyFile (expected both or none)");
  return {
    ...rest,
    caFile: at(caFile),
    ...(clientCertFile === undefined ? {} : { clientCertFile: at(clientCertFile) }),
    ...(clientKeyFile === undefined ? {} : { clientKeyFile: at(clientKeyFile) }),
    ...(chainFile === undefined ? {} : { chainFile: at(chainFile) }),
  };
}

/** The section in one line. */
export function externalText(servers: ExternalServers): string {
  const text = (name: (typeof NAMES)[number]) => {
    const shared = servers.sharedStore.includes(name) && servers[name].length > 1 ? " (one store)" : "";
    return `${servers[name].join(", ")}${shared}`;
  };
  const pinned = servers.serverKeys === undefined ? "" : `; ${servers.serverKeys.length} server keys pinned`;
  return `vPKI ${text("vpki")}; KMS ${text("kms")}${pinned}`;
}
