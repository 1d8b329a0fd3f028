/** What all commands of the simulated SHE stand on. */

import { fromHex, toHex } from "../../src/shared/bytes.js";
import { checkLength, checkUint, type Erc, KEY_LENGTH, SLOT, SREG, UID_LENGTH } from "../../src/she/codec/index.js";
import { BootCycle } from "./boot.js";
import { type Bars, findKey, type RamKey } from "./keys.js";
import type { Extension } from "./slots.js";
import type { SheKeyRecord, SheState } from "./state.js";
import { type BusyCommand, LATENCY_MAX, type Proof, type SheDeviceOptions, type SheEnvironment } from "./types.js";

/** A command under way; CMD_CANCEL before the physical write keeps the old value (4.7.18). */
export interface Job {
  readonly cancel: AbortController;
  readonly done: Promise<unknown>;
}

export const zeros = (length: number) => new Uint8Array(length);

/** State of a SHE, its surroundings, and what every command stands on: one at a time, a new state stored before it counts. */
export class SheCore {
  readonly uid: Uint8Array;
  protected readonly options: SheDeviceOptions;
  protected readonly blankKey: Uint8Array;
  protected readonly extension: Extension;
  protected state: SheState;
  #environment: SheEnvironment;
  protected ram: RamKey | undefined;
  protected ramProof: Proof | undefined;
  protected prngState: Uint8Array | undefined;
  protected challenge: Uint8Array | undefined;
  #debuggerSeen = false;
  protected internalDebugger = false;
  protected boot = new BootCycle();
  protected job: Job | undefined;

  /** @throws RangeError for an option out of its range */
  constructor(options: SheDeviceOptions) {
    checkLength("uid", options.uid, UID_LENGTH);
    if (options.uid.every((byte) => byte === 0))
      throw new RangeError("uid is 0, the wildcard, which no device may have");
    checkLength("secretKey", options.secretKey, KEY_LENGTH);
    this.blankKey = options.blankKey ?? zeros(KEY_LENGTH);
    checkLength("blankKey", this.blankKey, KEY_LENGTH);
    this.extension = { banks: options.banks ?? 0, keyCount: options.keyCount ?? 10 };
    checkUint("banks", this.extension.banks, 8);
    checkUint("keyCount", this.extension.keyCount, 10);
    if (this.extension.keyCount < 3) throw new RangeError(`keyCount ${this.extension.keyCount} is outside 3..10`);
    for (const [command, ms] of Object.entries(options.pace?.latencies ?? {})) {
      checkUint(`latency of ${command}`, ms, LATENCY_MAX);
    }
    this.uid = options.uid;
    this.options = options;
    this.state = options.storage.load() ?? { version: 1, keys: [], prngSeed: toHex(options.random(KEY_LENGTH)) };
    this.#environment = { debugger: false, bootFailed: false, ...options.environment };
    this.reset();
  }

  get environment(): SheEnvironment {
    return this.#environment;
  }

  setEnvironment(change: Partial<SheEnvironment>): void {
    this.#environment = { ...this.#environment, ...change };
    this.#feelEnvironment();
  }

  /** Power cycle: RAM_KEY, PRNG state, challenge and boot result are gone; slots, counters and PRNG_SEED stay. */
  reset(): void {
    this.ram?.key.fill(0);
    this.ram = undefined;
    this.ramProof = undefined;
    this.prngState = undefined;
    this.challenge = undefined;
    this.#debuggerSeen = false;
    this.internalDebugger = false;
    this.boot = new BootCycle();
    this.job?.cancel.abort();
    this.#feelEnvironment();
  }

  #feelEnvironment(): void {
    if (this.#environment.debugger) this.#debuggerSeen = true;
    if (this.#environment.bootFailed) this.boot.fail();
  }

  /** M4 and M5 of the last load of that slot which was stored; for RAM_KEY until the reset. */
  lastLoad(slot: number): Proof | undefined {
    if (slot === SLOT.RAM_KEY) return this.ramProof;
    const proof = findKey(this.state, slot)?.proof;
    return proof === undefined ? undefined : { m4: fromHex(proof.m4), m5: fromHex(proof.m5) };
  }

  /** Bit n = slot n of the standard's 1–D is filled. */
  get filledSlots(): number {
    let map = 0;
    for (const { slot } of this.state.keys) if (slot < SLOT.RAM_KEY) map |= 1 << slot;
    return map;
  }

  protected get bars(): Bars {
    const { phase } = this.boot;
    const unchecked = phase !== "passed" && phase !== "failed";
    const boot = phase === "failed" || (unchecked && this.options.withoutSecureBoot === "bypassed");
    return { boot, debugger: this.#debuggerSeen };
  }

  protected get sreg(): number {
    return (
      this.boot.sreg |
      (this.prngState === undefined ? 0 : SREG.RND_INIT) |
      (this.#environment.debugger ? SREG.EXT_DEBUGGER : 0) |
      (this.internalDebugger ? SREG.INT_DEBUGGER : 0)
    );
  }

  protected withRecord(record: SheKeyRecord): SheState {
    return { ...this.state, keys: [...this.state.keys.filter(({ slot }) => slot !== record.slot), record] };
  }

  protected async save(next: SheState): Promise<Erc> {
    try {
      await this.options.storage.save(next);
    } catch {
      return "ERC_MEMORY_FAILURE";
    }
    this.state = next;
    return "ERC_NO_ERROR";
  }

  /** Resolves when no command is under way. */
  async idle(): Promise<void> {
    await this.job?.done;
  }

  /**
   * Runs one command: its latency passes, in which CMD_CANCEL finds the old value, then its work is done at a stroke.
   * @param work with the signal that tells whether the command was cancelled, for what follows a write
   */
  protected command<T>(
    name: BusyCommand,
    fail: (erc: Erc) => T,
    work: (signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    if (this.job !== undefined) return Promise.resolve(fail("ERC_BUSY"));
    let settle: () => void = () => undefined;
    const job: Job = { cancel: new AbortController(), done: new Promise<void>((resolve) => (settle = resolve)) };
    const { signal } = job.cancel;
    this.job = job;
    const run = async (): Promise<T> => {
      try {
        await this.#latency(name, signal);
        if (signal.aborted) return fail("ERC_GENERAL_ERROR");
        const result = await work(signal);
        return signal.aborted ? fail("ERC_GENERAL_ERROR") : result;
      } finally {
        this.job = undefined;
        settle();
      }
    };
    return run();
  }

  async #latency(name: BusyCommand, signal: AbortSignal): Promise<void> {
    const { pace } = this.options;
    const ms = pace?.latencies[name] ?? 0;
    if (pace === undefined || ms === 0) return;
    try {
      await pace.clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
