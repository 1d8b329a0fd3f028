/** What the registry holds, as data: the schema of its YAML file and of the entries in the store. docs/registry.md documents it. */
import { type Static, Type } from "typebox";
import { PHASES, PROVISIONING_TYPE_NAMES, PROVISIONING_TYPES } from "../../contract/kms.js";
import { isHex } from "../../shared/bytes.js";

const strict = { additionalProperties: false };
const uint = (maximum: number, minimum = 0) => Type.Integer({ minimum, maximum });
const Hex = (bytes: number) => Type.String({ pattern: `^[0-9a-fA-F]{${2 * bytes}}$` });
const PhaseName = Type.Enum([...PHASES]);
const KEY_IDS = [..."1456789ABCDabcd"] as const;
/** A value by KeyID: the hex digits that a provisioning type has. */
const byKeyId = <T extends ReturnType<typeof uint> | ReturnType<typeof Hex>>(value: T) =>
  Type.Optional(Type.Object(Object.fromEntries(KEY_IDS.map((digit) => [digit, Type.Optional(value)])), strict));

const Field = (offset: number) =>
  Type.Object({ offset: uint(14), length: uint(6, 1) }, { ...strict, default: { offset, length: 2 } });

/** Whether the KMS knows the entry; one that is switched off answers as if it were not there. */
const enabled = Type.Boolean({ default: true });

const SupplierSchema = Type.Object({ id: uint(0xffffffffffff), name: Type.Optional(Type.String()), enabled }, strict);
export type SupplierEntry = Static<typeof SupplierSchema>;

const EcuTypeSchema = Type.Object(
  {
    id: uint(0xffffffffffff),
    name: Type.Optional(Type.String()),
    enabled,
    /** MASTER_ECU_KEY that the ECU maker has put in; without it the ECU comes blank. */
    factoryMasterKey: Type.Optional(Hex(16)),
    /** What a blank slot of the device counts as: authorises the first master key where there is no factory key. */
    blankKey: Type.String({ pattern: "^[0-9a-fA-F]{32}$", default: "0".repeat(32) }),
    /** Five flags, WRITE_PROTECTION = 16, by KeyID. */
    flags: byKeyId(uint(0x1f)),
    flagBits: Type.Union([Type.Literal(5), Type.Literal(6)], { default: 5 }),
    /** KeyIDs whose key gets VERIFY_ONLY; with flagBits 6. */
    verifyOnly: Type.Array(Type.String({ pattern: "^[4-9A-Da-d]$" }), { default: [] }),
    /** Bank of KEY_n on extended devices; 0 = the standard's own. */
    bank: Type.Integer({ minimum: 0, maximum: 8, default: 0 }),
    /** Slot nibble by KeyID; the identity where it says nothing. */
    slots: byKeyId(uint(0xf)),
  },
  strict,
);
export type EcuTypeEntry = Static<typeof EcuTypeSchema>;

const SupplierSecretSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    enabled,
    /** SupplierSecretKey as requests bring it; hex of any letter case, else the exact text. */
    value: Type.String({ minLength: 1, maxLength: 1024 }),
    phases: Type.Array(PhaseName, { default: [...PHASES] }),
    /** The cluster's key by KeyID; made at random where it says nothing. */
    keys: byKeyId(Hex(16)),
  },
  strict,
);
export type SupplierSecretEntry = Static<typeof SupplierSecretSchema>;

