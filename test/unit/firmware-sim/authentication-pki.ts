/** A PKI of testers and ECUs made by OpenSSL's command line, which shares no code with the product. */
import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex, toHex } from "../../../src/shared/bytes.js";

export type CurveOption = "prime256v1" | "secp521r1";

export interface Made {
  readonly name: string;
  /** PEM files. */
  readonly certificate: string;
  readonly keyFile: string;
  /** DER, hex. */
  readonly der: string;
}

export interface LeafOptions {
  readonly subject?: string;
  readonly curve?: CurveOption;
  /** ASN.1 times, e.g. 20250101000000Z. */
  readonly from?: string;
  readonly to?: string;
  /** Lines of an extension section. */
  readonly extensions?: readonly string[];
}

const LEAF = [
  "basicConstraints=critical,CA:false",
  "keyUsage=critical,digitalSignature",
  "authorityKeyIdentifier=keyid",
  "subjectKeyIdentifier=hash",
];
const CA = ["basicConstraints=critical,CA:true", "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash"];
const SIGNS = ["authorityKeyIdentifier=keyid"];

/** ASN.1 time of so many years from now. */
export const year = (offset: number): string => `${new Date().getUTCFullYear() + offset}0101000000Z`;

export class OpensslPki {
  readonly folder = mkdtempSync(join(tmpdir(), "apce-"));

  root(name: string): Made {
    const keyFile = this.#key(name, "prime256v1");
    const certificate = this.#path(`${name}.pem`);
    const extensions = CA.flatMap((line) => ["-addext", line]);
    this.#openssl(
      "req",
      "-x509",
      "-new",
      "-key",
      keyFile,
      "-subj",
      `/CN=${name}`,
      "-days",
      "3650",
      ...extensions,
      "-out",
      certificate,
    );
    return this.#made(name, certificate, keyFile);
  }

  ca(name: string, issuer: Made): Made {
    return this.issue(name, issuer, { subject: `/CN=${name}`, extensions: [...CA, ...SIGNS] });
  }

  issue(name: string, issuer: Made, options: LeafOptions = {}): Made {
    const { subject = `/O=Plant/OU=end-of-line/CN=${name}`, curve = "prime256v1", extensions = LEAF } = options;
    const { from = year(-2), to = year(5) } = options;
    const keyFile = this.#key(name, curve);
    const request = this.#path(`${name}.csr`);
    const certificate = this.#path(`${name}.pem`);
    const extfile = this.#path(`${name}.ext`);
    writeFileSync(extfile, `${extensions.join("\n")}\n`);
    this.#openssl("req", "-new", "-key", keyFile, "-subj", subject, "-out", request);
    this.#ca(
      issuer,
      "-batch",
      "-notext",
      "-in",
      request,
      "-startdate",
      from,
      "-enddate",
      to,
      "-extfile",
      extfile,
      "-out",
      certificate,
    );
    return this.#made(name, certificate, keyFile);
  }

  /** PEM of a revocation list of `issuer` that names `revoked`. */
  crl(issuer: Made, ...revoked: readonly Made[]): string {
    for (const { certificate } of revoked) this.#ca(issuer, "-revoke", certificate);
    return this.#ca(issuer, "-gencrl").toString("utf8");
  }

  /** PEM of several things, as a file. */
  file(name: string, ...parts: readonly string[]): string {
    const path = this.#path(name);
    writeFileSync(path, parts.join("\n"));
    return path;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** `openssl ca` with a database of the issuer's own. */
  #ca(issuer: Made, ...args: readonly string[]): Buffer {
    const own = (file: string) => this.#path(`${issuer.name}.${file}`);
    const lines = [
      "[ca]\ndefault_ca=own\n[own]\nunique_subject=no\nrand_serial=yes\npolicy=any\ndefault_md=sha256\ndefault_crl_days=3650",
      `new_certs_dir=${this.folder}\ndatabase=${own("index")}\ncrlnumber=${own("number")}`,
      "[any]\nO=optional\nOU=optional\nCN=supplied\n",
    ];
    if (!existsSync(own("index"))) {
      writeFileSync(own("index"), "");
      writeFileSync(own("number"), "01\n");
      writeFileSync(own("cnf"), lines.join("\n"));
    }
    return this.#openssl("ca", "-config", own("cnf"), "-cert", issuer.certificate, "-keyfile", issuer.keyFile, ...args);
  }

  #key(name: string, curve: CurveOption): string {
    const file = this.#path(`${name}.key`);
    this.#openssl("genpkey", "-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${curve}`, "-out", file);
    return file;
  }

  #made(name: string, certificate: string, keyFile: string): Made {
    const der = toHex(new Uint8Array(this.#openssl("x509", "-in", certificate, "-outform", "DER")));
    return { name, certificate, keyFile, der };
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  #openssl(...args: readonly string[]): Buffer {
    return execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
  }
}

export const pem = ({ certificate }: Made): string => readFileSync(certificate, "utf8");
export const keyOf = ({ keyFile }: Made): KeyObject => createPrivateKey(readFileSync(keyFile));

export const sized = (hex: string): string => (hex.length / 2).toString(16).padStart(4, "0") + hex;

export function proof(signer: Made, token: string, hash = "sha256"): string {
  return toHex(new Uint8Array(sign(hash, fromHex(token), keyOf(signer))));
}

export function proves(signer: Made, token: string, signature: string, hash = "sha256"): boolean {
  return verify(hash, fromHex(token), createPublicKey(readFileSync(signer.certificate)), fromHex(signature));
}
