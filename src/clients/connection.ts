/** The TLS connections of one list of servers, and what became of a try that got no answer. */
import { createHash, X509Certificate } from "node:crypto";
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from "node:tls";
import { Agent, buildConnector } from "undici";
import { describe, StationError } from "../shared/errors.js";

/** What the two sides of a connection know each other by, PEM. */
export interface PeerPem {
  /** CA certificates that a server's certificate must lead to; no others count. */
  readonly ca: string;
  /** The station's certificate and private key. */
  readonly cert?: string;
  readonly key?: string;
}

/** Whom the station believes to be a server, and who it says to be. */
export interface TlsSettings extends PeerPem {
  /** Asked before each new connection for what `ca`, `cert` and `key` are by then; left out, they stay. Never rejects. */
  readonly current?: () => Promise<PeerPem>;
  /** Keys that servers may have beside, `sha256/` and the base64 hash of the SubjectPublicKeyInfo; left out or empty, any certified one. */
  readonly serverKeys?: readonly string[];
}

/** Why one try at one server failed. */
export class TryFailure extends Error {
  /** The server answered, though not as it should. */
  readonly answered: boolean;
  /** The same may go well later. */
  readonly again: boolean;
  /** The request may have had its effect. */
  readonly acted: boolean;
  /** ms that the server asks to be left alone; 0 where it says nothing. */
  readonly pause: number;

  constructor(
    message: string,
    { answered = false, again = true, acted = false, pause = 0, ...options }: Partial<TryFailureFacts> & ErrorOptions,
  ) {
    super(message, options);
    this.answered = answered;
    this.again = again;
    this.acted = acted;
    this.pause = pause;
  }
}

type TryFailureFacts = Pick<TryFailure, "answered" | "again" | "acted" | "pause">;

/** A certificate's key as `serverKeys` has it. @param certificate DER */
export function serverKeyOf(certificate: Uint8Array): string {
  const { publicKey } = new X509Certificate(certificate);
  const hash = createHash("sha256").update(publicKey.export({ type: "spki", format: "der" }));
  return `sha256/${hash.digest("base64")}`;
}

/** How a server is connected to: TLS 1.2 and up, its certificate checked against the CA, its name and the pinned keys. */
export function tlsOptions({ ca, cert, key, serverKeys = [] }: TlsSettings) {
  return {
    ca,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    minVersion: "TLSv1.2",
    checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
      const wrong = checkServerIdentity(host, certificate);
      if (wrong !== undefined || serverKeys.length === 0) return wrong;
      const own = serverKeyOf(certificate.raw);
      if (serverKeys.includes(own)) return undefined;
      const what = `the key of its certificate, ${own}, is none of serverKeys`;
      return Object.assign(new Error(what), { code: "CERT_KEY_NOT_PINNED" });
    },
  } as const satisfies ConnectionOptions;
}

/** Connections that are kept alive, straight to the server: an agent knows no proxy and follows no redirect. @param limit ms */
export function openConnections(settings: TlsSettings, limit: number): Agent {
  const connectorOf = (pem: PeerPem) => ({
    pem,
    connect: buildConnector({ ...tlsOptions({ ...settings, ...pem }), timeout: limit }),
  });
  // One connector as long as nothing changes: it keeps the TLS sessions that are taken up again.
  let held = connectorOf(settings);
  const connector = async () => {
    const pem = (await settings.current?.()) ?? held.pem;
    if (pem.ca !== held.pem.ca || pem.cert !== held.pem.cert || pem.key !== held.pem.key) held = connectorOf(pem);
    return held.connect;
  };
  return new Agent({
    connect: (options, callback) => {
      // What cannot even begin, a key of another certificate for instance, is a connection that failed.
      connector()
        .then((connect) => connect(options, callback))
        .catch((error: Error) => callback(error, null));
    },
    // The limit a try is the client's own, on the injected clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/** Node's and OpenSSL's codes for a certificate that is not to be trusted: no retry makes it another one. */
const CERTIFICATE_CODE =
  /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET|ERR_TLS|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|INVALID_PURPOSE|ERR_SSL|EPROTO/;

/** @param sent true once the request was on its way: its effect is then unknown */
export function connectionFailure(error: unknown, sent: boolean): TryFailure | StationError {
  const code = codeOf(error);
  if (code === "UND_ERR_INVALID_ARG")
    return new StationError("INTERNAL", { details: { what: describe(error) }, cause: error });
  // A name with several addresses fails with one error an address.
  const text = describe(error instanceof AggregateError ? (error.errors[0] ?? error) : error);
  const what = code === undefined || text.includes(code) ? text : `${text} (${code})`;
  return new TryFailure(what, { again: code === undefined || !CERTIFICATE_CODE.test(code), acted: sent, cause: error });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return "cause" in error ? codeOf(error.cause) : undefined;
}
