/** SHE key slots of a unit in a token: their keys, counters, flags and last M4 and M5, and CMD_LOAD_KEY on them (4.9.1). */
import { randomBytes } from "node:crypto";
import { concat, equalBytes, equalConstantTime, fromHex, toHex } from "../../shared/bytes.js";
import {
  type Erc,
  FLAG,
  isWildcardUid,
  KEY_LENGTH,
  kdf,
  type M1Fields,
  M2_LENGTH,
  packM4,
  packM4StarPlain,
  parseM1,
  parseM2Plain,
  SLOT,
  SLOTS,
  type SlotRow,
  slotName,
  slotRow,
  updateConstants,
} from "../../she/codec/index.js";
import type { Bench } from "../../token/bench.js";
import type { Handle } from "../../token/cryptoki.js";
import { fault } from "../../token/module.js";
import { type KeyPurpose, secretKey, TokenAes } from "./aes.js";
import type { Receipt, SheResult, UnitSettings } from "./calls.js";
import { commitRecord, destroyAll, readRecord, recordedLabels, type SlotRecord } from "./records.js";

/** What a slot's record says beside where its keys are; M4 and M5 as hex. */
interface KeyState {
  readonly counter: number;
  readonly flags: number;
  readonly m4: string;
  readonly m5: string;
}

/** Keys derived from a slot's key: K1 and K3, K2 and K4 are the same two of it. */
interface UpdateKeys {
  readonly enc: Handle;
  readonly mac: Handle;
}

const { enc: ENC_C, mac: MAC_C } = updateConstants(0);
const ID_BYTES = 16;
/** RAM_KEY is of a running device; a token keeps what stays. */
const KEPT = SLOTS.filter(({ kind, authorisers }) => authorisers.length > 0 && kind !== "ram");

const refuse = (erc: Exclude<Erc, "ERC_NO_ERROR">): { erc: Exclude<Erc, "ERC_NO_ERROR"> } => ({ erc });

export class KeySlots {
  readonly #aes: TokenAes;

  constructor(
    private readonly bench: Bench,
    private readonly unit: UnitSettings,
  ) {
    this.#aes = new TokenAes(bench, unit.mechanisms);
  }

