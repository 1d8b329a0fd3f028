/** The guard of a server: every request is judged before its body is read, those of connections that are open already alike. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "../../shared/clock.js";
import { ownMatcher } from "./access-config.js";
import { AccessList, covers, type Denial, type Endpoint, OPERATIONS, type Peer, type Verdict } from "./access-list.js";
import { addressOf, certificateOf, namePeer, type PeerCertificate } from "./peer.js";
import { LOOPBACK } from "./ranges.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the allow list must grant; left out, every listed client may have it; `anyone` asks for no certificate. */
    access?: Endpoint | "anyone";
  }
}

/** Characters of a certificate's subject in the audit log. */
const MAX_SUBJECT = 200;

/** Judges a peer. @param endpoint undefined for what every known client may have @param now ms since the epoch */
export interface Access {
  judge(peer: Peer, endpoint: Endpoint | undefined, now: number): Verdict;
}

/**
 * What a refused request is answered with, in the words of its plug-in. Not 403: the vPKI contract has it for keys that were used and
 * certificates that are revoked already, and a client would take a refused revocation for a done one.
 */
export class NotAllowed extends Error {
  override readonly name = "NotAllowed";
  readonly statusCode = 401;

  constructor() {
    super("This client is not allowed to do this");
  }
}

/** Lets everybody do everything, and knows clients of the installation's own CA. @param caPem that CA */
export function openAccess(caPem: string): Access {
  const { matches } = ownMatcher(caPem);
  return {
    judge: ({ certificate }) => ({
      allowed: true,
      scopes: "all",
      ...(certificate !== undefined && matches(certificate) && { client: certificate.subject }),
    }),
  };
}

/** Lets this machine's programs with a certificate of the installation's own CA do everything, and nobody else. @param caPem that CA */
export function ownAccess(caPem: string): Access {
  const grants = new Map(OPERATIONS.map((operation) => [operation, "all"] as const));
  return new AccessList([{ name: "own", ...ownMatcher(caPem), ranges: LOOPBACK, grants: [grants] }]);
}

interface Refused {
  readonly why: Denial;
  /** Name of the client where the list has it. */
  readonly client?: string;
}

const allowed = new WeakMap<FastifyRequest, Extract<Verdict, { allowed: true }>>();
const refused = new WeakMap<FastifyRequest, Refused>();

/** Has `access` judge every request of the server; what it refuses ends in NotAllowed. */
export function guard(app: FastifyInstance, access: Access, clock: Clock): void {
  app.addHook("onRequest", async (request, reply) => {
    const wanted = request.routeOptions.config?.access;
    const peer = { address: addressOf(request), certificate: certificateOf(request) };
    const verdict = access.judge(peer, wanted === "anyone" ? undefined : wanted, clock.now());
    if (verdict.client !== undefined) namePeer(request, verdict.client);
    if (verdict.allowed) allowed.set(request, verdict);
    else if (wanted !== "anyone") {
      refused.set(request, verdict);
      void reply.header("www-authenticate", "ClientCertificate");
      // A stranger's body is not waited for.
      if (verdict.client === undefined) void reply.header("connection", "close");
      throw new NotAllowed();
    }
  });
}

/**
 * Whether the client may have this certificate type or phase, where the body tells which. Without a guard everybody may.
 * @throws NotAllowed
 */
export function checkScope(request: FastifyRequest, scope: string): void {
  const verdict = allowed.get(request);
  if (verdict === undefined || covers(verdict.scopes, scope)) return;
  const { client } = verdict;
  refused.set(request, { why: "scope not allowed", ...(client !== undefined && { client }) });
  throw new NotAllowed();
}

/** For the audit log: why a request was refused, and with which certificate; undefined where it was not. */
export function refusalOf(request: FastifyRequest): (Refused & { readonly certificate?: object }) | undefined {
  const found = refused.get(request);
  if (found === undefined) return undefined;
  const { why, client } = found;
  const peer = certificateOf(request);
  return { why, ...(client !== undefined && { client }), ...(peer && { certificate: shown(peer) }) };
}

/** With what an entry of the list would need. */
function shown({ fingerprint, content, subject }: PeerCertificate): object {
  return { sha256: fingerprint, publicKey: content?.publicKey, subject: subject.slice(0, MAX_SUBJECT) };
}
