/** Requests to the four endpoints of the KMS: good ones and what becomes of them. */
import fc from "fast-check";
import { CORRELATION_ID } from "../../src/contract/common.js";
import { KMS_PATHS, type KmsMethod, type KmsResource } from "../../src/contract/kms.js";
import {
  bodyOf,
  type Case,
  type Fields,
  type HeaderPlan,
  hasOwnKey,
  headerPlan,
  isPlain,
  type JsonChange,
  jsonChange,
  nasty,
} from "./http-cases.js";
import type { Source } from "./vpki-cases.js";

/** Secrets of the registry; none of them may ever come back. */
export const CANARIES = {
  cluster: "c0ffee00c0ffee11c0ffee22c0ffee33",
  devCluster: "a secret text of the supplier",
  factory: "fac70000fac71111fac72222fac73333",
  ecuKey: "ec0de000ec0de111ec0de222ec0de333",
  clusterKey: "c1057e00c1057e11c1057e22c1057e33",
} as const;

export const FUZZ_REGISTRY = `
phase: Prod
suppliers: [{ id: 0x0001 }, { id: 0x001D }]
ecuTypes:
  - { id: 0x0003 }
  - { id: 0x0004, factoryMasterKey: "${CANARIES.factory}", flagBits: 6, verifyOnly: [D], bank: 2 }
supplierSecrets:
  - { name: cluster, value: "${CANARIES.cluster}", keys: { 5: "${CANARIES.clusterKey}" } }
  - { name: dev-only, value: "${CANARIES.devCluster}", phases: [Dev] }
ecus:
  - { uid: "000300010000000000000000000007", keys: { 1: "${CANARIES.ecuKey}" }, counters: { D: 268435454 } }
`;

const LEAD = "010203040506070801020304";
const TYPES = { EcuMasterKey: "1", SecOCKey: "4", SecOckKey: "5", SupplierSymmKey: "D" } as const;
type TypeName = keyof typeof TYPES;

interface FieldChange {
  readonly field: string;
  /** JSON. */
  readonly json: string;
}

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF"), minLength: length, maxLength: length });

const ecuIds = fc.oneof(
  fc.constantFrom(
    "",
    "0",
    "ㅎㄷ",
    `${LEAD}000300010000000000000000000001`.toUpperCase(),
    `${LEAD}${"0".repeat(30)}`,
    `0x${LEAD}`,
  ),
  hex(30).map((uid) => LEAD + uid),
  hex(22).map((serial) => `${LEAD}00030001${serial}`),
  hex(4).map((supplier) => `${LEAD}0003${supplier}${"0".repeat(22)}`),
  hex(4).map((type) => `${LEAD}${type}0001${"0".repeat(22)}`),
  fc.nat(60).chain(hex),
  hex(53).map((digits) => `${digits}Ａ`),
  nasty,
);
const keyIds = fc.oneof(
  fc.constantFrom("ㅎㄷ", "3C", "E", "0", "00", "0x4", "04", "0X0d", "d", "2", "F", "1.0", "-1", " 1", "１", "4\0"),
  fc.nat(300).map((number) => number.toString(16)),
  fc.nat(400).map((zeros) => `${"0".repeat(zeros)}4`),
  nasty,
);
const counters = fc.oneof(
  fc.constantFrom(
    "0",
    "1",
    "268435455",
    "268435456",
    "0xfffffff",
    "0X10",
    "-1",
    "1.5",
    "1e3",
    "٣",
    "00",
    "9".repeat(30),
  ),
  fc.nat(0x10000000).map(String),
  nasty,
);
const text = (texts: fc.Arbitrary<string>) => texts.map((value) => JSON.stringify(value));

