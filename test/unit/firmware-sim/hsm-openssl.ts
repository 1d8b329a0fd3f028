/** Certificates of every sort, made and judged by OpenSSL's command line, which shares no code with the product. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type KeyKind = "P-256" | "P-384" | "P-521" | "RSA";

export interface Made {
  /** PEM file. */
  readonly file: string;
  /** Of its key; undefined where somebody else has that. */
  readonly keyFile: string | undefined;
  readonly der: Uint8Array;
}

export interface Wanted {
  /** Common name. Default: that of the request, or a new one. */
  readonly name?: string;
  /** Left out: signed by itself. */
  readonly by?: Made;
  /** A new key of that kind, a request in a PEM file, or the key of another certificate. Default P-256. */
  readonly key?: KeyKind | { readonly request: string } | { readonly of: Made };
  /** ASN.1 times. Default: the years around the tests' time. */
  readonly from?: string;
  readonly to?: string;
  /** Lines of the extension section; none at all make a certificate of version 1. */
  readonly extensions: readonly string[];
  readonly hash?: "sha1" | "sha256" | "sha384" | "sha512";
}

export const CA = [
  "basicConstraints=critical,CA:true",
  "keyUsage=critical,keyCertSign,cRLSign",
  "subjectKeyIdentifier=hash",
];
export const LEAF = [
  "basicConstraints=critical,CA:false",
  "keyUsage=critical,digitalSignature,keyAgreement",
  "subjectKeyIdentifier=hash",
];
/** An extension that nobody knows. */
export const UNKNOWN = "1.3.6.1.4.1.99999.1";

const CONFIG = `
[ca]
default_ca = own
[own]
database = ./index.txt
new_certs_dir = .
rand_serial = yes
policy = any
unique_subject = no
preserve = yes
[any]
commonName = optional
organizationName = optional
domainComponent = optional
`;
const CURVES = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1" } as const;

export class OpensslCa {
  readonly #folder = mkdtempSync(join(tmpdir(), "hsm-"));
  #count = 0;

  constructor() {
    this.#write("ca.cnf", CONFIG);
    this.#write("index.txt", "");
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  make({ name, by, key = "P-256", from = "20260101000000Z", to = "20270101000000Z", extensions, hash }: Wanted): Made {
    const number = ++this.#count;
    const { request, keyFile } = this.#requestOf(key, name ?? `Certificate ${number}`, number);
    const file = this.#path(`${number}.pem`);
    const signing = by === undefined ? ["-selfsign", "-keyfile", `${keyFile}`] : issuerOptions(by);
    const extensionFile = this.#write(`${number}.ext`, extensions.join("\n"));
    const span = ["-startdate", from, "-enddate", to, "-md", hash ?? "sha256"];
    const names = name === undefined || typeof key === "string" ? [] : ["-subj", `/CN=${name}`];
    const how = ["-config", "ca.cnf", "-batch", "-notext", ...span, ...names, "-extfile", extensionFile];
    this.#openssl("ca", ...how, ...signing, "-in", request, "-out", file);
    return { file, keyFile, der: this.#openssl("x509", "-in", file, "-outform", "DER") };
  }

  /** A request of the ECU, as a PEM file. */
  request(der: Uint8Array): string {
    const file = this.#write(`request-${++this.#count}.der`, der);
    this.#openssl("req", "-inform", "DER", "-in", file, "-out", `${file}.pem`);
    return `${file}.pem`;
  }

  /** A certificate's text. */
  pem(file: string): string {
    return readFileSync(file, "utf8");
  }

  /** Whether OpenSSL finds a valid path at that time. @param at s since the epoch */
  accepts(leaf: Made, issuers: readonly Made[], anchors: readonly Made[], at: number): boolean {
    const bundle = (name: string, certificates: readonly Made[]) =>
      this.#write(name, certificates.map(({ file }) => this.pem(file)).join(""));
    const trusted = ["-CAfile", bundle("anchors.pem", anchors), "-partial_chain", "-no-CApath", "-no-CAstore"];
    const untrusted = issuers.length === 0 ? [] : ["-untrusted", bundle("issuers.pem", issuers)];
    const judged = spawnSync("openssl", ["verify", "-attime", `${at}`, ...trusted, ...untrusted, leaf.file], {
      cwd: this.#folder,
    });
    return judged.status === 0;
  }

  #requestOf(key: Wanted["key"], name: string, number: number): { request: string; keyFile: string | undefined } {
    if (typeof key === "object" && "request" in key) return { request: key.request, keyFile: undefined };
    const keyFile = typeof key === "object" ? key.of.keyFile : this.#newKey(key ?? "P-256", number);
    const request = this.#path(`${number}.csr`);
    this.#openssl("req", "-new", "-key", `${keyFile}`, "-subj", `/CN=${name}`, "-out", request);
    return { request, keyFile };
  }

  #newKey(kind: KeyKind, number: number): string {
    const file = this.#path(`${number}.key`);
    const how =
      kind === "RSA"
        ? ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        : ["EC", "-pkeyopt", `ec_paramgen_curve:${CURVES[kind]}`];
    this.#openssl("genpkey", "-algorithm", ...how, "-out", file);
    return file;
  }

  #openssl(...args: readonly string[]): Uint8Array {
    return new Uint8Array(execFileSync("openssl", args, { cwd: this.#folder, stdio: ["ignore", "pipe", "pipe"] }));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.#path(name), content);
    return this.#path(name);
  }
}

function issuerOptions({ file, keyFile }: Made): string[] {
  return ["-cert", file, "-keyfile", `${keyFile}`];
}
