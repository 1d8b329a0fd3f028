/** Trouble codes: status bits of ISO 14229-1 Annex D.2, snapshots and the count of failures, kept in the flash. */
import { uintBE } from "../../src/shared/bytes.js";

/** statusOfDTC (Table D.1 ff.). */
export const STATUS = {
  testFailed: 0x01,
  testFailedThisOperationCycle: 0x02,
  pendingDTC: 0x04,
  confirmedDTC: 0x08,
  testNotCompletedSinceLastClear: 0x10,
  testFailedSinceLastClear: 0x20,
  testNotCompletedThisOperationCycle: 0x40,
} as const;
/** No warningIndicatorRequested: there is no lamp. */
export const STATUS_AVAILABILITY_MASK = 0x7f;
const NEVER_TESTED = STATUS.testNotCompletedSinceLastClear | STATUS.testNotCompletedThisOperationCycle;
const FAILED =
  STATUS.testFailed |
  STATUS.testFailedThisOperationCycle |
  STATUS.pendingDTC |
  STATUS.confirmedDTC |
  STATUS.testFailedSinceLastClear;
const MOST_OCCURRENCES = 0xff;
const ALL_GROUPS = 0xffffff;

export interface DtcDefinition {
  /** 3 bytes. */
  readonly code: number;
  readonly snapshot?: { readonly record: number; readonly identifiers: readonly number[] };
  readonly occurrences?: { readonly record: number };
}

/** What is kept of one code. */
export interface DtcEntry {
  readonly status: number;
  readonly occurrences: number;
  /** Identifiers with their values; undefined before the first failure. */
  readonly snapshot?: Uint8Array;
}

/** A code with what is known of it now. */
export interface Dtc extends DtcEntry {
  readonly definition: DtcDefinition;
}

/** A record of a code: number and content. */
export interface DtcRecord {
  readonly record: number;
  readonly content: Uint8Array;
}

export interface DtcMemoryOptions {
  readonly definitions: readonly DtcDefinition[];
  readonly load: (code: number) => DtcEntry | undefined;
  /** Durable when it resolves; undefined forgets the code. */
  readonly save: (changes: ReadonlyMap<number, DtcEntry | undefined>) => Promise<void>;
  /** Value of an identifier for a snapshot. */
  readonly read: (identifier: number) => Uint8Array | undefined;
}

export class DtcMemory {
  readonly #options: DtcMemoryOptions;
  /** By ControlDTCSetting (85). */
  enabled = true;
  /** Codes whose test has failed, or passed, in this operation cycle. */
  #cycle = new Map<number, boolean>();
  /** Codes that passed a whole operation cycle: no longer pending. */
  readonly #passed = new Set<number>();

  constructor(options: DtcMemoryOptions) {
    this.#options = options;
  }

  /** Begins an operation cycle: no test has run in it. A fault that did not come back in the last one is no longer pending. */
  boot(): void {
    this.enabled = true;
    for (const [code, failed] of this.#cycle) if (!failed) this.#passed.add(code);
    this.#cycle = new Map();
  }

  /** All codes that the ECU has, in the order of the profile. */
  all(): readonly Dtc[] {
    return this.#options.definitions.map((definition) => this.#dtc(definition));
  }

  find(code: number): Dtc | undefined {
    const definition = this.#options.definitions.find((entry) => entry.code === code);
    return definition === undefined ? undefined : this.#dtc(definition);
  }

  /** The test of a code fails or passes; nothing changes while 85 has it off. @returns false where the ECU has no such code */
  async set(code: number, failed: boolean): Promise<boolean> {
    const dtc = this.find(code);
    if (dtc === undefined) return false;
    if (!this.enabled) return true;
    const { definition, status, occurrences } = dtc;
    const tested = status & ~NEVER_TESTED;
    const again = failed && (status & STATUS.testFailed) === 0;
    const snapshot = dtc.snapshot ?? (failed ? this.#snapshot(definition) : undefined);
    const entry = {
      status: failed ? tested | FAILED : tested & ~STATUS.testFailed,
      occurrences: Math.min(occurrences + (again ? 1 : 0), MOST_OCCURRENCES),
      ...(snapshot === undefined ? {} : { snapshot }),
    };
    await this.#options.save(new Map([[code, entry]]));
    this.#cycle.set(code, failed || this.#cycle.get(code) === true);
    if (failed) this.#passed.delete(code);
    return true;
  }

  /** Clears one code, or all of them (FFFFFF). @returns false where the ECU has no such group */
  async clear(group: number): Promise<boolean> {
    const gone = this.#options.definitions.filter(({ code }) => group === ALL_GROUPS || code === group);
    if (gone.length === 0) return false;
    await this.#options.save(new Map(gone.map(({ code }) => [code, undefined])));
    for (const { code } of gone) this.#cycle.delete(code);
    return true;
  }

  #dtc(definition: DtcDefinition): Dtc {
    const kept = this.#options.load(definition.code) ?? { status: NEVER_TESTED, occurrences: 0 };
    const cycleBits = STATUS.testFailedThisOperationCycle | STATUS.testNotCompletedThisOperationCycle;
    const failed = this.#cycle.get(definition.code);
    const cycle =
      failed === undefined
        ? STATUS.testNotCompletedThisOperationCycle
        : failed
          ? STATUS.testFailedThisOperationCycle
          : 0;
    const over = this.#passed.has(definition.code) ? STATUS.pendingDTC : 0;
    return { ...kept, definition, status: (kept.status & ~cycleBits & ~over) | cycle };
  }

  #snapshot({ snapshot }: DtcDefinition): Uint8Array | undefined {
    if (snapshot === undefined) return undefined;
    const parts = snapshot.identifiers.flatMap((id) => {
      const value = this.#options.read(id);
      return value === undefined ? [] : [uintBE(id, 2), value];
    });
    return new Uint8Array(Buffer.concat(parts));
  }
}

/** Snapshot records of a code: the number of identifiers, then each with its value. */
export function snapshots({ definition, snapshot }: Dtc): DtcRecord[] {
  if (definition.snapshot === undefined || snapshot === undefined) return [];
  const { record, identifiers } = definition.snapshot;
  return [{ record, content: Uint8Array.of(identifiers.length, ...snapshot) }];
}

/** Extended data records of a code that has been reported. */
export function extendedData({ definition, status, occurrences }: Dtc): DtcRecord[] {
  if (definition.occurrences === undefined || (status & STATUS.confirmedDTC) === 0) return [];
  return [{ record: definition.occurrences.record, content: Uint8Array.of(occurrences) }];
}
