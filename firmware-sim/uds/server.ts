/** The UDS server of ISO 14229-1/-2: order of checks, 0x78, S3, functional addressing, suppressed answers; what it serves is a table. */
import type { DiagTransport, ReceivedMessage } from "../../src/ecu/transport/transport.js";
import type { Clock, Timer } from "../../src/shared/clock.js";
import { isStationError } from "../../src/shared/errors.js";
import type { Counters } from "../counters.js";
import type { AccessRule } from "./access.js";
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
  /** Serves a request that came inside this one; what it answers is not sent. */
  within(request: Uint8Array): Promise<Outcome>;
}

export interface Answer {
  /** Positive response with its SID. */
  readonly response: Uint8Array;
  /** Runs once the response is sent (or withheld); the server hears nothing from the response on until it resolves. */
  readonly after?: () => Promise<void>;
  /** Withheld, whatever the request says. */
  readonly suppress?: boolean;
}

/** A request that was served. */
export interface Outcome {
  readonly positive: boolean;
  /** Positive or negative, with its SID. */
  readonly response: Uint8Array;
  readonly suppress: boolean;
  readonly after: (() => Promise<void>) | undefined;
}

/** A service; its rule holds for the whole of it. */
export interface Service extends AccessRule {
  readonly sid: number;
  readonly name: string;
  /** Served when addressed functionally. */
  readonly functional?: boolean;
  /** Sub-functions without the suppress bit; left out, the service has none or checks them itself. */
  readonly subFunctions?: readonly number[];
  /** Rules of sub-functions that have one of their own. */
  readonly subFunctionRules?: ReadonlyMap<number, AccessRule>;
  /** Bit 7 of the second byte suppresses the positive response. */
  readonly suppressible?: boolean;
  /** Served inside a secured request (84) alone. */
  readonly secured?: boolean;
  /** Least length in bytes, SID included. */
  readonly minLength: number;
  handle(exchange: Exchange): Promise<Answer> | Answer;
}

/** What may come between the server and its tester; see firmware-sim/faults. */
export interface Interference {
  /** A request arrived: not heard, or refused unserved. */
  request(request: Uint8Array): "silent" | { readonly nrc: number } | undefined;
  /** Before a request is served; with `reset` the ECU resets instead. */
  start(request: Uint8Array): Promise<"reset" | undefined>;
  /** A final answer is ready: what is sent in its place, undefined for nothing; with `reset` the ECU resets instead. */
  answer(request: Uint8Array, answer: Uint8Array): Uint8Array | "reset" | undefined;
}

export interface UdsServerOptions {
  readonly transport: DiagTransport;
  readonly clock: Clock;
  readonly services: readonly Service[];
  /** Session and security as the services see them. */
  readonly access: {
    readonly session: number;
    inSession(rule: AccessRule): boolean;
    /** @throws Negative while none of the rule's levels is open */
    needSecurity(rule: AccessRule): void;
    /** S3 ran out: default session, locked. */
    expire(): void;
  };
  /** S3server, ms (ISO 14229-2). */
  readonly S3: number;
  /** ms after which an unfinished request is answered with 0x78; below P2server. Default 30, range 1–P2. */
  readonly pendingAfter?: number;
  /** ms between two 0x78; below P2*server. */
  readonly pendingEvery: number;
  readonly interference: Interference;
  /** What a reset does, for those that no service asks for. */
  readonly reset: () => Promise<void>;
  readonly counters: Counters;
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
  readonly #unsubscribe: (() => void)[] = [];
  #s3: Timer | undefined;
  /** Until the next 0x78. */
  #pending: Timer | undefined;
  #serving = false;
  #pendingSent = false;
  #waiting: { readonly data: Uint8Array; readonly functional: boolean }[] = [];
  #deaf = false;
  #closed = false;
  /** Ends when everything handed to the transport so far is out. */
  #sent: Promise<void> = Promise.resolve();

  constructor(options: UdsServerOptions) {
    this.#options = options;
    this.#services = new Map(options.services.map((service) => [service.sid, service]));
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
    this.#pending?.cancel();
  }

