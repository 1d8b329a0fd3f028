/** What the regular look at an adapter's status (`F`) shows: that it no longer answers, or that its controller is off the bus. */
import type { Clock, Timer } from "../../../shared/clock.js";
import { STATUS_FLAGS } from "./codec.js";

/** ms between two looks. */
const POLL_MS = 100;
/**
 * ms without any byte after which an adapter that has answered `F` before is gone. More than P2* (5 s): a simulated ECU that is its own
 * adapter may make its key pairs in the thread that answers.
 */
const SILENCE_MS = 6_000;
/** ms for what may have come while this process itself stood still. */
const GRACE_MS = 50;
/** Looks in a row that must show a controller in trouble on a silent bus. */
const BUS_OFF_LOOKS = 6;
/** Recoveries without a good status between them. */
const MAX_RECOVERIES = 3;

/** `F` has no bit for bus-off: above the warning limit, with one of these beside it and nothing received, it is as good as off. */
const TROUBLE = STATUS_FLAGS.txFull | STATUS_FLAGS.errorPassive | STATUS_FLAGS.busError;

export interface HealthHooks {
  /** Commands wait for their answers. */
  waiting(): boolean;
  /** Sends `F`. */
  ask(): void;
  /** The adapter no longer answers. */
  silent(): void;
  /** Close and open again. `last`: it was tried often enough. */
  busOff(last: boolean): void;
}

export class Health {
  readonly #clock: Clock;
  readonly #hooks: HealthHooks;
  #timer: Timer | undefined;
  /** undefined: it was not asked yet. */
  #answers: boolean | undefined;
  #heard = 0;
  #suspect = false;
  #looks = 0;
  #recoveries = 0;

  constructor(hooks: HealthHooks, clock: Clock) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  start(): void {
    this.#arm(POLL_MS);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(ms, () => this.#look());
  }

  #look(): void {
    if (this.#answers === false) return;
    const silent = this.#answers === true && this.#clock.monotonic() - this.#heard >= SILENCE_MS;
    if (silent && this.#suspect) {
      this.#hooks.silent();
      return;
    }
    this.#suspect = silent;
    // Where commands wait already, their answers show that it lives.
    if (!this.#hooks.waiting()) this.#hooks.ask();
    this.#arm(silent ? GRACE_MS : POLL_MS);
  }

  /** Bytes have come. */
  heard(): void {
    this.#heard = this.#clock.monotonic();
  }

  /** A frame of another node: the controller takes part in the bus. */
  received(): void {
    this.#looks = 0;
  }

  /** `F` was not answered by a status: this adapter has it not, and is not asked again. */
  withoutStatus(): void {
    this.#answers ??= false;
  }

  status(flags: number): void {
    this.#answers = true;
    if ((flags & STATUS_FLAGS.errorWarning) === 0 || (flags & TROUBLE) === 0) {
      this.#looks = 0;
      this.#recoveries = 0;
      return;
    }
    this.#looks++;
    if (this.#looks < BUS_OFF_LOOKS) return;
    this.#looks = 0;
    this.#recoveries++;
    this.#hooks.busOff(this.#recoveries > MAX_RECOVERIES);
  }
}
