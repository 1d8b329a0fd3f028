/** What comes up from the transport while a request is under way, in order. */
import type { Clock } from "../../shared/clock.js";
import type { DiagTransport, ReceivedMessage } from "../transport/transport.js";

export type Arrival =
  | { readonly kind: "message"; readonly message: ReceivedMessage }
  /** T_DataSOM.indication, with its monotonic ms. */
  | { readonly kind: "start"; readonly at: number }
  | { readonly kind: "error"; readonly error: Error };

export class Inbox {
  readonly #clock: Clock;
  readonly #arrivals: Arrival[] = [];
  readonly #release: readonly (() => void)[];
  #wake: (() => void) | undefined;
  #open = false;
  #unasked: Uint8Array | undefined;
  #ended: Error | undefined;

  constructor(transport: DiagTransport, clock: Clock) {
    this.#clock = clock;
    this.#release = [
      transport.onMessage((message) => this.#put({ kind: "message", message })),
      transport.onStart(() => this.#put({ kind: "start", at: clock.monotonic() })),
      transport.onError((error) => this.#put({ kind: "error", error })),
      transport.onClosed((error) => this.end(error)),
    ];
  }

  /** Why nothing will come any more. */
  get ended(): Error | undefined {
    return this.#ended;
  }

  /** Collects from now on; the last one of the messages that nobody took. */
  open(): Uint8Array | undefined {
    const unasked = this.#unasked;
    this.#unasked = undefined;
    this.#open = true;
    return unasked;
  }

  shut(): void {
    this.#open = false;
    for (const arrival of this.#arrivals.splice(0)) this.#keep(arrival);
  }

  end(error: Error): void {
    this.#ended ??= error;
    this.#wake?.();
  }

  release(): void {
    for (const take of this.#release) take();
  }

  /**
   * The next arrival; undefined when there is none until `deadline` (monotonic ms; undefined waits without limit).
   * @throws the transport's end, or the signal's reason
   */
  next(deadline: number | undefined, signal: AbortSignal): Promise<Arrival | undefined> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        timer?.cancel();
        this.#wake = undefined;
        signal.removeEventListener("abort", look);
        settle();
      };
      const look = () => {
        if (signal.aborted) finish(() => reject(signal.reason));
        else if (this.#arrivals.length > 0) finish(() => resolve(this.#arrivals.shift()));
        else if (this.#ended !== undefined) finish(() => reject(this.#ended));
        else return false;
        return true;
      };
      const timer =
        deadline === undefined
          ? undefined
          : this.#clock.timer(Math.max(0, deadline - this.#clock.monotonic()), () => {
              // A busy event loop runs late timers before the frames that have long arrived: those come first.
              setImmediate(() => {
                if (this.#wake === look && !look()) finish(() => resolve(undefined));
              });
            });
      this.#wake = look;
      if (!look()) signal.addEventListener("abort", look, { once: true });
    });
  }

  #put(arrival: Arrival): void {
    if (!this.#open) {
      this.#keep(arrival);
      return;
    }
    this.#arrivals.push(arrival);
    this.#wake?.();
  }

  #keep(arrival: Arrival): void {
    if (arrival.kind === "message") this.#unasked = arrival.message.data;
  }
}