  #receive(message: ReceivedMessage): void {
    const { data, functional } = message;
    const sid = data[0];
    if (this.#deaf || sid === undefined) return;
    if (functional && this.#services.get(sid)?.functional !== true) return;
    this.#options.counters.requests++;
    const verdict = this.#options.interference.request(data);
    if (verdict === "silent") return;
    if (verdict !== undefined) {
      this.#stopS3();
      this.#options.counters.refused++;
      this.#transmit(Uint8Array.of(0x7f, sid, verdict.nrc));
      this.#startS3();
      return;
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
    const { clock, interference, reset } = this.#options;
    const began = clock.monotonic();
    this.#serving = true;
    this.#stopS3();
    this.#pendingSent = false;
    const sendPending = () => {
      this.#pending?.cancel();
      if (this.#closed) return;
      this.#pending = clock.timer(this.#options.pendingEvery, sendPending);
      this.#sendPending(request[0] ?? 0);
    };
    this.#pending = clock.timer(this.#options.pendingAfter ?? 30, sendPending);
    let outcome: Outcome | undefined;
    try {
      const started = await interference.start(request);
      if (this.#closed) return;
      if (started !== "reset") outcome = await this.#answer(this.#exchange(request, functional, sendPending), false);
    } finally {
      this.#pending.cancel();
      this.#serving = false;
    }
    this.#countServed(clock.monotonic() - began, outcome);
    const response = outcome === undefined ? "reset" : interference.answer(request, outcome.response);
    const after = response === "reset" ? reset : outcome?.after;
    if (after !== undefined) {
      this.#deaf = true;
      this.#waiting = [];
    }
    if (response instanceof Uint8Array && !this.#withheld(outcome, functional)) this.#transmit(response);
    this.#serveNext();
    await this.#sent;
    if (after !== undefined) {
      await after();
      this.#deaf = this.#closed;
    }
    this.#startS3();
  }

  #withheld(outcome: Outcome | undefined, functional: boolean): boolean {
    if (outcome === undefined || this.#pendingSent) return outcome === undefined;
    return outcome.positive ? outcome.suppress : functional && SILENT_WHEN_FUNCTIONAL.has(outcome.response[2] ?? 0);
  }

  #countServed(ms: number, outcome: Outcome | undefined): void {
    const { counters } = this.#options;
    counters.served++;
    counters.workingMs += ms;
    counters.longestMs = Math.max(counters.longestMs, ms);
    if (outcome?.positive === false) counters.refused++;
  }

  #exchange(request: Uint8Array, functional: boolean, pending: () => void): Exchange {
    const within = (inner: Uint8Array) => this.#answer(this.#exchange(inner, functional, pending), true);
    return { request, functional, pending, within };
  }

  /** @param secured the request came inside another one, which was signed */
  async #answer(exchange: Exchange, secured: boolean): Promise<Outcome> {
    const sid = exchange.request[0] ?? 0;
    try {
      const service = this.#check(exchange.request, secured);
      const { response, after, suppress: withheld = false } = await service.handle(exchange);
      if (response.length > this.#options.transport.maxMessage) throw new Negative(NRC.responseTooLong);
      const asked = service.suppressible === true && ((exchange.request[1] ?? 0) & SUPPRESS) !== 0;
      const suppress = withheld || asked;
      return { positive: true, response, suppress, after };
    } catch (error) {
      const nrc = nrcOf(error);
      if (nrc === undefined) throw error;
      return { positive: false, response: Uint8Array.of(0x7f, sid, nrc), suppress: false, after: undefined };
    }
  }

  /** The checks that all services share, in the order of ISO 14229-1 clause 8.7 (general server response behaviour, then with sub-function). */
  #check(request: Uint8Array, secured: boolean): Service {
    const { access } = this.#options;
    const service = this.#services.get(request[0] ?? 0);
    if (service === undefined) throw new Negative(NRC.serviceNotSupported);
    if (!access.inSession(service)) throw new Negative(NRC.serviceNotSupportedInActiveSession);
    if (service.secured === true && !secured) throw new Negative(NRC.secureDataTransmissionRequired);
    access.needSecurity(service);
    if (request.length < service.minLength) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    const sub = (request[1] ?? 0) & ~SUPPRESS;
    if (service.subFunctions?.includes(sub) === false) throw new Negative(NRC.subFunctionNotSupported);
    const rule = service.subFunctionRules?.get(sub);
    if (rule !== undefined) {
      if (!access.inSession(rule)) throw new Negative(NRC.subFunctionNotSupportedInActiveSession);
      access.needSecurity(rule);
    }
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
