/**
 * A PKCS#11 token as the program uses it. Its library runs in a process of its own, where no call can hold up anything else; each call
 * has a limit, after which that process is ended, for a native call cannot be broken off. A lost token costs its callers one error
 * within the limit; while it is away errors come at once, and it is found again by the next call or probe after a pause.
 */
import { stat } from "node:fs/promises";
import { withLimit } from "../shared/abort.js";
import type { Clock, Timer } from "../shared/clock.js";
import { ERRORS, type ErrorCode, isStationError, StationError } from "../shared/errors.js";
import { type Logger, silentLogger } from "../shared/logger.js";
import { addressText } from "./device.js";
import { TOKEN_LIMITS, type TokenLimits } from "./limits.js";
import { forkTokenProcess, type StartTokenProcess, type TokenProcess } from "./process.js";
import type {
  KeyName,
  TokenAddress,
  TokenAnswer,
  TokenCallName,
  TokenCalls,
  TokenCurve,
  TokenDescription,
  TokenRequest,
  TokenUse,
  WorkKind,
} from "./protocol.js";

export { TOKEN_LIMITS, type TokenLimits } from "./limits.js";
export type { KeyName, TokenAddress, TokenCurve, TokenDescription, TokenUse } from "./protocol.js";

export interface TokenOptions {
  readonly address: TokenAddress;
  readonly limits?: Partial<TokenLimits>;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Default: a process of its own. */
  readonly start?: StartTokenProcess;
}

