/** The UDS server of ISO 14229-1/-2: order of checks, 0x78, S3, functional addressing, suppressed answers; what it serves is a table. */
import type { DiagTransport, ReceivedMessage } from "../../src/ecu/transport/transport.js";
import type { Clock, Timer } from "../../src/shared/clock.js";
import { isStationError } from "../../src/shared/errors.js";
import { Negative, NRC, SILENT_WHEN_FUNCTIONAL } from "./nrc.js";

export const DEFAULT_SESSION = 0x01;
const SUPPRESS = 0x80;
const TESTER_PRESENT = 0x3e;

/** One request while it is served. */
export interface Exchange {
  readonly request: Uint8Array;
  readonly functional: boolean;
  /** Sends 0x78 now; the answer then comes even to a request that suppresses it. */
  pending(): void;
}

export interface Answer {
  /** Positive response with its SID. */
  readonly response: Uint8Array;
  /** Runs once the response is sent (or withheld); the server hears nothing from the response on until it resolves. */
  readonly after?: () => Promise<void>;
}

export interface Service {
  readonly sid: number;
  readonly name: string;
  /** Sessions that have the service; left out, all. */
  readonly sessions?: readonly number[];
  /** Served when addressed functionally. */
  readonly functional?: boolean;
  /** The whole service needs security access. */
  readonly unlocked?: boolean;
  /** Sub-functions without the suppress bit; left out, the service has none or checks them itself. */
  readonly subFunctions?: readonly number[];
  /** Bit 7 of the second byte suppresses the positive response. */
  readonly suppressible?: boolean;
  /** Least length in bytes, SID included. */
  readonly minLength: number;
  handle(exchange: Exchange): Promise<Answer> | Answer;
}

/** What may come between the server and its tester; see firmware-sim/faults. */
export interface Interference {
  /** A request arrived, the `count`-th since the start (TesterPresent not counted). */
  request?(request: Uint8Array, count: number): "silent" | { readonly nrc: number } | undefined;
  /** A final answer is ready; undefined withholds it. */
  answer?(request: Uint8Array, answer: Uint8Array): Uint8Array | undefined;
  /** ms that every answer is held back. */
  readonly delay?: number;
}

export interface UdsServerOptions {
  readonly transport: DiagTransport;
  readonly clock: Clock;
  readonly services: readonly Service[];
  /** Session and security as the services see them. */
  readonly access: {
    readonly session: number;
    /** @throws Negative while the lock is closed */
    needUnlocked(): void;
    /** S3 ran out: default session, locked. */
    expire(): void;
  };
  /** S3server, ms (ISO 14229-2). */
  readonly S3: number;
  /** ms after which an unfinished request is answered with 0x78; below P2server. Default 30, range 1–P2. */
  readonly pendingAfter?: number;
  /** ms between two 0x78; below P2*server. */
  readonly pendingEvery: number;
  readonly interference?: readonly Interference[];
  /** A request could not be served for a reason that no NRC tells (the flash is dead): the server falls silent. */
  readonly onFatal?: (error: unknown) => void;
}

/**
 * Serves until `close`. One request at a time: another waits for it, or gets 0x21 once it takes so long that it has sent 0x78.
 * TesterPresent is answered meanwhile.
 */
export class UdsServer {
  readonly #options: UdsServerOptions;
  readonly #services: ReadonlyMap<number, Service>;
  readonly #interference: readonly Interference[];
  readonly #unsubscribe: (() => void)[] = [];
  #s3: Timer | undefined;
  #serving = false;
  #pendingSent = false;
  #waiting: { readonly data: Uint8Array; readonly functional: boolean }[] = [];
  #deaf = false;
  #closed = false;
  #count = 0;
  /** Ends when everything handed to the transport so far is out. */
  #sent: Promise<void> = Promise.resolve();

