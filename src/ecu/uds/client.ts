/** UDS client: ISO 14229-1 requests over any DiagTransport with the timing of ISO 14229-2. */
import { abortable, withLimit } from "../../shared/abort.js";
import type { Clock, Timer } from "../../shared/clock.js";
import { isStationError, StationError } from "../../shared/errors.js";
import type { DiagTransport } from "../transport/transport.js";
import { Inbox } from "./inbox.js";
import { confusable, head, judgeResponse, negativeResponse, suppresses } from "./messages.js";
import { NRC } from "./tables/nrc.js";
import { SERVICES, SID, SUPPRESS_POSITIVE_RESPONSE, serviceName, TESTER_PRESENT } from "./tables/services.js";

/** All times in ms. A profile's `uds` section fits. */
export interface UdsOptions {
  /** P2 of the ECU: from the confirmed end of the request to the response. 1–60,000. */
  readonly P2: number;
  /** P2* of the ECU: from each 0x78 to the next response. 1–600,000. */
  readonly P2star: number;
  /** S3 of the ECU: without a request for so long it falls back to the default session. 100–600,000. */
  readonly S3: number;
  /** Added to P2 and P2* for this computer and the adapter. 0–10,000. */
  readonly margin: number;
  /** Most 0x78 for one request. 0–10,000. */
  readonly maxResponsePending: number;
  /** Most for one request in all, its repeats included. 1–3,600,000. */
  readonly requestLimit: number;
  /** How often a request is repeated after 0x21, and the pause before. 0–100; 0–10,000. */
  readonly busyRepeats: number;
  readonly busyDelay: number;
  /** How often a request that changes nothing is repeated after an answer that came damaged (K-Line). 0–10, default 2 (ISO 14230-2). */
  readonly damagedRepeats?: number;
  /** Idle time after which TesterPresent is sent. Default 0.4 × S3; below S3. */
  readonly keepAlive?: number;
}

/** What an ECU says of itself in the answer to 10, ms. */
export interface AnnouncedTiming {
  readonly P2: number;
  readonly P2star: number;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** P2 of this request alone, e.g. a poll. */
  readonly P2?: number;
  /** Limit of this request alone. */
  readonly requestLimit?: number;
  /**
   * ms after which it is sent again while no answer has begun, until P2 of the first is over; an answer to any of them counts. For an ECU
   * that hears nothing for a while. Default: never.
   */
  readonly again?: number;
  /** Hears each message that is no answer to this request, and the last one of those that came before it unasked. */
  readonly onStray?: (message: Uint8Array) => void;
}

export interface UdsClient {
  /** Longest request. */
  readonly maxMessage: number;
  /**
   * Sends a request and waits for its positive response; requests queue up, one is under way at a time. A request with
   * suppressPosRspMsgIndicationBit answers with no bytes once P2 is over without a negative response. Where the answer to a request
   * given up may still come and could be taken for this one's, it is let pass first, for at most P2 (P2* behind a 0x78).
   *
   * @returns the whole positive response, SID + 0x40 first
   * @throws StationError UDS_NEGATIVE_RESPONSE, UDS_TIMEOUT, UDS_TOO_MANY_PENDING, ISOTP_*, LINK_*; the signal's reason
   */
  request(data: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;
  /** The ECU's own P2 and P2* count where they are longer than the options; undefined: the options alone. */
  announce(timing: AnnouncedTiming | undefined): void;
  /** Sends 3E 80 whenever nothing was sent for the keep-alive time, never amid a request. Idempotent. */
  startKeepAlive(): void;
  stopKeepAlive(): void;
  /** Largest measured values: P2, P2star, request (ms), responsePending, busyRepeats and damagedRepeats (counts); only what occurred. */
  timers(): Readonly<Record<string, number>>;
  /** Ends keep-alive and what is under way; the transport stays open. */
  close(): void;
}

export function createUdsClient(transport: DiagTransport, options: UdsOptions, clock: Clock): UdsClient {
  return new Client(transport, options, clock);
}

/** Of one request, its repeats included. */
interface Progress {
  /** Number of 0x78. */
  pending: number;
  readonly onStray: RequestOptions["onStray"];
}

interface FinalResponse {
  /** Undefined where it is positive. */
  readonly nrc?: number;
  /** No bytes where none came because none was to. */
  readonly response: Uint8Array;
}

const DEFAULT_DAMAGED_REPEATS = 2;

/** Bytes came of which nobody can say what they were. */
function isDamage(error: unknown): error is StationError {
  return isStationError(error, "KLINE_CHECKSUM") || isStationError(error, "KLINE_INCOMPLETE");
}

const KEEP_ALIVE = Uint8Array.of(SID.TesterPresent, SUPPRESS_POSITIVE_RESPONSE | TESTER_PRESENT);

class Client implements UdsClient {
  readonly maxMessage: number;
  readonly #transport: DiagTransport;
  readonly #options: UdsOptions;
  readonly #clock: Clock;
  readonly #inbox: Inbox;
  readonly #measured = new Map<string, number>();
  #queue: Promise<unknown> = Promise.resolve();
  /** The exchange under way: it may still use the transport when its request was already given up. */
  #running: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #announced: AnnouncedTiming = { P2: 0, P2star: 0 };
  /** The request given up last, and until when its answer is reckoned with. */
  #unanswered: { readonly request: Uint8Array; readonly until: number } | undefined;
  #keepAlive: Timer | undefined;
  #keepingAlive = false;