  /** Bit n is set where slot n holds a key. */
  filled(): number {
    const labels = recordedLabels(this.bench, this.unit.uid);
    return KEPT.reduce((map, { id }) => (labels.has(this.#label(id)) ? map | (1 << id) : map), 0);
  }

  lastLoad(slot: number): Receipt | undefined {
    const state = this.#state(slot);
    return state === undefined ? undefined : { m4: fromHex(state.m4), m5: fromHex(state.m5) };
  }

  /** CMAC by a KEY_n whose KEY_USAGE is MAC (Table 4.4). */
  async generateMac(slot: number, data: Uint8Array): Promise<SheResult<Uint8Array>> {
    if (slotRow(slot).kind !== "key") return refuse("ERC_KEY_INVALID");
    const state = this.#state(slot);
    if (state === undefined) return refuse("ERC_KEY_EMPTY");
    if ((state.flags & FLAG.KEY_USAGE) === 0) return refuse("ERC_KEY_INVALID");
    return { erc: "ERC_NO_ERROR", value: await this.#aes.cmac(this.#object(this.#label(slot), state), data) };
  }

  /** @param m1 16, 32 and 16 bytes @throws StationError TOKEN_OBJECTS_INVALID where a key of the slot is gone */
  async loadKey(m1: Uint8Array, m2: Uint8Array, m3: Uint8Array): Promise<SheResult<Receipt>> {
    const ids = parseM1(m1);
    const row = slotRow(ids.keyId);
    if (!KEPT.includes(row)) return refuse("ERC_KEY_INVALID");
    const target = this.#state(ids.keyId);
    if (target !== undefined && (target.flags & FLAG.WRITE_PROTECTION) !== 0) return refuse("ERC_KEY_WRITE_PROTECTED");
    // Table 4.6 leaves the place of this check open; the text's first rule stays first.
    if (!row.authorisers.includes(ids.authKeyId)) return refuse("ERC_KEY_INVALID");
    const authoriser = this.#updateKeys(ids.authKeyId);
    if (authoriser === undefined && ids.authKeyId !== ids.keyId) return refuse("ERC_KEY_EMPTY");
    const { enc, mac } = authoriser ?? this.#blankKeys();
    if (!equalConstantTime(await this.#aes.cmac(mac, concat(m1, m2)), m3)) return refuse("ERC_KEY_UPDATE_ERROR");
    if (isWildcardUid(ids.uid)) {
      if (target !== undefined && (target.flags & FLAG.WILDCARD) !== 0) return refuse("ERC_KEY_UPDATE_ERROR");
    } else if (!equalBytes(ids.uid, fromHex(this.unit.uid))) return refuse("ERC_KEY_UPDATE_ERROR");
    const plain = Buffer.alloc(M2_LENGTH);
    try {
      await this.#aes.decrypt(enc, m2, plain);
      const head = concat(plain.subarray(0, M2_LENGTH - KEY_LENGTH), new Uint8Array(KEY_LENGTH));
      const { counter, flags } = parseM2Plain(head);
      if (counter <= (target?.counter ?? 0)) return refuse("ERC_KEY_UPDATE_ERROR");
      const state = { counter, flags: flags & row.flags };
      return { erc: "ERC_NO_ERROR", value: await this.#store(row, ids, plain.subarray(KEY_LENGTH), state) };
    } finally {
      plain.fill(0);
    }
  }

  /** Puts a generation of keys beside the former one, commits it by its record, and clears away what no longer counts. */
  async #store(
    row: SlotRow,
    ids: M1Fields,
    key: Uint8Array,
    { counter, flags }: Pick<KeyState, "counter" | "flags">,
  ): Promise<Receipt> {
    const { bench, unit } = this;
    const label = this.#label(row.id);
    const former = readRecord<KeyState>(bench, unit.uid, label);
    const id = toHex(randomBytes(ID_BYTES));
    this.#aes.put(key, { label, id, purpose: purposeOf(row, flags), kept: true });
    const { enc, mac } = this.#putUpdateKeys(key, label, id, true);
    const star = await this.#aes.encryptBlock(enc, packM4StarPlain(counter));
    const m4 = packM4({ ...ids, uid: fromHex(unit.uid) }, star);
    const m5 = await this.#aes.cmac(mac, m4);
    const sequence = (former.current?.sequence ?? 0) + 1;
    commitRecord<KeyState>(bench, unit.uid, label, { sequence, id, counter, flags, m4: toHex(m4), m5: toHex(m5) });
    destroyAll(bench, readRecord<KeyState>(bench, unit.uid, label).stale);
    for (const name of Object.values(this.#labels(label))) {
      const kept = bench.find(secretKey(name, id)).map(toHex);
      destroyAll(
        bench,
        bench.find(secretKey(name)).filter((object) => !kept.includes(toHex(object))),
      );
    }
    return { m4, m5 };
  }

  #label(slot: number): string {
    return `${this.unit.uid} ${slotName(slot)}`;
  }

  #labels(label: string) {
    return { key: label, enc: `${label} UPDATE_ENC`, mac: `${label} UPDATE_MAC` };
  }

  #state(slot: number): SlotRecord<KeyState> | undefined {
    return readRecord<KeyState>(this.bench, this.unit.uid, this.#label(slot)).current;
  }

  #object(label: string, { id }: SlotRecord<unknown>): Handle {
    const [object] = this.bench.find(secretKey(label, id));
    if (object !== undefined) return object;
    throw fault("TOKEN_OBJECTS_INVALID", `${label} has a record, but no key`);
  }

  /** K1 and K2 of a slot that is filled. */
  #updateKeys(slot: number): UpdateKeys | undefined {
    const state = this.#state(slot);
    if (state === undefined) return undefined;
    const { enc, mac } = this.#labels(this.#label(slot));
    return { enc: this.#object(enc, state), mac: this.#object(mac, state) };
  }

  /** K1 and K2 of an empty slot that authorises itself, for this session alone. */
  #blankKeys(): UpdateKeys {
    return this.#putUpdateKeys(fromHex(this.unit.blankKey), "blank", toHex(randomBytes(ID_BYTES)), false);
  }

  #putUpdateKeys(key: Uint8Array, label: string, id: string, kept: boolean): UpdateKeys {
    const labels = this.#labels(label);
    const put = (constant: Uint8Array, name: string, purpose: KeyPurpose) => {
      const derived = kdf(key, constant);
      try {
        return this.#aes.put(derived, { label: name, id, purpose, kept });
      } finally {
        derived.fill(0);
      }
    };
    return { enc: put(ENC_C, labels.enc, "cipher"), mac: put(MAC_C, labels.mac, "mac") };
  }
}

/** Table 4.4: MASTER_ECU_KEY has no command of its own, BOOT_MAC is no key, KEY_n go by KEY_USAGE. */
function purposeOf({ id, kind }: SlotRow, flags: number): KeyPurpose {
  if (id === SLOT.BOOT_MAC_KEY) return "mac";
  if (kind !== "key") return "none";
  return (flags & FLAG.KEY_USAGE) === 0 ? "cipher" : "mac";
}
