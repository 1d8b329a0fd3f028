/** What one station asks of the servers for its units: the requests of an EVCC run, at its takt, by the product's own clients. */
import { generateKeyPair, randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import { csrPem, SAMPLE_CODES } from "../../src/cli/bench/csr.js";
import { createKmsClient } from "../../src/clients/kms.js";
import { createVpkiClient } from "../../src/clients/vpki.js";
import { parseDn } from "../../src/pki/names.js";
import { CERTIFICATE_TYPES } from "../../src/pki/types.js";
import type { CertificateType } from "../../src/profiles/schema.js";
import { fromHex } from "../../src/shared/bytes.js";
import { systemClock } from "../../src/shared/clock.js";
import { isStationError } from "../../src/shared/errors.js";
import { Secret } from "../../src/shared/secret.js";
import type { KeyRequest, KmsClient, VpkiClient } from "../../src/station/ports.js";
import type { LoadTarget } from "../sweep/load.js";
import type { Meter } from "./meter.js";

const newKeyPair = promisify(generateKeyPair);
const ECU_ID = "01020304050607080102030400030001";
const CHALLENGE = fromHex("000102030405060708090a0b0c0d0e0f");
const CERTIFICATES: readonly { readonly type: CertificateType; readonly dc: string }[] = [
  { type: "prov-15118-2", dc: "OEM" },
  { type: "prov-15118-20", dc: "OEM20" },
  { type: "vehicle-15118-20", dc: "EV" },
];
const CLUSTER_KEYS = ["4", "5", "6", "7", "8", "9", "A", "B", "C"];
/** ms between a request that was given up and its repeat. */
const REPEAT = 1_000;

export interface StationOptions {
  readonly target: LoadTarget;
  /** Tells its units from those of others. */
  readonly index: number;
  readonly supplierSecret: string;
  /** ms from the beginning of a unit to that of the next one. */
  readonly takt: number;
  readonly meter: Meter;
  readonly signal: AbortSignal;
}

/** One request of a unit. @param key its Idempotency-Key */
type Ask = (key: string) => Promise<unknown>;

export class Station {
  readonly #options: StationOptions;
  readonly #vpki: VpkiClient & { close(): Promise<void> };
  readonly #kms: KmsClient & { close(): Promise<void> };
  units = 0;

  constructor(options: StationOptions) {
    this.#options = options;
    const { ca, cert, key, vpki, kms } = options.target;
    const common = { ca, cert, key, clock: systemClock, sharedStore: true };
    // Half of the stations have the other replica first.
    const inOrder = (urls: readonly string[]) => (options.index % 2 === 0 ? urls : urls.toReversed());
    const chain = async () => ({ issuers: [], anchors: [] });
    this.#vpki = createVpkiClient({ ...common, baseUrls: inOrder(vpki), chain });
    this.#kms = createKmsClient({ ...common, baseUrls: inOrder(kms), station: `scale-${options.index}` });
  }

  /** Unit after unit until `end`, ms of performance.now; the last one is done to its end. */
  async run(end: number): Promise<void> {
    const { takt, signal } = this.#options;
    // Stations of a plant do not begin together.
    let begin = performance.now() + Math.random() * takt;
    for (; begin < end; begin = Math.max(begin + takt, performance.now())) {
      await systemClock.sleep(begin - performance.now(), signal);
      await this.#unit(begin);
      this.units++;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#vpki.close(), this.#kms.close()]);
  }

  /** The requests of one unit, spread over nine tenths of the takt. */
  async #unit(begin: number): Promise<void> {
    const { takt, meter, signal } = this.#options;
    const requests = await this.#requests();
    for (const [i, [what, ask]] of requests.entries()) {
      const due = begin + (0.9 * takt * i) / requests.length;
      await systemClock.sleep(Math.max(0, due - performance.now()), signal);
      const key = randomUUID();
      const sent = performance.now();
      while (!(await settled(ask(key)))) {
        meter.gaveUp(what);
        await systemClock.sleep(REPEAT, signal);
      }
      meter.answered(what, sent, performance.now() - sent);
    }
  }

  async #requests(): Promise<(readonly [what: string, ask: Ask])[]> {
    const { index, signal, supplierSecret } = this.#options;
    const number = `${index.toString(36)}x${this.units.toString(36)}`.toUpperCase().padStart(18, "0");
    const ecuId = `${ECU_ID}${index.toString(16).padStart(8, "0")}${this.units.toString(16).padStart(14, "0")}`;
    const secOC = { supplierSecret: Secret.fromHex(supplierSecret), counter: 1, challenge: CHALLENGE };
    const keys: readonly KeyRequest[] = [
      { type: "EcuMasterKey", keyId: "1", ecuId },
      ...CLUSTER_KEYS.map((keyId) => ({ type: "SecOCKey" as const, keyId, ecuId, secOC })),
      { type: "SupplierSymmKey", keyId: "D", ecuId },
    ];
    const issues = await Promise.all(
      CERTIFICATES.map(async ({ type, dc }) => {
        const name = type.startsWith("vehicle") ? number.padStart(20, "0") : number;
        const { curve, hash } = CERTIFICATE_TYPES[type];
        const { privateKey } = await newKeyPair("ec", { namedCurve: curve });
        const csr = await csrPem(privateKey, parseDn(`cn=${name},ou=P001,ou=C001,ou=ECC,o=HKMC,dc=${dc}`), hash);
        const ask: Ask = (key) => this.#vpki.issue({ type, csrPem: csr, ...SAMPLE_CODES }, key, signal);
        return [`issue ${curve}`, ask] as const;
      }),
    );
    return [
      ["ping", () => this.#vpki.ping(signal)],
      ["ping", () => this.#kms.ping(signal)],
      ...issues,
      ...keys.flatMap((request) => this.#keyRequests(request)),
      ...this.#syncRequests(ecuId),
    ];
  }

  #keyRequests(request: KeyRequest): (readonly [string, Ask])[] {
    let correlationId: string | undefined;
    const { type, ecuId, keyId } = request;
    const get: Ask = async (key) => {
      ({ correlationId } = await this.#kms.requestKey(request, key, this.#options.signal));
    };
    return [["key set", get], this.#result("key", type, ecuId, keyId, () => correlationId)];
  }

  #syncRequests(ecuId: string): (readonly [string, Ask])[] {
    let correlationId: string | undefined;
    const get: Ask = async () => {
      ({ correlationId } = await this.#kms.requestSync("SupplierSymmKey", ecuId, "D", this.#options.signal));
    };
    return [["sync value", get], this.#result("sync", "SupplierSymmKey", ecuId, "D", () => correlationId)];
  }

  #result(
    kind: "key" | "sync",
    type: KeyRequest["type"],
    ecuId: string,
    keyId: string,
    correlationId: () => string | undefined,
  ): readonly [string, Ask] {
    const result = { kind, type, ecuId, keyId, status: "Success", message: "" } as const;
    return [
      "result",
      (key) => this.#kms.report({ ...result, correlationId: correlationId() }, key, this.#options.signal),
    ];
  }
}

/** False where the client has given up, with all its rounds through the servers. */
async function settled(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isStationError(error) && error.retryable) return false;
    throw error;
  }
}
