/** The TLS files of an installation: a local CA, a server certificate and one client certificate, made at first start. */
import { createPrivateKey, generateKeyPair, type KeyObject, randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  buildCaCertificate,
  type Certificate,
  certificateKey,
  EXTENSION,
  parseCertificate,
} from "../../pki/certificate.js";
import { verifyChain } from "../../pki/chain.js";
import { keyIdentifier, publicKeyOf, randomSerial, signer } from "../../pki/keys.js";
import { encodeName } from "../../pki/names.js";
import { decodePem, encodePem } from "../../pki/pem.js";
import { buildTlsCertificate, ipBytes } from "../../pki/tls.js";
import type { Clock } from "../../shared/clock.js";
import { hasCode } from "../../shared/error-code.js";
import { describe, isStationError, StationError } from "../../shared/errors.js";
import { readSettings, writeFileAtomic } from "../../shared/files.js";

export interface TlsFiles {
  /** PEM of the local CA, for clients. */
  readonly caFile: string;
  readonly caPem: string;
  /** The server's certificate and private key. */
  readonly certPem: string;
  readonly keyPem: string;
  /** One client's certificate and private key. */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

export interface TlsOptions {
  readonly clock: Clock;
  /** Names and addresses of the server beside localhost, 127.0.0.1 and ::1. */
  readonly hosts?: readonly string[];
  /** Life of the CA, days; default 7300, 1–18250. */
  readonly caDays?: number;
  /** Life of server and client certificate, days; default 397 (what strict peers take), 1–7300. */
  readonly certificateDays?: number;
  /** A certificate with less than this part of its life left is renewed; default 0.25, 0–0.9. */
  readonly renewAt?: number;
  /** The CA stays, near its end too, and is not made anew where it is lost: servers that run know their clients by it. Default false. */
  readonly keepCa?: boolean;
}

const DAY = 86_400_000;
/** Begins a little earlier than now, for peers whose clock is behind. */
const BACKDATE = 3_600_000;
const LOCAL_HOSTS = ["localhost", "127.0.0.1", "::1"];
const newKeyPair = promisify(generateKeyPair);

interface Identity {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

function files(dir: string) {
  const at = (name: string) => join(dir, name);
  return {
    authority: at("ca-key.pem"),
    ca: at("ca.pem"),
    server: at("server.pem"),
    clientCert: at("client.pem"),
    clientKey: at("client-key.pem"),
  };
}

function pemOf({ certificate, key }: Identity): { cert: string; key: string } {
  return {
    cert: encodePem(certificate.raw, "CERTIFICATE"),
    key: String(key.export({ type: "pkcs8", format: "pem" })),
  };
}

/** Certificate and key of PEM text; undefined where they are missing, damaged or do not belong together. */
function identity(text: string | undefined): Identity | undefined {
  if (text === undefined) return undefined;
  try {
    const der = decodePem(text, "CERTIFICATE")[0];
    const pkcs8 = decodePem(text, "PRIVATE KEY")[0];
    if (der === undefined || pkcs8 === undefined) return undefined;
    const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
    const certificate = parseCertificate(der);
    return Buffer.from(publicKeyOf(key).spki).equals(certificateKey(certificate).spki)
      ? { certificate, key }
      : undefined;
  } catch (error) {
    if (isStationError(error, "PKI_UNREADABLE") || (error instanceof Error && "code" in error)) return undefined;
    throw error;
  }
}

async function text(file: string): Promise<string | undefined> {
  try {
    return await readSettings(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

class Maker {
  readonly #files: ReturnType<typeof files>;
  readonly #now: number;
  readonly #hosts: readonly string[];

  constructor(
    dir: string,
    private readonly options: TlsOptions,
  ) {
    this.#files = files(dir);
    this.#now = options.clock.now();
    this.#hosts = [...new Set([...LOCAL_HOSTS, ...(options.hosts ?? [])])];
  }

  async make(): Promise<TlsFiles> {
    const ca = await this.#authority();
    const { cert: caPem } = pemOf(ca);
    if ((await text(this.#files.ca)) !== caPem) await writeFileAtomic(this.#files.ca, caPem);
    const server = await this.#server(ca);
    await this.#client(ca);
    const { cert: certPem, key: keyPem } = pemOf(server);
    const { ca: caFile, clientCert: clientCertFile, clientKey: clientKeyFile } = this.#files;
    return { caFile, caPem, certPem, keyPem, clientCertFile, clientKeyFile };
  }

  #fresh({ certificate: { notBefore, notAfter } }: Identity): boolean {
    return this.#now >= notBefore && notAfter - this.#now > (notAfter - notBefore) * (this.options.renewAt ?? 0.25);
  }

  async #authority(): Promise<Identity> {
    const found = identity(await text(this.#files.authority));
    const keepCa = this.options.keepCa === true;
    if (found !== undefined && (keepCa || this.#fresh(found))) return found;
    if (keepCa) throw new Error(`${this.#files.authority} is missing or damaged`);
    const made = await this.#newAuthority();
    const { cert, key } = pemOf(made);
    // At first start two processes may get here: the file that is there first is everybody's.
    const exclusive = (await text(this.#files.authority)) === undefined;
    if (await writeFileAtomic(this.#files.authority, cert + key, { exclusive })) return made;
    const other = identity(await text(this.#files.authority));
    if (other === undefined) throw new StationError("CONFIG_INVALID", { details: { what: this.#files.authority } });
    return other;
  }

  async #newAuthority(): Promise<Identity> {
    const { privateKey } = await newKeyPair("ec", { namedCurve: "P-256" });
    const der = await buildCaCertificate({
      subject: encodeName([
        { type: "O", value: "ECU provisioning station" },
        { type: "CN", value: `Local CA ${randomBytes(4).toString("hex")}` },
      ]),
      publicKey: publicKeyOf(privateKey),
      serial: randomSerial(),
      notBefore: this.#now - BACKDATE,
      notAfter: this.#now + (this.options.caDays ?? 7300) * DAY,
      pathLen: 0,
      hash: "sha256",
      sign: signer(privateKey, "sha256"),
    });
    return { certificate: parseCertificate(der), key: privateKey };
  }

  async #server(ca: Identity): Promise<Identity> {
    const found = identity(await text(this.#files.server));
    if (found !== undefined && (await this.#usable(found, ca)) && this.#covers(found.certificate)) return found;
    const made = await this.#issue(ca, "server");
    const { cert, key } = pemOf(made);
    await writeFileAtomic(this.#files.server, cert + key);
    return made;
  }

  async #client(ca: Identity): Promise<void> {
    const { clientCert, clientKey } = this.#files;
    const found = identity(`${await text(clientCert)}${await text(clientKey)}`);
    if (found !== undefined && (await this.#usable(found, ca))) return;
    const { cert, key } = pemOf(await this.#issue(ca, "client"));
    await writeFileAtomic(clientKey, key);
    await writeFileAtomic(clientCert, cert);
  }

  async #usable(found: Identity, ca: Identity): Promise<boolean> {
    if (!this.#fresh(found)) return false;
    const { raw: leaf } = found.certificate;
    return (await verifyChain({ leaf, issuers: [], anchors: [ca.certificate.raw], at: this.#now })).ok;
  }

  #covers(certificate: Certificate): boolean {
    const names = Buffer.from(certificate.extensions.get(EXTENSION.subjectAltName)?.value ?? []);
    return this.#hosts.every((host) =>
      names.includes(isIP(host) === 0 ? Buffer.from(host) : Buffer.from(ipBytes(host))),
    );
  }

  async #issue(ca: Identity, role: "server" | "client"): Promise<Identity> {
    const { privateKey } = await newKeyPair("ec", { namedCurve: "P-256" });
    const der = await buildTlsCertificate({
      role,
      subject: encodeName([
        { type: "O", value: "ECU provisioning station" },
        { type: "CN", value: role === "server" ? "localhost" : "station" },
      ]),
      publicKey: publicKeyOf(privateKey),
      issuer: { name: ca.certificate.subject, keyIdentifier: keyIdentifier(certificateKey(ca.certificate)) },
      serial: randomSerial(),
      notBefore: this.#now - BACKDATE,
      notAfter: Math.min(this.#now + (this.options.certificateDays ?? 397) * DAY, ca.certificate.notAfter),
      hosts: role === "server" ? this.#hosts : [],
      hash: "sha256",
      sign: signer(ca.key, "sha256"),
    });
    return { certificate: parseCertificate(der), key: privateKey };
  }
}

/**
 * Makes what is missing in `dir` (files 0600, each whole or not at all), and makes anew what nears its end, is damaged, does not cover
 * the hosts or is not of this CA.
 * @throws StationError CONFIG_INVALID when the folder cannot be read or written
 */
export async function ensureTls(dir: string, options: TlsOptions): Promise<TlsFiles> {
  try {
    return await new Maker(dir, options).make();
  } catch (error) {
    if (error instanceof StationError) throw error;
    throw new StationError("CONFIG_INVALID", {
      details: { what: `TLS files in ${dir}: ${describe(error)}` },
      cause: error,
    });
  }
}