const fieldChange: fc.Arbitrary<FieldChange> = fc.oneof(
  fc.record({ field: fc.constant("EcuID"), json: text(ecuIds) }),
  fc.record({ field: fc.constant("KeyID"), json: text(keyIds) }),
  fc.record({
    field: fc.constant("Phase"),
    json: text(fc.oneof(fc.constantFrom("Prod", "Dev", "Test", "prod", ""), nasty)),
  }),
  fc.record({
    field: fc.constant("SupplierSecretKey"),
    json: text(
      fc.oneof(fc.constantFrom(CANARIES.devCluster, CANARIES.cluster.toUpperCase(), `${CANARIES.cluster}0`), nasty),
    ),
  }),
  fc.record({
    field: fc.constant("Counter"),
    json: fc.oneof(text(counters), fc.nat().map(String), fc.constantFrom("1e999", "-1", "1.5", "0x1")),
  }),
  fc.record({ field: fc.constant("Challenge"), json: text(fc.oneof(hex(32), hex(31), nasty)) }),
  fc.record({ field: fc.constant("ResultStatus"), json: text(fc.oneof(fc.constantFrom("success", "Failed"), nasty)) }),
  fc.record({ field: fc.constant("ResultMessage"), json: text(nasty) }),
);
const typeChange = fc.record({
  field: fc.constant("ProvisioningType"),
  json: text(fc.oneof(fc.constantFrom("ecumasterkey", "SecOCkKey", " EcuMasterKey"), nasty)),
});

interface KmsPlan {
  readonly type: TypeName;
  readonly serial: number;
  readonly ecuType: "0003" | "0004";
  readonly changes: readonly FieldChange[];
  readonly status: "Success" | "OperationFailed";
  readonly json: JsonChange;
  readonly headers: HeaderPlan;
  readonly correlation: number;
}

const kmsPlan: fc.Arbitrary<KmsPlan> = fc.record({
  type: fc.constantFrom(...(Object.keys(TYPES) as TypeName[])),
  serial: fc.nat(40),
  ecuType: fc.constantFrom("0003" as const, "0004" as const),
  changes: fc.oneof(
    { weight: 4, arbitrary: fc.constant<FieldChange[]>([]) },
    { weight: 5, arbitrary: fc.array(fieldChange, { minLength: 1, maxLength: 2 }) },
    { weight: 1, arbitrary: fc.array(typeChange, { minLength: 1, maxLength: 1 }) },
  ),
  status: fc.constantFrom("Success" as const, "OperationFailed" as const),
  json: jsonChange,
  headers: headerPlan,
  correlation: fc.nat(400),
});

export interface KmsWorld {
  /** Ids that the KMS gave with its answers. */
  readonly correlations: string[];
}

/** A SecOC slot may have had a counter that leaves none, and the registry has one such ECU. */
const isGood = ({ type, serial, changes, json, headers }: KmsPlan) =>
  !type.startsWith("SecO") && serial !== 7 && changes.length === 0 && json.kind === "none" && isPlain(headers);

function kmsCase(method: KmsMethod, resource: KmsResource, plan: KmsPlan, { correlations }: KmsWorld): Case {
  const uid = `${plan.ecuType}0001${plan.serial.toString(16).padStart(22, "0")}`;
  const key = method === "POST" && resource === "key" && plan.type.startsWith("SecO");
  const fields = new Map<string, string>(
    Object.entries({
      ProvisioningType: plan.type,
      EcuID: LEAD + uid,
      KeyID: TYPES[plan.type],
      ...(key
        ? { SupplierSecretKey: CANARIES.cluster, Counter: "0", Challenge: "00112233445566778899aabbccddeeff" }
        : {}),
      ...(method === "PUT" ? { ResultMessage: "", ResultStatus: plan.status } : {}),
    }).map(([name, value]) => [name, JSON.stringify(value)]),
  );
  for (const { field, json } of plan.changes) fields.set(field, json);
  // Most ids are of another slot, some of the right one; the others name nothing.
  const given = correlations[plan.correlation % Math.max(1, correlations.length * 2)];
  const correlation: HeaderPlan = method === "PUT" && plan.correlation < 200 ? [[CORRELATION_ID, given ?? "none"]] : [];
  const fieldList: Fields = [...fields];
  return {
    endpoint: `${method} ${resource}`,
    method,
    url: KMS_PATHS[resource],
    headers: [...plan.headers, ...correlation],
    body: bodyOf(fieldList, plan.json),
    good: method === "POST" && resource === "key" && isGood(plan),
    twice: hasOwnKey(plan.headers),
  };
}

export function kmsSources(world: KmsWorld): Source[] {
  return (["key", "sync"] as const).flatMap((resource) =>
    (["POST", "PUT"] as const).map((method) => ({
      endpoint: `${method} ${resource}`,
      share: 8,
      cases: kmsPlan.map((plan) => async () => kmsCase(method, resource, plan, world)),
    })),
  );
}
