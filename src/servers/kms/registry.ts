/** The registry: what the KMS's web console would hold. A YAML file, checked against its schema; docs/registry.md documents it. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Static, Type } from "typebox";
import { PHASES, type Phase, PROVISIONING_TYPE_NAMES, PROVISIONING_TYPES } from "../../contract/kms.js";
import { fromHex, isHex, readUintBE } from "../../shared/bytes.js";
import { describe, StationError } from "../../shared/errors.js";
import { Secret } from "../../shared/secret.js";
import { parseYaml, type YamlDocument, type YamlPath } from "../../shared/yaml.js";

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

export const RegistrySchema = Type.Object(
  {
    /** Phase of a request that names none. */
    phase: Type.Enum([...PHASES], { default: "Prod" }),
    /** Where EcuType and SupplierID stand in the 15-byte UID. */
    uidLayout: Type.Object({ ecuType: Field(0), supplierId: Field(2) }, { ...strict, default: {} }),
    suppliers: Type.Array(Type.Object({ id: uint(0xffffffffffff), name: Type.Optional(Type.String()) }, strict)),
    ecuTypes: Type.Array(
      Type.Object(
        {
          id: uint(0xffffffffffff),
          name: Type.Optional(Type.String()),
          /** MASTER_ECU_KEY of a fresh device. */
          factoryMasterKey: Type.String({ pattern: "^[0-9a-fA-F]{32}$", default: "0".repeat(32) }),
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
      ),
    ),
    supplierSecrets: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1 }),
          /** SupplierSecretKey as requests bring it; hex of any letter case, else the exact text. */
          value: Type.String({ minLength: 1, maxLength: 1024 }),
          phases: Type.Array(PhaseName, { default: [...PHASES] }),
          /** The cluster's key by KeyID; made at random where it says nothing. */
          keys: byKeyId(Hex(16)),
        },
        strict,
      ),
      { default: [] },
    ),
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

export interface EcuType {
  readonly id: number;
  readonly factoryMasterKey: Secret;
  /** How a key of `keyId` is written. */
  slot(keyId: number): SlotRule;
}

export interface SlotRule {
  readonly slot: number;
  readonly bank: number;
  /** Five bits, WRITE_PROTECTION = 16. */
  readonly flags: number;
  readonly verifyOnly: boolean;
}

export interface SupplierSecret {
  readonly name: string;
  /** SHA-256 of the normalised secret. */
  readonly digest: Uint8Array;
  readonly keys: ReadonlyMap<number, Secret>;
}

export interface RegisteredEcu {
  readonly masterKey: Secret | undefined;
  readonly keys: ReadonlyMap<number, Secret>;
  readonly counters: ReadonlyMap<number, number>;
}

export interface Registry {
  readonly phase: Phase;
  hasSupplier(uid: Uint8Array): boolean;
  ecuType(uid: Uint8Array): EcuType | undefined;
  /** The entry of a SupplierSecretKey that was shared for `phase`; its time does not depend on how much of it is right. */
  supplierSecret(text: string, phase: Phase): SupplierSecret | undefined;
  /** @param uid 30 lower-case hex digits */
  ecu(uid: string, phase: Phase): RegisteredEcu | undefined;
}

const MASTER_FLAGS = 0x0d;
const KEY_FLAGS = 0x0f;

/** Reads a registry file. @throws StationError CONFIG_INVALID with file, line and what was expected */
export async function loadRegistry(file: string): Promise<Registry> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new StationError("CONFIG_INVALID", { details: { what: `${file}: ${describe(error)}` }, cause: error });
  }
  return parseRegistry(text, file);
}

/** A registry from YAML. @throws StationError CONFIG_INVALID with file, line and what was expected */
export function parseRegistry(text: string, file = "registry"): Registry {
  const document = parseYaml(RegistrySchema, text, file, "CONFIG_INVALID");
  check(document);
  return build(document.value);
}

/** What the schema cannot say. */
function check(document: YamlDocument<RegistryData>): void {
  const { value } = document;
  for (const [name, field] of Object.entries(value.uidLayout)) {
    if (field.offset + field.length > 15)
      throw document.error(["uidLayout", name], "reaches past the 15 bytes of the UID");
  }
  unique(
    document,
    "suppliers",
    "id",
    value.suppliers.map((entry) => String(entry.id)),
  );
  unique(
    document,
    "ecuTypes",
    "id",
    value.ecuTypes.map((entry) => String(entry.id)),
  );
  unique(
    document,
    "supplierSecrets",
    "name",
    value.supplierSecrets.map((entry) => entry.name),
  );
  unique(
    document,
    "supplierSecrets",
    "value",
    value.supplierSecrets.map((entry) => normalise(entry.value)),
  );
  unique(
    document,
    "ecus",
    "uid",
    value.ecus.map((entry) => `${entry.uid.toLowerCase()} ${entry.phase ?? value.phase}`),
  );
  for (const [i, type] of value.ecuTypes.entries()) {
    const at: YamlPath = ["ecuTypes", i];
    checkKeyIds(document, [...at, "flags"], type.flags);
    checkKeyIds(document, [...at, "slots"], type.slots);
    if (type.verifyOnly.length > 0 && type.flagBits !== 6)
      throw document.error([...at, "verifyOnly"], "needs flagBits 6");
    const taken = new Map<number, number>();
    for (const keyId of keyIds()) {
      const slot = slotOf(type.slots, keyId);
      const other = taken.get(slot);
      if (other !== undefined) {
        throw document.error([...at, "slots"], `KeyIDs ${digit(other)} and ${digit(keyId)} share slot ${digit(slot)}`);
      }
      taken.set(slot, keyId);
    }
  }
  for (const [i, secret] of value.supplierSecrets.entries()) {
    checkKeyIds(document, ["supplierSecrets", i, "keys"], secret.keys);
    for (const key of Object.keys(secret.keys ?? {})) {
      const { firstKeyId, lastKeyId } = PROVISIONING_TYPES.SecOCKey;
      const keyId = Number.parseInt(key, 16);
      if (keyId < firstKeyId || keyId > lastKeyId)
        throw document.error(["supplierSecrets", i, "keys", key], "is no KeyID of a SecOC key (expected 4 to C)");
    }
  }
  const registry = build(value);
  for (const [i, ecu] of value.ecus.entries()) {
    const at: YamlPath = ["ecus", i];
    checkKeyIds(document, [...at, "keys"], ecu.keys);
    checkKeyIds(document, [...at, "counters"], ecu.counters);
    const uid = fromHex(ecu.uid);
    if (!registry.hasSupplier(uid)) throw document.error([...at, "uid"], "names a SupplierID that is not in suppliers");
    if (registry.ecuType(uid) === undefined)
      throw document.error([...at, "uid"], "names an EcuType that is not in ecuTypes");
  }
}