export interface Token {
  /** Label and serial, as configured. */
  readonly name: string;
  /** ECDSA over a digest: r‖s. @throws StationError TOKEN_* */
  sign(key: KeyName, digest: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
  /** SubjectPublicKeyInfo of a key pair in the token; undefined where it holds none of that name. @throws StationError TOKEN_* */
  publicKey(key: KeyName, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Makes a key pair that cannot leave the token; its SubjectPublicKeyInfo. Never tried twice. @throws StationError TOKEN_* */
  generate(key: KeyName, curve: TokenCurve, signal?: AbortSignal): Promise<Uint8Array>;
  /** Whether an AES key of that name is in the token. @throws StationError TOKEN_* */
  hasWrappingKey(key: KeyName, signal?: AbortSignal): Promise<boolean>;
  /** Makes an AES-256 key that cannot leave the token and wraps others. Never tried twice. @throws StationError TOKEN_* */
  generateWrappingKey(key: KeyName, signal?: AbortSignal): Promise<void>;
  /** AES key wrap (RFC 3394). @param value 16, 24 or 32 bytes @throws StationError TOKEN_* */
  wrap(key: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
  /** What was wrapped; the caller wipes it. @throws StationError TOKEN_*, also where it was wrapped by another key */
  unwrap(key: KeyName, wrapped: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * Has the program of the token's process (`TokenOptions.start`) do something.
   * @throws StationError TOKEN_*, and what the program throws
   */
  work(task: unknown, how: WorkKind, signal?: AbortSignal): Promise<unknown>;
  /** What the token is, and what it can do of what those uses need. @throws StationError TOKEN_* */
  describe(uses: readonly TokenUse[], signal?: AbortSignal): Promise<TokenDescription>;
  /** Logs out; calls under way are refused. */
  close(): Promise<void>;
}

interface Call {
  readonly id: number;
  readonly request: TokenRequest;
  readonly limit: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** How often it may yet be sent. */
  tries: number;
  /** Runs while it is under way. */
  timer?: Timer;
}

/** One process from its start to its end. */
interface Life {
  readonly process: TokenProcess;
  readonly underWay: Map<number, Call>;
  opened: boolean;
  /** It answered a call beyond the opening. */
  worked: boolean;
}

/** Calls that make a key: sent twice, they might make two. */
const MAKING: ReadonlySet<TokenCallName> = new Set(["generate", "generateWrappingKey"]);
/** Failures that leave the token's process as good as it was. */
const HARMLESS: readonly ErrorCode[] = ["TOKEN_KEY_MISSING", "TOKEN_OBJECTS_INVALID"];
/** How long a process may take to log out and end, ms. */
const END_LIMIT = 2_000;

export function openToken(options: TokenOptions): Token {
  return new ProcessToken(options);
}

class ProcessToken implements Token {
  readonly name: string;
  readonly #limits: TokenLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #queue: Call[] = [];
  #life: Life | undefined;
  #starting = false;
  #lastId = 0;
  /** Why the last start failed, and until when (monotonic ms) nobody tries again. */
  #fault: { readonly error: StationError; readonly until: number } | undefined;
  /** The PIN file of a refused PIN: it is not offered again before the file changes, for a token locks after a few refusals. */
  #refusedPin: { readonly error: StationError; readonly changed: number } | undefined;
  #lost = false;
  #probe: Timer | undefined;
  #closed = false;
  #onEnd: (() => void) | undefined;

  constructor(private readonly options: TokenOptions) {
    this.name = addressText(options.address);
    this.#limits = { ...TOKEN_LIMITS, ...options.limits };
    this.#clock = options.clock;
    this.#logger = options.logger ?? silentLogger;
    this.#armProbe();
  }

  sign(key: KeyName, digest: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#call("sign", { key, digest }, signal);
  }

  async publicKey(key: KeyName, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    return (await this.#call("publicKey", { key }, signal)) ?? undefined;
  }

  generate(key: KeyName, curve: TokenCurve, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#call("generate", { key, curve }, signal);
  }

  hasWrappingKey(key: KeyName, signal?: AbortSignal): Promise<boolean> {
    return this.#call("hasWrappingKey", { key }, signal);
  }

  async generateWrappingKey(key: KeyName, signal?: AbortSignal): Promise<void> {
    await this.#call("generateWrappingKey", { key }, signal);
  }

  wrap(key: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#call("wrap", { key, value }, signal);
  }

  unwrap(key: KeyName, wrapped: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#call("unwrap", { key, wrapped }, signal);
  }

  work(task: unknown, how: WorkKind, signal?: AbortSignal): Promise<unknown> {
    return this.#call("work", { task, ...how }, signal);
  }

  async describe(uses: readonly TokenUse[], signal?: AbortSignal): Promise<TokenDescription> {
    const ask = async () => {
      // Whoever asks what the token is begins something, and waits: it may be back already. A timer may come a part of a ms early.
      while (this.#pause() > 0) await this.#clock.sleep(this.#pause(), signal);
      return this.#call("describe", { uses }, signal);
    };
    // So it may be since a start began that now fails.
    const starting = this.#starting || this.#life?.opened === false;
    return starting ? ask().catch(ask) : ask();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#probe?.cancel();
    const life = this.#life;
    const error = this.#error("TOKEN_FAILED", "the program ends");
    for (const call of [...this.#queue.splice(0), ...(life?.underWay.values() ?? [])]) this.#refuse(call, error);
    if (life === undefined) return;
    life.underWay.clear();
    const ended = new Promise<void>((resolve) => {
      this.#onEnd = resolve;
    });
    life.process.end();
    const timer = this.#clock.timer(END_LIMIT, () => life.process.kill());
    await ended;
    timer.cancel();
  }

  async #call<K extends TokenCallName>(
    name: K,
    args: TokenCalls[K]["args"],
    signal?: AbortSignal,
  ): Promise<TokenCalls[K]["result"]> {
    const { generate, call, open, queue } = this.#limits;
    // All but signatures and probes come at the program's start, when the token has to be opened first.
    const { once, making } = "once" in args ? args : { once: MAKING.has(name), making: MAKING.has(name) };
    const limit = name === "sign" || name === "probe" ? call : open + (making ? generate : call);
    if (this.#closed) throw this.#error("TOKEN_FAILED", "the program ends");
    if (this.#fault !== undefined && this.#pause() > 0) throw copyOf(this.#fault.error);
    if (this.#queue.length >= queue) throw this.#error("TOKEN_BUSY", `${queue} calls wait`);
    const id = ++this.#lastId;
    const late = () => this.#error("TOKEN_TIMEOUT", name, limit);
    try {
      const value = await withLimit(this.#clock, limit, signal, late, () => {
        return new Promise<unknown>((resolve, reject) => {
          // The type of the arguments follows from the name.
          const request = { id, call: name, args } as TokenRequest;
          this.#queue.push({ id, request, limit, resolve, reject, tries: once ? 1 : 2 });
          this.#pump();
        });
      });
      return value as TokenCalls[K]["result"];
    } finally {
      const left = this.#queue.findIndex((entry) => entry.id === id);
      if (left >= 0) this.#queue.splice(left, 1);
    }
  }

  /** ms for which the token is left alone. */
  #pause(): number {
    return this.#fault === undefined ? 0 : this.#fault.until - this.#clock.monotonic();
  }

  #pump(): void {
    if (this.#closed || this.#queue.length === 0) return;
    const life = this.#life;
    if (life === undefined) {
      void this.#start();
      return;
    }
    while (life.opened && life.underWay.size < this.#limits.sessions) {
      const call = this.#queue.shift();
      if (call === undefined) return;
      this.#send(life, call);
    }
  }

  #send(life: Life, call: Call): void {
    call.tries--;
    life.underWay.set(call.id, call);
    call.timer = this.#clock.timer(call.limit, () => {
      life.underWay.delete(call.id);
      const error = this.#error("TOKEN_TIMEOUT", call.request.call, call.limit);
      call.reject(error);
      this.#end(life, error);
    });
    life.process.send(call.request);
  }

  async #start(): Promise<void> {
    if (this.#starting) return;
    this.#starting = true;
    try {
      const changed = await pinFileChanged(this.options.address.pinFile);
      if (this.#closed) return;
      if (this.#refusedPin !== undefined && changed === this.#refusedPin.changed) {
        this.#refuseAll(this.#refusedPin.error);
        return;
      }
      this.#refusedPin = undefined;
      this.#launch(changed);
    } finally {
      this.#starting = false;
    }
  }

  /** Starts a process and has it open the token; what waits goes to it afterwards. */
  #launch(pinFile: number): void {
    const { sessions, open } = this.#limits;
    const start = this.options.start ?? forkTokenProcess;
    const process = start(sessions, {
      answer: (answer) => this.#answered(life, answer),
      gone: (what) => {
        if (this.#closed) this.#onEnd?.();
        else this.#end(life, this.#error("TOKEN_FAILED", `its process ended (${what})`));
      },
    });
    const life: Life = { process, underWay: new Map(), opened: false, worked: false };
    this.#life = life;
    const opening: Call = {
      id: ++this.#lastId,
      request: { id: this.#lastId, call: "open", args: { address: this.options.address, sessions } },
      limit: open,
      tries: 1,
      resolve: () => {
        life.opened = true;
      },
      reject: (error) => {
        if (isStationError(error, "TOKEN_PIN_REFUSED")) this.#refusedPin = { error, changed: pinFile };
      },
    };
    this.#send(life, opening);
  }

  #answered(life: Life, answer: TokenAnswer): void {
    const call = life.underWay.get(answer.id);
    if (call === undefined || life !== this.#life) return;
    life.underWay.delete(answer.id);
    call.timer?.cancel();
    if ("failure" in answer) {
      const { code, details } = answer.failure;
      const known = code in ERRORS ? (code as ErrorCode) : "TOKEN_FAILED";
      const error = new StationError(known, { details: { ...details, token: this.name } });
      if (HARMLESS.includes(known)) call.reject(error);
      else {
        life.underWay.set(call.id, call);
        this.#end(life, error);
      }
    } else {
      if (call.request.call !== "open") {
        life.worked = true;
        this.#found();
      }
      call.resolve(answer.value);
    }
    this.#pump();
  }

  /** Ends a process that is of no more use. One that had worked is followed by another at once, which takes over what was under way. */
  #end(life: Life, error: StationError): void {
    if (life !== this.#life) return;
    this.#life = undefined;
    life.process.kill();
    const calls = [...life.underWay.values()];
    life.underWay.clear();
    for (const call of calls) call.timer?.cancel();
    const again = life.worked ? calls.filter((call) => call.tries > 0) : [];
    for (const call of calls) if (!again.includes(call)) this.#refuse(call, error);
    if (life.worked) {
      this.#queue.unshift(...again);
      this.#pump();
    } else this.#refuseAll(error);
  }

  #refuseAll(error: StationError): void {
    this.#fault = { error, until: this.#clock.monotonic() + this.#limits.pause };
    if (!this.#lost) this.#logger.warn("token lost", { token: this.name, code: error.code, what: error.message });
    this.#lost = true;
    for (const call of this.#queue.splice(0)) this.#refuse(call, error);
  }

  #refuse(call: Call, error: StationError): void {
    call.timer?.cancel();
    call.reject(copyOf(error));
  }

  #found(): void {
    this.#fault = undefined;
    if (this.#lost) this.#logger.info("token back", { token: this.name });
    this.#lost = false;
  }

  #armProbe(): void {
    this.#probe = this.#clock.timer(this.#limits.probe, () => {
      // Its answer is in the log and in what later callers get.
      this.#call("probe", {})
        .catch(() => undefined)
        .finally(() => {
          if (!this.#closed) this.#armProbe();
        });
    });
  }

  #error(code: ErrorCode, what: string, ms = 0): StationError {
    return new StationError(code, { details: { token: this.name, what, ms } });
  }
}

/** One error for each caller. */
function copyOf(error: StationError): StationError {
  return new StationError(error.code, { details: error.details, cause: error });
}

/** ms since the epoch; 0 where the file is not there, which the token's process will say. */
async function pinFileChanged(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
