/** What the registry's schema cannot say. Pure; its findings are codes, so that the console tells them in its own words. */
import { PROVISIONING_TYPES } from "../../contract/kms.js";
import { fromHex, readUintBE } from "../../shared/bytes.js";
import { normaliseSecret, type RegistryData, slotRules } from "./registry-schema.js";

/** English texts of the findings; `{}` stands for the finding's values in their order. */
const REGISTRY_PROBLEMS = {
  layout: "reaches past the 15 bytes of the UID",
  duplicate: "stands in {} already",
  keyIdTwice: "stands there twice, in both letter cases",
  verifyOnly: "needs flagBits 6",
  slotShared: "KeyIDs {} and {} share slot {}",
  clusterKeyId: "is no KeyID of a SecOC key (expected 4 to C)",
  noSupplier: "names a SupplierID that is not in suppliers",
  noEcuType: "names an EcuType that is not in ecuTypes",
} as const;

export type RegistryProblemName = keyof typeof REGISTRY_PROBLEMS;

export interface RegistryProblem {
  readonly path: readonly (string | number)[];
  readonly name: RegistryProblemName;
  readonly values: readonly string[];
}

export function problemText({ name, values }: RegistryProblem): string {
  let at = 0;
  return REGISTRY_PROBLEMS[name].replaceAll("{}", () => values[at++] ?? "");
}

type Path = RegistryProblem["path"];
const problem = (path: Path, name: RegistryProblemName, ...values: string[]): RegistryProblem => ({
  path,
  name,
  values,
});

/** The first thing that is wrong with data that its schema accepts. */
export function registryProblem(data: RegistryData): RegistryProblem | undefined {
  for (const found of problems(data)) return found;
  return undefined;
}

function* problems(data: RegistryData): Generator<RegistryProblem> {
  for (const [name, field] of Object.entries(data.uidLayout))
    if (field.offset + field.length > 15) yield problem(["uidLayout", name], "layout");
  yield* duplicates(
    "suppliers",
    "id",
    data.suppliers.map(({ id }) => String(id)),
  );
  yield* duplicates(
    "ecuTypes",
    "id",
    data.ecuTypes.map(({ id }) => String(id)),
  );
  yield* duplicates(
    "supplierSecrets",
    "name",
    data.supplierSecrets.map(({ name }) => name),
  );
  yield* duplicates(
    "supplierSecrets",
    "value",
    data.supplierSecrets.map(({ value }) => normaliseSecret(value)),
  );
  yield* duplicates(
    "ecus",
    "uid",
    data.ecus.map((entry) => `${entry.uid.toLowerCase()} ${entry.phase ?? data.phase}`),
  );
  for (const i of data.ecuTypes.keys()) yield* typeProblems(data, i);
  for (const i of data.supplierSecrets.keys()) yield* secretProblems(data, i);
  yield* ecuProblems(data);
}

function* duplicates(list: string, key: string, values: readonly string[]): Generator<RegistryProblem> {
  const seen = new Map<string, number>();
  for (const [i, value] of values.entries()) {
    const first = seen.get(value);
    if (first === undefined) seen.set(value, i);
    else yield problem([list, i, key], "duplicate", `${list}[${first}]`);
  }
}

function* keyIdsTwice(at: Path, map: object = {}): Generator<RegistryProblem> {
  const seen = new Set<string>();
  for (const key of Object.keys(map)) {
    if (seen.has(key.toUpperCase())) yield problem([...at, key], "keyIdTwice");
    seen.add(key.toUpperCase());
  }
}

function* typeProblems(data: RegistryData, i: number): Generator<RegistryProblem> {
  const type = data.ecuTypes[i];
  if (type === undefined) return;
  const at: Path = ["ecuTypes", i];
  yield* keyIdsTwice([...at, "flags"], type.flags);
  yield* keyIdsTwice([...at, "slots"], type.slots);
  if (type.verifyOnly.length > 0 && type.flagBits !== 6) yield problem([...at, "verifyOnly"], "verifyOnly");
  const taken = new Map<number, number>();
  for (const [keyId, { slot }] of slotRules(type)) {
    const other = taken.get(slot);
    if (other !== undefined) yield problem([...at, "slots"], "slotShared", digit(other), digit(keyId), digit(slot));
    taken.set(slot, keyId);
  }
}

function* secretProblems(data: RegistryData, i: number): Generator<RegistryProblem> {
  const keys = data.supplierSecrets[i]?.keys;
  yield* keyIdsTwice(["supplierSecrets", i, "keys"], keys);
  const { firstKeyId, lastKeyId } = PROVISIONING_TYPES.SecOCKey;
  for (const key of Object.keys(keys ?? {})) {
    const keyId = Number.parseInt(key, 16);
    if (keyId < firstKeyId || keyId > lastKeyId) yield problem(["supplierSecrets", i, "keys", key], "clusterKeyId");
  }
}

function* ecuProblems(data: RegistryData): Generator<RegistryProblem> {
  const suppliers = new Set(data.suppliers.map(({ id }) => id));
  const types = new Set(data.ecuTypes.map(({ id }) => id));
  const { supplierId, ecuType } = data.uidLayout;
  for (const [i, ecu] of data.ecus.entries()) {
    const at: Path = ["ecus", i];
    yield* keyIdsTwice([...at, "keys"], ecu.keys);
    yield* keyIdsTwice([...at, "counters"], ecu.counters);
    const uid = fromHex(ecu.uid);
    if (!suppliers.has(readUintBE(uid, supplierId.offset, supplierId.length)))
      yield problem([...at, "uid"], "noSupplier");
    if (!types.has(readUintBE(uid, ecuType.offset, ecuType.length))) yield problem([...at, "uid"], "noEcuType");
  }
}

const digit = (value: number) => value.toString(16).toUpperCase();