  constructor(options: UdsServerOptions) {
    this.#options = options;
    this.#services = new Map(options.services.map((service) => [service.sid, service]));
    this.#interference = options.interference ?? [];
    const { transport } = options;
    this.#unsubscribe.push(
      transport.onStart(() => this.#stopS3()),
      transport.onError(() => this.#startS3()),
      transport.onMessage((message) => this.#receive(message)),
    );
  }

  close(): void {
    this.#closed = true;
    this.#deaf = true;
    for (const stop of this.#unsubscribe.splice(0)) stop();
    this.#stopS3();
  }

  #receive(message: ReceivedMessage): void {
    const { data, functional } = message;
    const sid = data[0];
    if (this.#deaf || sid === undefined) return;
    if (functional && this.#services.get(sid)?.functional !== true) return;
    if (sid !== TESTER_PRESENT) this.#count++;
    for (const fault of this.#interference) {
      const verdict = fault.request?.(data, this.#count);
      if (verdict === "silent") return;
      if (verdict !== undefined) {
        this.#stopS3();
        this.#transmit(Uint8Array.of(0x7f, sid, verdict.nrc));
        this.#startS3();
        return;
      }
    }
    if (this.#serving) this.#receiveWhileBusy(data, functional);
    else this.#begin(data, functional);
  }

  #receiveWhileBusy(data: Uint8Array, functional: boolean): void {
    const [sid = 0, sub = 0] = data;
    if (sid === TESTER_PRESENT && data.length === 2 && (sub & 0x7f) === 0) {
      if (sub === 0) this.#transmit(Uint8Array.of(0x7e, 0x00));
    } else if (!this.#pendingSent) this.#waiting.push({ data, functional });
    else if (!functional) this.#transmit(Uint8Array.of(0x7f, sid, NRC.busyRepeatRequest));
  }

  #sendPending(sid: number): void {
    this.#pendingSent = true;
    this.#transmit(Uint8Array.of(0x7f, sid, NRC.requestCorrectlyReceivedResponsePending));
    for (const { data, functional } of this.#waiting.splice(0)) this.#receiveWhileBusy(data, functional);
  }

  #serveNext(): void {
    const next = this.#deaf ? undefined : this.#waiting.shift();
    if (next !== undefined) this.#begin(next.data, next.functional);
  }

  #begin(data: Uint8Array, functional: boolean): void {
    this.#serve(data, functional).catch((error: unknown) => this.#fatal(error));
  }

  async #serve(request: Uint8Array, functional: boolean): Promise<void> {
    const { clock } = this.#options;
    this.#serving = true;
    this.#stopS3();
    this.#pendingSent = false;
    let timer: Timer | undefined;
    const sendPending = () => {
      timer?.cancel();
      timer = clock.timer(this.#options.pendingEvery, sendPending);
      this.#sendPending(request[0] ?? 0);
    };
    timer = clock.timer(this.#options.pendingAfter ?? 30, sendPending);
    let outcome: Outcome;
    try {
      const delay = this.#interference.reduce((sum, fault) => sum + (fault.delay ?? 0), 0);
      if (delay > 0) await clock.sleep(delay);
      outcome = await this.#answer({ request, functional, pending: sendPending });
    } finally {
      timer.cancel();
      this.#serving = false;
    }
    const pendingSent = this.#pendingSent;
    const withheld = outcome.positive
      ? outcome.suppress && !pendingSent
      : functional && !pendingSent && SILENT_WHEN_FUNCTIONAL.has(outcome.response[2] ?? 0);
    let response: Uint8Array | undefined = outcome.response;
    for (const fault of this.#interference)
      if (response !== undefined && fault.answer !== undefined) response = fault.answer(request, response);
    if (outcome.after !== undefined) {
      this.#deaf = true;
      this.#waiting = [];
    }
    if (!withheld && response !== undefined) this.#transmit(response);
    this.#serveNext();
    await this.#sent;
    if (outcome.after !== undefined) {
      await outcome.after();
      this.#deaf = this.#closed;
    }
    this.#startS3();
  }

  async #answer(exchange: Exchange): Promise<Outcome> {
    const sid = exchange.request[0] ?? 0;
    try {
      const service = this.#check(exchange.request);
      const { response, after } = await service.handle(exchange);
      if (response.length > this.#options.transport.maxMessage) throw new Negative(NRC.responseTooLong);
      const suppress = service.suppressible === true && ((exchange.request[1] ?? 0) & SUPPRESS) !== 0;
      return { positive: true, response, suppress, after };
    } catch (error) {
      const nrc = nrcOf(error);
      if (nrc === undefined) throw error;
      return { positive: false, response: Uint8Array.of(0x7f, sid, nrc), suppress: false, after: undefined };
    }
  }

  /** The checks that all services share, in the order of ISO 14229-1 clause 8.7 (general server response behaviour). */
  #check(request: Uint8Array): Service {
    const { access } = this.#options;
    const service = this.#services.get(request[0] ?? 0);
    if (service === undefined) throw new Negative(NRC.serviceNotSupported);
    if (service.sessions !== undefined && !service.sessions.includes(access.session))
      throw new Negative(NRC.serviceNotSupportedInActiveSession);
    if (service.unlocked === true) access.needUnlocked();
    if (request.length < service.minLength) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    if (service.subFunctions !== undefined && !service.subFunctions.includes((request[1] ?? 0) & 0x7f))
      throw new Negative(NRC.subFunctionNotSupported);
    return service;
  }

  /** Hands `data` to the transport after what was handed to it before; a failure is nobody's: the tester may be gone at any time. */
  #transmit(data: Uint8Array): void {
    const { transport } = this.#options;
    this.#sent = this.#sent
      .then(() => transport.send(data))
      .then(
        () => undefined,
        () => undefined,
      );
  }

  #startS3(): void {
    this.#stopS3();
    const { access, clock, S3 } = this.#options;
    if (this.#deaf || this.#serving || access.session === DEFAULT_SESSION) return;
    this.#s3 = clock.timer(S3, () => access.expire());
  }

  #stopS3(): void {
    this.#s3?.cancel();
    this.#s3 = undefined;
  }

  #fatal(error: unknown): void {
    this.close();
    this.#options.onFatal?.(error);
  }
}

/** Memory that could not be written has a code of its own; without power there is no answer at all. */
function nrcOf(error: unknown): number | undefined {
  if (error instanceof Negative) return error.nrc;
  return isStationError(error, "STORE_FAILED") ? NRC.generalProgrammingFailure : undefined;
}

interface Outcome {
  readonly positive: boolean;
  readonly response: Uint8Array;
  readonly suppress: boolean;
  readonly after: (() => Promise<void>) | undefined;
}