  constructor(transport: DiagTransport, options: UdsOptions, clock: Clock) {
    this.maxMessage = transport.maxMessage;
    this.#transport = transport;
    this.#options = options;
    this.#clock = clock;
    this.#inbox = new Inbox(transport, clock);
  }

  async request(data: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    return abortable(
      this.#enqueue(() => this.#limited(data, options)),
      options.signal,
    );
  }

  /** Runs `work` when all before it is done. */
  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    this.#keepAlive?.cancel();
    const turn = this.#queue.then(work).finally(() => {
      this.#waiting--;
      this.#armKeepAlive();
    });
    this.#queue = turn.catch(() => undefined).then(() => this.#running);
    return turn;
  }

  #limited(data: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const limit = options.requestLimit ?? this.#options.requestLimit;
    const service = serviceName(data[0] ?? 0);
    const state: Progress = { pending: 0, onStray: options.onStray };
    const onLimit = () =>
      state.pending > 0
        ? new StationError("UDS_TOO_MANY_PENDING", {
            details: { service, what: `${state.pending} × responsePending, request limit ${limit} ms` },
          })
        : new StationError("UDS_TIMEOUT", { details: { service, timer: "request limit", ms: limit } });
    const began = this.#clock.monotonic();
    return withLimit(this.#clock, limit, options.signal, onLimit, async (signal) => {
      const exchange = this.#repeated(data, options, state, signal);
      this.#running = exchange.catch(() => undefined);
      const response = await exchange;
      this.#measure("request", this.#clock.monotonic() - began);
      return response;
    });
  }

  /** The request, again after each 0x21 and, where it may be, after a damaged answer. */
  async #repeated(
    data: Uint8Array,
    options: RequestOptions,
    state: Progress,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    await this.#letPass(data, signal);
    const { damagedRepeats = DEFAULT_DAMAGED_REPEATS } = this.#options;
    const most = SERVICES.get(data[0] ?? 0)?.repeatable === true ? damagedRepeats : 0;
    let damaged = 0;
    for (let repeats = 0; ; ) {
      const final = await this.#sent(data, options, state, signal).catch((error: unknown) => {
        if (!isDamage(error) || damaged >= most) throw error;
        return undefined;
      });
      if (final === undefined) {
        damaged++;
        this.#measureCount("damagedRepeats", damaged);
        continue;
      }
      const { nrc, response } = final;
      if (nrc === undefined) return response;
      if (nrc !== NRC.busyRepeatRequest || repeats >= this.#options.busyRepeats)
        throw negativeResponse(data[0] ?? 0, nrc);
      repeats++;
      this.#measureCount("busyRepeats", repeats);
      await this.#clock.sleep(this.#options.busyDelay, signal);
    }
  }

  async #sent(data: Uint8Array, options: RequestOptions, state: Progress, signal: AbortSignal): Promise<FinalResponse> {
    const unasked = this.#inbox.open();
    if (unasked !== undefined) state.onStray?.(unasked);
    try {
      return await this.#exchange(data, options, state, signal);
    } catch (error) {
      const until = this.#clock.monotonic() + this.#timing("P2") + this.#options.margin;
      this.#unanswered = { request: data, until };
      throw error;
    } finally {
      this.#inbox.shut();
    }
  }

  /** Waits out the answer to a request given up, where it could be taken for the answer to `next`. */
  async #letPass(next: Uint8Array, signal: AbortSignal): Promise<void> {
    const late = this.#unanswered;
    if (late === undefined || !confusable(late.request, next)) return;
    let until: number | undefined = late.until;
    this.#inbox.open();
    try {
      for (;;) {
        const arrival = await this.#inbox.next(until, signal);
        if (arrival === undefined) break;
        // Of a response that has begun the transport's own timers see the end.
        if (arrival.kind === "start") until = undefined;
        else until ??= late.until;
        if (arrival.kind !== "message") continue;
        const verdict = judgeResponse(late.request, arrival.message.data);
        if (verdict.kind === "stray") continue;
        if (verdict.kind === "positive" || verdict.nrc !== NRC.requestCorrectlyReceivedResponsePending) break;
        until = arrival.message.at + this.#timing("P2star") + this.#options.margin;
      }
    } finally {
      this.#inbox.shut();
    }
    this.#unanswered = undefined;
  }

  #timing(name: "P2" | "P2star"): number {
    return Math.max(this.#options[name], this.#announced[name]);
  }

  announce(timing: AnnouncedTiming | undefined): void {
    this.#announced = timing ?? { P2: 0, P2star: 0 };
  }

  /** One request and its final response. */
  async #exchange(
    data: Uint8Array,
    { P2 = this.#timing("P2"), again = Number.POSITIVE_INFINITY }: RequestOptions,
    state: Progress,
    signal: AbortSignal,
  ): Promise<FinalResponse> {
    const { margin, maxResponsePending } = this.#options;
    const service = serviceName(data[0] ?? 0);
    let since = await this.#transport.send(data, { signal });
    let timer: "P2" | "P2star" = "P2";
    let limit = P2 + margin;
    const end = since + limit;
    let started: number | undefined;
    let stray: Uint8Array | undefined;
    let damage: StationError | undefined;
    for (;;) {
      // A response that has begun is bounded by the transport's own timers (P2 ends at T_DataSOM).
      const asksAgain = timer === "P2" && since + again < end;
      const deadline = timer === "P2" ? Math.min(since + again, end) : since + limit;
      const arrival = await this.#inbox.next(started === undefined ? deadline : undefined, signal);
      if (arrival === undefined && asksAgain) {
        since = await this.#transport.send(data, { signal });
        continue;
      }
      if (arrival === undefined) {
        if (timer === "P2" && suppresses(data)) return { response: new Uint8Array(0) };
        if (damage !== undefined) throw damage;
        throw new StationError("UDS_TIMEOUT", {
          details: {
            service,
            timer: timer === "P2" ? "P2" : "P2*",
            ms: limit,
            ...(stray && { heard: head(stray) }),
          },
        });
      }
      if (arrival.kind === "start") {
        started = arrival.at;
        continue;
      }
      if (arrival.kind === "error") {
        if (started === undefined) {
          // What broke off before the response began was not it, unless it cannot be told whose it was and no other comes.
          if (isDamage(arrival.error)) damage = arrival.error;
          continue;
        }
        // The ECU began its response anew: that one is on its way.
        if (!isStationError(arrival.error, "ISOTP_UNEXP_PDU")) throw arrival.error;
        started = undefined;
        continue;
      }
      const { data: response, at } = arrival.message;
      const begun = started ?? at;
      started = undefined;
      const verdict = judgeResponse(data, response);
      if (verdict.kind === "stray") {
        stray = response;
        state.onStray?.(response);
        continue;
      }
      this.#measure(timer, begun - since);
      if (verdict.kind === "positive") return { response };
      if (verdict.nrc !== NRC.requestCorrectlyReceivedResponsePending) return { nrc: verdict.nrc, response };
      state.pending++;
      this.#measureCount("responsePending", state.pending);
      if (state.pending > maxResponsePending)
        throw new StationError("UDS_TOO_MANY_PENDING", {
          details: { service, what: `more than ${maxResponsePending} × responsePending` },
        });
      timer = "P2star";
      limit = this.#timing("P2star") + margin;
      since = at;
    }
  }

  #measure(name: string, ms: number): void {
    // The adapter's confirmation may come after the response: that is no time at all.
    const value = Math.max(0, Math.round(ms * 1_000) / 1_000);
    this.#measured.set(name, Math.max(this.#measured.get(name) ?? 0, value));
  }

  #measureCount(name: "responsePending" | "busyRepeats" | "damagedRepeats", count: number): void {
    this.#measured.set(name, Math.max(this.#measured.get(name) ?? 0, count));
  }

  startKeepAlive(): void {
    this.#keepingAlive = true;
    this.#armKeepAlive();
  }

  stopKeepAlive(): void {
    this.#keepingAlive = false;
    this.#keepAlive?.cancel();
  }

  /** The time runs while nothing is under way: the ECU's S3 stands still during a request. */
  #armKeepAlive(): void {
    this.#keepAlive?.cancel();
    if (!this.#keepingAlive || this.#waiting > 0 || this.#inbox.ended !== undefined) return;
    this.#keepAlive = this.#clock.timer(this.#options.keepAlive ?? 0.4 * this.#options.S3, () => {
      // A failure shows at the next request; the next 3E 80 tries again.
      this.#enqueue(() => this.#transport.send(KEEP_ALIVE)).catch(() => undefined);
    });
  }

  timers(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#measured);
  }

  close(): void {
    this.stopKeepAlive();
    this.#inbox.end(new StationError("LINK_CLOSED", { details: { what: "the UDS client was closed" } }));
    this.#inbox.release();
  }
}
