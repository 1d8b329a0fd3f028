/** The file that holds the allow list: its schema and its reader. docs/access.md describes it. */
import { X509Certificate } from "node:crypto";
import { type Static, Type } from "typebox";
import { PHASES } from "../../contract/kms.js";
import { VPKI_TYPES } from "../../contract/vpki.js";
import { parseCertificate } from "../../pki/certificate.js";
import { KEY_USAGE } from "../../pki/extensions.js";
import { decodePem } from "../../pki/pem.js";
import { describe, StationError } from "../../shared/errors.js";
import { parseYaml, type YamlDocument, type YamlPath } from "../../shared/yaml.js";
import { AccessList, type Client, type Grants } from "./access-list.js";
import { parseRange } from "./ranges.js";

const strict = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Scope = (names: readonly string[]) =>
  Type.Optional(Type.Union([Type.Literal("all"), Type.Array(Type.Enum([...names]), { minItems: 1 })]));
const NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";
const Types = Scope(VPKI_TYPES);
const Phases = Scope(PHASES);

const RoleSchema = Type.Object(
  {
    /** vPKI operations with the certificate types that they are allowed for. */
    vpki: Type.Optional(Type.Object({ issue: Types, reissue: Types, revoke: Types }, strict)),
    /** KMS requests with their phases. */
    kms: Type.Optional(
      Type.Object({ "POST key": Phases, "PUT key": Phases, "POST sync": Phases, "PUT sync": Phases }, strict),
    ),
  },
  strict,
);

const CertificateSchema = Type.Union([
  /** Any client certificate of this installation's own CA. */
  Type.Literal("own"),
  /** SHA-256 of the certificate's SubjectPublicKeyInfo. */
  Type.Object({ publicKey: Type.String({ pattern: "^[0-9a-fA-F]{64}$" }) }, strict),
  /** PEM file of the CA that issued it, and a name of its subjectAltName. */
  Type.Object({ issuer: Text, dns: Text }, strict),
  Type.Object({ issuer: Text, uri: Text }, strict),
]);
type CertificateRule = Static<typeof CertificateSchema>;

const AccessSchema = Type.Object(
  {
    schema: Type.Literal(1),
    roles: Type.Record(Type.String({ pattern: NAME }), RoleSchema, strict),
    clients: Type.Array(
      Type.Object(
        {
          /** As the audit log calls it. */
          name: Type.String({ pattern: NAME }),
          certificate: CertificateSchema,
          addresses: Type.Array(Text, { minItems: 1 }),
          roles: Type.Array(Text, { minItems: 1 }),
        },
        strict,
      ),
    ),
  },
  strict,
);
type AccessData = Static<typeof AccessSchema>;

export interface ReadAccess {
  readonly list: AccessList;
  /** Content of the CA files that the list names, by their names as written. */
  readonly issuers: ReadonlyMap<string, string>;
}

/**
 * Reads a list.
 * @param own CA of this installation, PEM; undefined where the list is only checked
 * @param read text of a file that the list names, by its name as written
 * @throws StationError CONFIG_INVALID with file, line and what was expected
 */
export async function parseAccess(
  text: string,
  file: string,
  own: string | undefined,
  read: (name: string) => Promise<string>,
): Promise<ReadAccess> {
  const document = parseYaml(AccessSchema, text, file, "CONFIG_INVALID");
  const { roles, clients } = document.value;
  const grants = new Map(Object.entries(roles).map(([name, role]) => [name, grantsOf(role)]));
  const issuers = new Map<string, string>();
  const entries: Client[] = [];
  for (const [i, { name, certificate, ...client }] of clients.entries()) {
    const at: YamlPath = ["clients", i];
    if (clients.findIndex((other) => other.name === name) < i)
      throw document.error([...at, "name"], "is another client's too");
    entries.push({
      name,
      ...(await matcherOf(certificate, own, async (issuer) => {
        try {
          const pem = issuers.get(issuer) ?? (await read(issuer));
          issuers.set(issuer, pem);
          return authority(pem);
        } catch (error) {
          const what = error instanceof StationError ? String(error.details.what) : describe(error);
          throw document.error([...at, "certificate", "issuer"], what);
        }
      })),
      ranges: client.addresses.map((address, n) => {
        const range = parseRange(address);
        if (typeof range === "string") throw document.error([...at, "addresses", n], range);
        return range;
      }),
      grants: client.roles.map((role, n) => grants.get(role) ?? unknownRole(document, [...at, "roles", n])),
    });
  }
  return { list: new AccessList(entries), issuers };
}

