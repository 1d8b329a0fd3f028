/** Who may use what: the allow list of business servers. Default deny; pure. */
import { VPKI_OPERATIONS } from "../../contract/vpki.js";
import type { PeerCertificate } from "./peer.js";
import { type AddressRange, addressBytes, inRange } from "./ranges.js";

/** Requests to the KMS, as its audit log names them. */
const KMS_OPERATIONS = ["POST key", "PUT key", "POST sync", "PUT sync"] as const;

/** What a client may be allowed to do. */
export const OPERATIONS = [...VPKI_OPERATIONS, ...KMS_OPERATIONS] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Certificate types or phases. */
export type Scopes = ReadonlySet<string> | "all";

/** What a role allows. */
export type Grants = ReadonlyMap<string, Scopes>;

/** What a request asks for; `scope` is the certificate type or the phase, where the path tells it. */
export interface Endpoint {
  readonly operation: Operation;
  readonly scope?: string;
}

export interface Peer {
  readonly address: string;
  readonly certificate: PeerCertificate | undefined;
}

/** Why a peer is refused. */
export type Denial =
  | "no certificate"
  | "certificate unreadable"
  | "certificate not listed"
  | "certificate expired"
  | "certificate not yet valid"
  | "certificate not for clients"
  | "issuer not valid"
  | "address not listed"
  | "operation not allowed"
  | "scope not allowed";

/** With the name of the peer that is known. */
export type Verdict =
  | { readonly allowed: true; readonly client?: string; readonly scopes: Scopes }
  | { readonly allowed: false; readonly client?: string; readonly why: Denial };

/** An entry of the list. */
export interface Client {
  readonly name: string;
  readonly matches: (certificate: PeerCertificate) => boolean;
  /** Times of the CA that the certificate must be of, ms since the epoch. */
  readonly issuer?: { readonly notBefore: number; readonly notAfter: number };
  readonly ranges: readonly AddressRange[];
  readonly grants: readonly Grants[];
}

export class AccessList {
  /** A connection asks again with every request. */
  readonly #found = new WeakMap<PeerCertificate, readonly Client[]>();

  constructor(private readonly clients: readonly Client[]) {}

  get size(): number {
    return this.clients.length;
  }

  /**
   * @param endpoint undefined for what every listed client may have
   * @param now ms since the epoch
   */
  judge({ certificate, address }: Peer, endpoint: Endpoint | undefined, now: number): Verdict {
    if (certificate === undefined) return deny("no certificate");
    const { content } = certificate;
    if (content === undefined) return deny("certificate unreadable");
    const found = this.#matching(certificate);
    const [first] = found;
    if (first === undefined) return deny("certificate not listed");
    if (now > content.notAfter) return deny("certificate expired", first);
    if (now < content.notBefore) return deny("certificate not yet valid", first);
    if (!content.forClients) return deny("certificate not for clients", first);
    const trusted = found.filter(({ issuer }) => !issuer || (now >= issuer.notBefore && now <= issuer.notAfter));
    if (trusted.length === 0) return deny("issuer not valid", first);
    const from = addressBytes(address);
    const here = trusted.filter(({ ranges }) => from !== undefined && ranges.some((range) => inRange(range, from)));
    const [client] = here;
    if (client === undefined) return deny("address not listed", first);
    if (endpoint === undefined) return { allowed: true, client: client.name, scopes: new Set() };
    const scopes = scopesOf(here, endpoint.operation);
    if (scopes !== "all" && scopes.size === 0) return deny("operation not allowed", client);
    if (endpoint.scope !== undefined && !covers(scopes, endpoint.scope)) return deny("scope not allowed", client);
    return { allowed: true, client: client.name, scopes };
  }

  #matching(certificate: PeerCertificate): readonly Client[] {
    const earlier = this.#found.get(certificate);
    if (earlier !== undefined) return earlier;
    const found = this.clients.filter(({ matches }) => matches(certificate));
    this.#found.set(certificate, found);
    return found;
  }
}

function deny(why: Denial, client?: Client): Verdict {
  return { allowed: false, why, ...(client && { client: client.name }) };
}

export function covers(scopes: Scopes, scope: string): boolean {
  return scopes === "all" || scopes.has(scope);
}

/** What all of them together allow. */
function scopesOf(clients: readonly Client[], operation: Operation): Scopes {
  const all = new Set<string>();
  for (const grants of clients.flatMap((client) => client.grants)) {
    const scopes = grants.get(operation) ?? [];
    if (scopes === "all") return scopes;
    for (const scope of scopes) all.add(scope);
  }
  return all;
}
