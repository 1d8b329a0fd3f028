/** The registry: what the KMS knows of suppliers, ECU types and supplier secrets, from the YAML file that docs/registry.md documents. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Phase } from "../../contract/kms.js";
import { readUintBE } from "../../shared/bytes.js";
import { describe, StationError } from "../../shared/errors.js";
import { readSettings } from "../../shared/files.js";
import { Secret } from "../../shared/secret.js";
import { parseYaml } from "../../shared/yaml.js";
import { problemText, registryProblem } from "./registry-check.js";
import {
  byNumber,
  type EcuTypeEntry,
  normaliseSecret,
  type RegistryData,
  RegistrySchema,
  type SlotRule,
  slotRules,
} from "./registry-schema.js";

export interface EcuType {
  readonly id: number;
  /** What authorises a fresh ECU's first master key: the factory's key, or the blank-key value. */
  readonly factoryMasterKey: Secret;
  /** How a key of `keyId` is written. */
  slot(keyId: number): SlotRule;
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

/** What is switched off does not appear in it. */
export interface Registry {
  /** What it was made from. */
  readonly data: RegistryData;
  readonly phase: Phase;
  hasSupplier(uid: Uint8Array): boolean;
  ecuType(uid: Uint8Array): EcuType | undefined;
  /** The entry of a SupplierSecretKey that was shared for `phase`; its time does not depend on how much of it is right. */
  supplierSecret(text: string, phase: Phase): SupplierSecret | undefined;
  /** @param uid 30 lower-case hex digits */
  ecu(uid: string, phase: Phase): RegisteredEcu | undefined;
}

/** Reads a registry file. @throws StationError CONFIG_INVALID with file, line and what was expected */
export async function loadRegistry(file: string): Promise<Registry> {
  let text: string;
  try {
    text = await readSettings(file, "utf8");
  } catch (error) {
    throw new StationError("CONFIG_INVALID", { details: { what: `${file}: ${describe(error)}` }, cause: error });
  }
  return parseRegistry(text, file);
}

/** A registry from YAML. @throws StationError CONFIG_INVALID with file, line and what was expected */
export function parseRegistry(text: string, file = "registry"): Registry {
  const document = parseYaml(RegistrySchema, text, file, "CONFIG_INVALID");
  const problem = registryProblem(document.value);
  if (problem !== undefined) throw document.error(problem.path, problemText(problem));
  return buildRegistry(document.value);
}

function secrets(map: Parameters<typeof byNumber<string>>[0]): Map<number, Secret> {
  return new Map([...byNumber(map)].map(([keyId, hex]) => [keyId, Secret.fromHex(hex)]));
}

function digestOf(secret: string): Uint8Array {
  return createHash("sha256").update(normaliseSecret(secret), "utf8").digest();
}

/** @param data without problems (registry-check.ts) */
export function buildRegistry(data: RegistryData): Registry {
  const suppliers = new Set(data.suppliers.filter(isEnabled).map((entry) => entry.id));
  const types = new Map(data.ecuTypes.filter(isEnabled).map((entry) => [entry.id, ecuType(entry)]));
  const supplierSecrets = data.supplierSecrets.filter(isEnabled).map((entry) => ({
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
    data,
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

const isEnabled = (entry: { readonly enabled: boolean }) => entry.enabled;

function ecuType(entry: EcuTypeEntry): EcuType {
  const rules = slotRules(entry);
  return {
    id: entry.id,
    factoryMasterKey: Secret.fromHex(entry.factoryMasterKey ?? entry.blankKey),
    slot: (keyId) => {
      const rule = rules.get(keyId);
      if (rule === undefined) throw new RangeError(`KeyID ${keyId} belongs to no provisioning type`);
      return rule;
    },
  };
}
