/** What the ECU keeps without power, as one value, and the store that changes it atomically. */
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { StationError } from "../src/shared/errors.js";
import type { Flash } from "./flash/flash.js";
import type { SheState } from "./she/state.js";

const strict = { additionalProperties: false };
const Hex = (bytes: number) => Type.String({ pattern: `^[0-9a-f]{${2 * bytes}}$` });
const Base64 = Type.String();

const KeyPairState = Type.Object({ curve: Type.Enum(["P-256", "P-521"]), pkcs8: Base64 }, strict);

const SlotState = Type.Object(
  {
    /** Made last and without a certificate yet. */
    waiting: Type.Optional(KeyPairState),
    /** Belongs to the leaf. */
    inUse: Type.Optional(KeyPairState),
    /** DER of the CSR made last. */
    csr: Type.Optional(Base64),
    leaf: Type.Optional(Base64),
    issuers: Type.Array(Base64),
    anchors: Type.Array(Base64),
  },
  strict,
);

const SheMemory = Type.Object({
  version: Type.Literal(1),
  keys: Type.Array(Type.Object({ slot: Type.Integer(), key: Hex(16), counter: Type.Integer(), flags: Type.Integer() })),
  prngSeed: Hex(16),
});

/** What an ECU of target `none` keeps, by number in hex; what was never written is not in it. */
const TestEcuState = Type.Object(
  {
    identifiers: Type.Record(Type.String(), Base64),
    /** The greatest antiReplayCounter of 84 that was accepted. */
    antiReplayCounter: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffff })),
    memory: Type.Record(Type.String(), Base64),
    dtcs: Type.Record(
      Type.String(),
      Type.Object(
        {
          /** statusOfDTC without the bits of the operation cycle. */
          status: Type.Integer({ minimum: 0, maximum: 0xff }),
          occurrences: Type.Integer({ minimum: 0, maximum: 0xff }),
          /** Values of the snapshot's identifiers when the fault was first confirmed, one behind the other with their numbers. */
          snapshot: Type.Optional(Base64),
        },
        strict,
      ),
    ),
  },
  strict,
);

const StateSchema = Type.Object(
  {
    /** Name of the profile that the ECU was made by. */
    profile: Type.String(),
    ecuId: Hex(27),
    serialNumber: Type.String(),
    vin: Type.Union([Type.String(), Type.Null()]),
    /** ms that the ECU's clock is ahead of the host's, decimal: the full range of the 8-byte clock does not fit a number. */
    clockOffset: Type.String({ pattern: "^-?[0-9]+$" }),
    locked: Type.Boolean(),
    /** Wrong keys of security access in a row. */
    attempts: Type.Integer({ minimum: 0 }),
    slots: Type.Array(SlotState),
    /** SECRET_KEY of the SHE. */
    secretKey: Hex(16),
    /** What the SHE keeps; null until its device saves for the first time. */
    she: Type.Union([Type.Unsafe<SheState>(SheMemory), Type.Null()]),
    testEcu: Type.Optional(TestEcuState),
  },
  strict,
);

export type EcuState = Static<typeof StateSchema>;
export type SlotState = Static<typeof SlotState>;
export type TestEcuState = Static<typeof TestEcuState>;
export type KeyPairState = Static<typeof KeyPairState>;

export const CERTIFICATE_SLOTS = 8;

/** The state in the flash and in memory. A change is in memory only once it is durable. */
export class StateStore {
  readonly #flash: Flash;
  #current: EcuState;
  #tail: Promise<void> = Promise.resolve();

  private constructor(flash: Flash, current: EcuState) {
    this.#flash = flash;
    this.#current = current;
  }

  /**
   * The state in the flash, or a new one of `create`, which is saved before this resolves.
   * @throws StationError STORE_FAILED when the flash holds something else
   */
  static async open(flash: Flash, create: () => EcuState): Promise<StateStore> {
    const image = await flash.load();
    if (image !== undefined) return new StateStore(flash, decode(image));
    const state = create();
    await flash.save(encode(state));
    return new StateStore(flash, state);
  }

  get current(): Readonly<EcuState> {
    return this.#current;
  }

  /**
   * Makes `change(current)` the state, after earlier changes; resolves when it is durable. `change` must not alter its argument.
   * @throws StationError STORE_FAILED, PowerCut; the state in memory is the former one then
   */
  change(change: (state: Readonly<EcuState>) => EcuState): Promise<void> {
    const done = this.#tail.then(async () => {
      const next = change(this.#current);
      await this.#flash.save(encode(next));
      this.#current = next;
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Changes what a test ECU keeps. */
  changeTestEcu(change: (state: TestEcuState) => TestEcuState): Promise<void> {
    return this.change((state) => ({ ...state, testEcu: change(state.testEcu ?? NEW_TEST_ECU) }));
  }

  /** Changes one certificate slot. */
  changeSlot(slot: number, change: (slot: Readonly<SlotState>) => SlotState): Promise<void> {
    return this.change((state) => ({
      ...state,
      slots: state.slots.map((entry, i) => (i === slot ? change(entry) : entry)),
    }));
  }
}

/** What a test ECU keeps, before anything was written to it. */
export const NEW_TEST_ECU: TestEcuState = { identifiers: {}, memory: {}, dtcs: {} };

export function emptySlot(): SlotState {
  return { issuers: [], anchors: [] };
}

function encode(state: EcuState): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(state), "utf8"));
}

function decode(image: Uint8Array): EcuState {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(image).toString("utf8"));
  } catch (cause) {
    throw new StationError("STORE_FAILED", { details: { what: "the flash holds no ECU state" }, cause });
  }
  if (!Value.Check(StateSchema, value))
    throw new StationError("STORE_FAILED", { details: { what: "the flash holds another kind of state" } });
  return value;
}

export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
export const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
