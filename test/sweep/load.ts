/**
 * A load of real requests on vPKI and KMS over TLS, by many workers at once, and a book of everything that was asked and answered.
 * `load-check.ts` holds the book against itself and against the stores. Neither knows what the stores are kept in.
 */
import { generateKeyPair, randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { Agent, request } from "undici";
import { csrPem, SAMPLE_CODES } from "../../src/cli/bench/csr.js";
import { CORRELATION_ID, IDEMPOTENCY_KEY, JSON_UTF8 } from "../../src/contract/common.js";
import { KMS_PATHS } from "../../src/contract/kms.js";
import { VPKI_TYPES, type VpkiType, vpkiPath } from "../../src/contract/vpki.js";
import { publicKeyOf } from "../../src/pki/keys.js";
import { parseDn } from "../../src/pki/names.js";
import { CERTIFICATE_TYPES } from "../../src/pki/types.js";
import { below, pick, type Random, randomOf } from "./seed.js";

export interface LoadTarget {
  /** Base URLs of the replicas; a request whose connection fails goes to the next. */
  readonly vpki: readonly string[];
  readonly kms: readonly string[];
  /** PEM. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** One request, and its answer where one came. */
export interface Exchange {
  readonly service: "vpki" | "kms";
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly body: string;
  readonly idempotencyKey: string;
  /** Further headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** What it is about. */
  readonly about: About;
  /** Steps of the book's own counter. */
  sent: number;
  answered?: number;
  /** Was not answered at first: what it asked for may have been done long before its answer. */
  lost?: boolean;
  answer?: Answer;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly correlation: string | undefined;
  readonly retryAfter: string | undefined;
}

export type About =
  | {
      readonly kind: "issue" | "reissue";
      readonly type: VpkiType;
      readonly dn: string;
      /** SubjectPublicKeyInfo, hex. */
      readonly spki: string;
      readonly expect: "cert" | "keyUsed";
    }
  | {
      readonly kind: "revoke";
      readonly type: VpkiType;
      readonly dn: string;
      readonly expect: "revoked" | "alreadyRevoked";
    }
  | { readonly kind: "set"; readonly uid: string; readonly keyId: string; readonly cluster: boolean }
  | {
      readonly kind: "result";
      readonly uid: string;
      readonly keyId: string;
      readonly of: string;
      readonly status: "Success" | "OperationFailed";
    };

/** What was asked and answered since the book was opened, over all rounds. */
export class Book {
  readonly answered: Exchange[] = [];
  /** Requests whose connection ended before the answer. */
  unanswered: Exchange[] = [];
  /** Requests that a full server sent away for later. */
  busy = 0;
  /** Answers that a repeated Idempotency-Key had, and the first ones. */
  readonly differing: { exchange: Exchange; again: Answer }[] = [];
  repeated = 0;
  #step = 0;

  step(): number {
    return ++this.#step;
  }
}

export interface LoadOptions {
  readonly target: LoadTarget;
  readonly book: Book;
  /** Tells the units of this load from those of others on the same stores. */
  readonly name: string;
  readonly seed: number;
  readonly workers: number;
  /** SupplierSecretKey of the registry. */
  readonly supplierSecret: string;
  /** Called behind every answer, with their number since the beginning of the run. */
  readonly onAnswer?: (count: number) => void;
  /** Ends the load once this many answers have come; left out, only lost servers end it. */
  readonly answers?: number;
}

const newKeyPair = promisify(generateKeyPair);
const PREFIX = "010203040506070801020304";
/** ECUs that all workers ask keys for at once. */
const SHARED_ECUS = 3;
const P521_SHARE = 0.12;
const P256_TYPES = VPKI_TYPES.filter((type) => CERTIFICATE_TYPES[type].curve === "P-256");
const P521_TYPES = VPKI_TYPES.filter((type) => CERTIFICATE_TYPES[type].curve === "P-521");
const CHALLENGE = "00112233445566778899aabbccddeeff";

/** Runs the load until the answers are enough or the servers are gone. */
export async function runLoad(options: LoadOptions): Promise<void> {
  const agent = agentOf(options.target);
  try {
    const state = { count: 0, gone: false };
    await Promise.all(Array.from({ length: options.workers }, (_, i) => new Worker(options, agent, i, state).run()));
  } finally {
    await agent.destroy();
  }
}

/** Sends again, with its Idempotency-Key, what was not answered; gives how many there were. @throws where one is not answered again */
export async function repeatUnanswered(target: LoadTarget, book: Book): Promise<number> {
  const agent = agentOf(target);
  const lost = book.unanswered;
  book.unanswered = [];
  try {
    // At once and several at a time: the order of their effects is nobody's promise.
    await Promise.all(
      lost.map(async (exchange) => {
        const answer = await sendPatiently(agent, target, exchange, book);
        if (answer === undefined) throw new Error(`${exchange.path} is not answered`);
        book.answered.push(Object.assign(exchange, { answer, answered: book.step() }));
      }),
    );
    return lost.length;
  } finally {
    await agent.destroy();
  }
}

/** Sends again what was answered; another answer than the first goes into the book. */
export async function repeatAnswered(target: LoadTarget, book: Book, exchanges: readonly Exchange[]): Promise<void> {
  const agent = agentOf(target);
  try {
    await Promise.all(exchanges.map((exchange) => repeat(agent, target, book, exchange)));
  } finally {
    await agent.destroy();
  }
}

/** Whether an exchange had an effect, whose answer is then kept under its Idempotency-Key. */
export function hadEffect({ answer, service }: Exchange): boolean {
  if (answer?.status !== 200) return false;
  return service === "vpki" || (JSON.parse(answer.body) as { ResultStatus: string }).ResultStatus === "Success";
}

async function repeat(agent: Agent, target: LoadTarget, book: Book, exchange: Exchange): Promise<boolean> {
  const again = await sendPatiently(agent, target, exchange, book);
  if (again === undefined) return false;
  book.repeated++;
  const first = exchange.answer;
  if (again.status !== first?.status || again.body !== first.body || again.correlation !== first.correlation)
    book.differing.push({ exchange, again });
  return true;
}

function agentOf({ ca, cert, key }: LoadTarget): Agent {
  return new Agent({ connect: { ca, cert, key }, connections: 16, headersTimeout: 120_000, bodyTimeout: 120_000 });
}

/** Undefined where no server is left. A full server is asked again. */
async function sendPatiently(
  agent: Agent,
  target: LoadTarget,
  exchange: Exchange,
  book: Book,
  first = 0,
): Promise<Answer | undefined> {
  const urls = target[exchange.service];
  for (let attempt = 0; attempt < urls.length; ) {
    const url = urls[(first + attempt) % urls.length] ?? "";
    const answer = await send(agent, url, exchange).catch(() => undefined);
    if (answer === undefined) attempt++;
    else if (answer.status !== 503 || answer.retryAfter === undefined) return answer;
    else book.busy++;
  }
  return undefined;
}

async function send(agent: Agent, base: string, exchange: Exchange): Promise<Answer> {
  const { method, path, body, idempotencyKey, headers } = exchange;
  const answer = await request(`${base}${path}`, {
    method,
    body,
    headers: { "content-type": JSON_UTF8, [IDEMPOTENCY_KEY]: idempotencyKey, ...headers },
    dispatcher: agent,
  });
  const header = (name: string) => {
    const value = answer.headers[name];
    return typeof value === "string" ? value : undefined;
  };
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    body: text,
    correlation: header(CORRELATION_ID),
    retryAfter: header("retry-after"),
  };
}

interface Unit {
  readonly type: VpkiType;
  readonly dn: string;
  /** Keys that were certified, with their CSRs. */
  readonly used: { readonly spki: string; readonly csr: string }[];
  /** Has a certificate that was not revoked. */
  holds: boolean;
}

/** One client: it waits for each answer before it asks again. */
class Worker {
  readonly #random: Random;
  readonly #units: Unit[] = [];
  readonly #mine: Exchange[] = [];
  #sets: { uid: string; keyId: string; type: string; correlation: string }[] = [];
  #made = 0;

  constructor(
    private readonly options: LoadOptions,
    private readonly agent: Agent,
    private readonly index: number,
    private readonly state: { count: number; gone: boolean },
  ) {
    this.#random = randomOf(`${options.name}/${index}`, options.seed);
  }

  async run(): Promise<void> {
    const { answers = Number.POSITIVE_INFINITY } = this.options;
    while (!this.state.gone && this.state.count < answers) {
      const done = await this.#act();
      if (!done) this.state.gone = true;
    }
  }

  #act(): Promise<boolean> {
    const dice = this.#random();
    if (dice < 0.26) return this.#issue("issue", this.#newUnit());
    const unit = this.#units.length === 0 ? undefined : pick(this.#random, this.#units);
    if (dice < 0.4 && unit !== undefined) return this.#issue(dice < 0.32 ? "issue" : "reissue", unit);
    if (dice < 0.44 && unit !== undefined) return this.#sameKey(unit);
    if (dice < 0.5 && unit !== undefined) return this.#revoke(unit);
    if (dice < 0.6 && this.#mine.length > 0)
      return repeat(this.agent, this.options.target, this.options.book, pick(this.#random, this.#mine));
    if (dice < 0.75 && this.#sets.length > 0) return this.#report();
    return this.#ask();
  }

  async #exchange(
    service: Exchange["service"],
    method: Exchange["method"],
    path: string,
    body: object,
    about: About,
    headers: Record<string, string> = {},
  ): Promise<Exchange | undefined> {
    const { book, target, onAnswer } = this.options;
    const text = JSON.stringify(body);
    const idempotencyKey = randomUUID();
    const exchange: Exchange = { service, method, path, body: text, idempotencyKey, headers, about, sent: book.step() };
    const answer = await sendPatiently(this.agent, target, exchange, book, this.index);
    if (answer === undefined) {
      exchange.lost = true;
      book.unanswered.push(exchange);
      return undefined;
    }
    book.answered.push(Object.assign(exchange, { answer, answered: book.step() }));
    if (hadEffect(exchange)) this.#mine.push(exchange);
    this.state.count++;
    onAnswer?.(this.state.count);
    return exchange;
  }

  #newUnit(): Unit {
    const type = pick(this.#random, this.#random() < P521_SHARE ? P521_TYPES : P256_TYPES);
    const root = CERTIFICATE_TYPES[type].subject[0];
    const first = root !== undefined && "is" in root ? `${root.type.toLowerCase()}=${root.is}` : "";
    const number = `${this.options.name}${this.index.toString(36)}x${(this.#made++).toString(36)}`;
    // A PCID has 17 or 18 letters and digits, the name of a vehicle 20.
    const size = type.startsWith("prov") ? 18 : 20;
    const unit: Unit = {
      type,
      dn: `cn=${number.toUpperCase().padStart(size, "0")},ou=P001,ou=C001,ou=ECC,o=HKMC,${first}`,
      used: [],
      holds: false,
    };
    this.#units.push(unit);
    return unit;
  }

  async #issue(operation: "issue" | "reissue", unit: Unit): Promise<boolean> {
    const { curve, hash } = CERTIFICATE_TYPES[unit.type];
    const { privateKey } = await newKeyPair("ec", { namedCurve: curve });
    const csr = await csrPem(privateKey, parseDn(unit.dn), hash);
    const spki = Buffer.from(publicKeyOf(privateKey).spki).toString("hex");
    unit.used.push({ spki, csr });
    unit.holds = true;
    return this.#certificate(operation, unit, csr, spki, "cert");
  }

  async #certificate(
    operation: "issue" | "reissue",
    unit: Unit,
    csr: string,
    spki: string,
    expect: "cert" | "keyUsed",
  ): Promise<boolean> {
    const body = { csr, ...SAMPLE_CODES };
    const about: About = { kind: operation, type: unit.type, dn: unit.dn, spki, expect };
    return (await this.#exchange("vpki", "POST", vpkiPath(unit.type, operation), body, about)) !== undefined;
  }

  #sameKey(unit: Unit): Promise<boolean> {
    const { csr, spki } = pick(this.#random, unit.used);
    return this.#certificate("issue", unit, csr, spki, "keyUsed");
  }

  async #revoke(unit: Unit): Promise<boolean> {
    const { type, dn, holds } = unit;
    const about: About = { kind: "revoke", type, dn, expect: holds ? "revoked" : "alreadyRevoked" };
    unit.holds = false;
    return (await this.#exchange("vpki", "POST", vpkiPath(type, "revoke"), { dn }, about)) !== undefined;
  }

  /** The same ECUs in every load, so that their counters go on. */
  #uid(): string {
    const shared = this.#random() < 0.4;
    const who = shared
      ? `f${below(this.#random, SHARED_ECUS)}`
      : `${this.index.toString(16)}0${below(this.#random, 4)}`;
    return `00030001${who.padStart(22, "0")}`;
  }

  async #ask(): Promise<boolean> {
    const [uid, dice] = [this.#uid(), this.#random()];
    const type = dice < 0.4 ? "EcuMasterKey" : dice < 0.7 ? "SupplierSymmKey" : "SecOCKey";
    const keyId =
      type === "EcuMasterKey" ? "1" : type === "SupplierSymmKey" ? "D" : pick(this.#random, ["4", "5", "C"]);
    const cluster = type === "SecOCKey";
    const more = cluster ? { SupplierSecretKey: this.options.supplierSecret, Counter: "0", Challenge: CHALLENGE } : {};
    const body = { ProvisioningType: type, EcuID: PREFIX + uid, KeyID: keyId, ...more };
    const asked = await this.#exchange("kms", "POST", KMS_PATHS.key, body, { kind: "set", uid, keyId, cluster });
    const correlation = asked?.answer?.correlation;
    if (correlation !== undefined) this.#sets.push({ uid, keyId, type, correlation });
    return asked !== undefined;
  }

  async #report(): Promise<boolean> {
    const set = pick(this.#random, this.#sets);
    this.#sets = this.#sets.filter((other) => other !== set);
    const { uid, keyId, type, correlation } = set;
    const status = this.#random() < 0.7 ? "Success" : "OperationFailed";
    const body = { ProvisioningType: type, EcuID: PREFIX + uid, KeyID: keyId, ResultMessage: "", ResultStatus: status };
    const about: About = { kind: "result", uid, keyId, of: correlation, status };
    return (
      (await this.#exchange("kms", "PUT", KMS_PATHS.key, body, about, { [CORRELATION_ID]: correlation })) !== undefined
    );
  }
}