function unique(document: YamlDocument<RegistryData>, list: string, key: string, values: readonly string[]): void {
  for (const [i, value] of values.entries()) {
    const first = values.indexOf(value);
    if (first < i) throw document.error([list, i, key], `stands in ${list}[${first}] already`);
  }
}

function checkKeyIds(document: YamlDocument<RegistryData>, at: YamlPath, map: Record<string, unknown> = {}): void {
  const seen = new Set<string>();
  for (const key of Object.keys(map)) {
    if (seen.has(key.toUpperCase())) throw document.error([...at, key], "stands there twice, in both letter cases");
    seen.add(key.toUpperCase());
  }
}

function keyIds(): number[] {
  return PROVISIONING_TYPE_NAMES.flatMap((name) => {
    const { firstKeyId, lastKeyId } = PROVISIONING_TYPES[name];
    return Array.from({ length: lastKeyId - firstKeyId + 1 }, (_, i) => firstKeyId + i);
  });
}

const digit = (value: number) => value.toString(16).toUpperCase();

type ByKeyId<T> = Readonly<Record<string, T | undefined>>;

function byNumber<T>(map: ByKeyId<T> = {}): Map<number, T> {
  const out = new Map<number, T>();
  for (const [key, value] of Object.entries(map)) if (value !== undefined) out.set(Number.parseInt(key, 16), value);
  return out;
}

function slotOf(slots: ByKeyId<number> | undefined, keyId: number): number {
  return byNumber(slots).get(keyId) ?? keyId;
}

function secrets(map: ByKeyId<string> | undefined): Map<number, Secret> {
  return new Map([...byNumber(map)].map(([keyId, hex]) => [keyId, Secret.fromHex(hex)]));
}

function normalise(secret: string): string {
  return isHex(secret) ? secret.toLowerCase() : secret;
}

function digestOf(secret: string): Uint8Array {
  return createHash("sha256").update(normalise(secret), "utf8").digest();
}

function build(data: RegistryData): Registry {
  const suppliers = new Set(data.suppliers.map((entry) => entry.id));
  const types = new Map(data.ecuTypes.map((entry) => [entry.id, ecuType(entry)]));
  const supplierSecrets = data.supplierSecrets.map((entry) => ({
    name: entry.name,
    digest: digestOf(entry.value),
    keys: secrets(entry.keys),
    phases: entry.phases,
  }));
  const ecus = new Map(
    data.ecus.map((entry) => [
      `${entry.uid.toLowerCase()} ${entry.phase ?? data.phase}`,
      {
        masterKey: entry.masterKey === undefined ? undefined : Secret.fromHex(entry.masterKey),
        keys: secrets(entry.keys),
        counters: byNumber(entry.counters),
      },
    ]),
  );
  const { ecuType: typeField, supplierId } = data.uidLayout;
  return {
    phase: data.phase,
    hasSupplier: (uid) => suppliers.has(readUintBE(uid, supplierId.offset, supplierId.length)),
    ecuType: (uid) => types.get(readUintBE(uid, typeField.offset, typeField.length)),
    supplierSecret(text, phase) {
      const digest = digestOf(text);
      let found: SupplierSecret | undefined;
      for (const entry of supplierSecrets) {
        const same = timingSafeEqual(digest, entry.digest);
        if (same && entry.phases.includes(phase)) found = entry;
      }
      return found;
    },
    ecu: (uid, phase) => ecus.get(`${uid} ${phase}`),
  };
}

function ecuType(entry: RegistryData["ecuTypes"][number]): EcuType {
  const flags = byNumber(entry.flags);
  const slots = byNumber(entry.slots);
  const verifyOnly = new Set(entry.verifyOnly.map((text) => Number.parseInt(text, 16)));
  const master = PROVISIONING_TYPES.EcuMasterKey.firstKeyId;
  return {
    id: entry.id,
    factoryMasterKey: Secret.fromHex(entry.factoryMasterKey),
    slot: (keyId) => ({
      slot: slots.get(keyId) ?? keyId,
      bank: keyId === master ? 0 : entry.bank,
      flags: flags.get(keyId) ?? (keyId === master ? MASTER_FLAGS : KEY_FLAGS),
      verifyOnly: verifyOnly.has(keyId),
    }),
  };
}
