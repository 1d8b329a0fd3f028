/** Makes the certificates of the five types by the CAs and addresses of this service. */
import { buildCertificate, certificateKey, parseCertificate, validity } from "../../pki/certificate.js";
import { randomSerial } from "../../pki/keys.js";
import { encodeName } from "../../pki/names.js";
import { CERTIFICATE_TYPES, type CertificateType, certificateTypes, sampleSubject } from "../../pki/types.js";
import { StationError } from "../../shared/errors.js";
import type { Authorities } from "./authorities.js";
import { crlFileOf, urlsOf, type VpkiConfig } from "./config.js";
import { type CheckedCsr, Refusal } from "./request.js";
import type { CertificateRow } from "./store/store.js";

/** The longest ECDSA signature on P-256 in DER. */
const SIGNATURE_BYTES = 72;

export interface CertifierOptions {
  readonly authorities: Authorities;
  readonly config: VpkiConfig;
  /** Where CRL, OCSP and CA certificates are reached. */
  readonly baseUrl: () => string;
}

type Certified = Omit<CertificateRow, "keyId" | "type" | "nameKey">;
type Asked = Pick<CheckedCsr, "name" | "key">;

export class Certifier {
  constructor(private readonly options: CertifierOptions) {}

  /** A signed certificate; 406 where it is larger than its type allows. @param at time of issue, ms since the epoch */
  async certify(type: CertificateType, csr: CheckedCsr, at: number): Promise<Certified | Refusal> {
    const authority = this.options.authorities.issuerOf(type);
    const { der, ...rest } = await this.#build(type, csr, at, authority.sign);
    const { maxBytes = der.length } = CERTIFICATE_TYPES[type];
    if (der.length > maxBytes)
      return new Refusal("certificateSize", `${der.length} bytes instead of at most ${maxBytes}`);
    const certificate = Buffer.from(der).toString("base64");
    return { serial: parseCertificate(der).serial, dn: csr.dn, issuer: authority.name, ...rest, certificate };
  }

  /**
   * Whether certificates of every type with a largest size stay below it, with these addresses and names of CAs and a usual subject.
   * @throws StationError CONFIG_INVALID
   */
  async checkSizes(at: number): Promise<void> {
    for (const type of certificateTypes) {
      const { maxBytes } = CERTIFICATE_TYPES[type];
      if (maxBytes === undefined) continue;
      // A CA's key is on the curve of its types, and so as long as a request's.
      const key = certificateKey(this.options.authorities.issuerOf(type).certificate);
      const asked = { name: sampleSubject(type), key };
      const { der } = await this.#build(type, asked, at, async () => new Uint8Array(SIGNATURE_BYTES));
      if (der.length <= maxBytes) continue;
      const what = `servers.embedded.vpki: certificates of type ${type} would have ${der.length} bytes (expected at most ${maxBytes}): shorten its addresses or the CA's subject`;
      throw new StationError("CONFIG_INVALID", { details: { what } });
    }
  }

  async #build(
    type: CertificateType,
    { name, key }: Asked,
    at: number,
    sign: (tbs: Uint8Array) => Promise<Uint8Array>,
  ) {
    const { authorities, config, baseUrl } = this.options;
    const authority = authorities.issuerOf(type);
    const serial = randomSerial();
    const crl = crlFileOf(authority, serial, config);
    const times = validity(type, at, (config.backdateMinutes ?? 0) * 60_000);
    const der = await buildCertificate({
      type,
      // In the string types of the samples, whatever those of the CSR are.
      subject: encodeName(name),
      publicKey: key,
      issuer: authority.issuer,
      serial,
      ...times,
      urls: urlsOf(authority, crl, baseUrl(), config),
      asSeen: config.asSeen?.[type] ?? false,
      sign,
    });
    return { der, crl, ...times };
  }
}