export const RegistrySchema = Type.Object(
  {
    /** Phase of a request that names none. */
    phase: Type.Enum([...PHASES], { default: "Prod" }),
    /** Where EcuType and SupplierID stand in the 15-byte UID. */
    uidLayout: Type.Object({ ecuType: Field(0), supplierId: Field(2) }, { ...strict, default: {} }),
    suppliers: Type.Array(SupplierSchema),
    ecuTypes: Type.Array(EcuTypeSchema),
    supplierSecrets: Type.Array(SupplierSecretSchema, { default: [] }),
    ecus: Type.Array(
      Type.Object(
        {
          uid: Hex(15),
          phase: Type.Optional(PhaseName),
          /** MASTER_ECU_KEY that the ECU holds before the KMS's first load. */
          masterKey: Type.Optional(Hex(16)),
          /** Keys to be issued, by KeyID. */
          keys: byKeyId(Hex(16)),
          /** Update counters that the ECU holds already, by KeyID. */
          counters: byKeyId(uint(0xfffffff)),
        },
        strict,
      ),
      { default: [] },
    ),
  },
  strict,
);
export type RegistryData = Static<typeof RegistrySchema>;

/** Every KeyID of a provisioning type, ascending. */
export const REGISTRY_KEY_IDS: readonly number[] = PROVISIONING_TYPE_NAMES.flatMap((name) => {
  const { firstKeyId, lastKeyId } = PROVISIONING_TYPES[name];
  return Array.from({ length: lastKeyId - firstKeyId + 1 }, (_, i) => firstKeyId + i);
}).sort((a, b) => a - b);

/** Flags of a key whose entry names none: boot and debugger protection and wildcard; beside the master key with key usage MAC. */
const MASTER_FLAGS = 0x0d;
const KEY_FLAGS = 0x0f;
const MASTER_KEY_ID = PROVISIONING_TYPES.EcuMasterKey.firstKeyId;

export interface SlotRule {
  readonly slot: number;
  readonly bank: number;
  /** Five bits, WRITE_PROTECTION = 16. */
  readonly flags: number;
  readonly verifyOnly: boolean;
}

type ByKeyId<T> = Readonly<Record<string, T | undefined>>;

export function byNumber<T>(map: ByKeyId<T> = {}): Map<number, T> {
  const out = new Map<number, T>();
  for (const [key, value] of Object.entries(map)) if (value !== undefined) out.set(Number.parseInt(key, 16), value);
  return out;
}

/** How each KeyID of an ECU type is written, defaults filled in. */
export function slotRules(entry: EcuTypeEntry): Map<number, SlotRule> {
  const flags = byNumber(entry.flags);
  const slots = byNumber(entry.slots);
  const verifyOnly = new Set(entry.verifyOnly.map((text) => Number.parseInt(text, 16)));
  return new Map(
    REGISTRY_KEY_IDS.map((keyId) => {
      const master = keyId === MASTER_KEY_ID;
      const rule = {
        slot: slots.get(keyId) ?? keyId,
        bank: master ? 0 : entry.bank,
        flags: flags.get(keyId) ?? (master ? MASTER_FLAGS : KEY_FLAGS),
        verifyOnly: verifyOnly.has(keyId),
      };
      return [keyId, rule];
    }),
  );
}

/** A SupplierSecretKey as it is compared: hex in lower case, any other text as it stands. */
export function normaliseSecret(secret: string): string {
  return isHex(secret) ? secret.toLowerCase() : secret;
}

interface Entries {
  readonly suppliers: SupplierEntry;
  readonly ecuTypes: EcuTypeEntry;
  readonly supplierSecrets: SupplierSecretEntry;
}
/** The lists that the KMS's console keeps. */
export type RegistryKind = keyof Entries;
export type EntryOf<K extends RegistryKind> = Entries[K];
export type RegistryLists = { readonly [K in RegistryKind]: readonly Entries[K][] };
export const REGISTRY_KINDS: readonly RegistryKind[] = ["suppliers", "ecuTypes", "supplierSecrets"];

/** A supplier's or ECU type's number as people read it. */
export const hexNumber = (value: number) => `0x${value.toString(16).toUpperCase().padStart(4, "0")}`;

/** What names an entry within its list. */
export function registryId(entry: EntryOf<RegistryKind>): string {
  return "id" in entry ? hexNumber(entry.id) : entry.name;
}