function unknownRole(document: YamlDocument<AccessData>, at: YamlPath): never {
  const known = Object.keys(document.value.roles).join(", ");
  throw document.error(at, `is no role of this file (expected ${known === "" ? "roles" : `one of ${known}`})`);
}

function grantsOf({ vpki = {}, kms = {} }: Static<typeof RoleSchema>): Grants {
  const given: readonly [string, "all" | string[]][] = [...Object.entries(vpki), ...Object.entries(kms)];
  return new Map(given.map(([operation, scopes]) => [operation, scopes === "all" ? scopes : new Set(scopes)]));
}

type Matcher = Pick<Client, "matches" | "issuer">;

async function matcherOf(
  rule: CertificateRule,
  own: string | undefined,
  issuer: (file: string) => Promise<Authority>,
): Promise<Matcher> {
  if (rule === "own") return own === undefined ? { matches: () => false } : ownMatcher(own);
  if ("publicKey" in rule) {
    const pin = rule.publicKey.toLowerCase();
    return { matches: ({ content }) => content?.publicKey === pin };
  }
  const { x509, ...times } = await issuer(rule.issuer);
  const named: Matcher["matches"] =
    "dns" in rule
      ? ({ content }) => content?.dns.includes(rule.dns.toLowerCase()) ?? false
      : ({ content }) => content?.uris.includes(rule.uri) ?? false;
  return { matches: (peer) => named(peer) && isIssuedBy(peer.x509, x509), issuer: times };
}

/** Certificates of the installation's own CA. @param pem of that CA */
export function ownMatcher(pem: string): Matcher {
  const { x509, ...times } = authority(pem);
  return { matches: (peer) => isIssuedBy(peer.x509, x509), issuer: times };
}

interface Authority {
  readonly x509: X509Certificate;
  /** ms since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** @throws StationError CONFIG_INVALID, PKI_UNREADABLE */
function authority(pem: string): Authority {
  const wrong = (what: string) => new StationError("CONFIG_INVALID", { details: { what } });
  const [der, ...others] = decodePem(pem, "CERTIFICATE");
  if (der === undefined || others.length > 0)
    throw wrong("is not the PEM file of one certificate (expected the CA's that issued the client's)");
  const { isCa, keyUsage, notBefore, notAfter } = parseCertificate(der);
  const signs = keyUsage === undefined || (keyUsage & KEY_USAGE.keyCertSign) !== 0;
  if (!isCa || !signs) throw wrong("is no CA's certificate (expected basicConstraints CA:TRUE and keyCertSign)");
  return { x509: new X509Certificate(der), notBefore, notAfter };
}

/** What was found of a connection's certificate, by issuer: the signature is checked once, not for every request. */
const judged = new WeakMap<X509Certificate, WeakMap<X509Certificate, boolean>>();

function isIssuedBy(leaf: X509Certificate, issuer: X509Certificate): boolean {
  const known = judged.get(leaf) ?? new WeakMap<X509Certificate, boolean>();
  judged.set(leaf, known);
  const earlier = known.get(issuer);
  if (earlier !== undefined) return earlier;
  const found = isSignedBy(leaf, issuer);
  known.set(issuer, found);
  return found;
}

function isSignedBy(leaf: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey);
  } catch {
    // A key or algorithm that OpenSSL does not know.
    return false;
  }
}
