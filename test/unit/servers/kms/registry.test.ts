import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadRegistry, parseRegistry } from "../../../../src/servers/kms/index.js";
import { fromHex } from "../../../../src/shared/bytes.js";
import { packageRoot } from "../../../../src/shared/paths.js";
import { masterPost, openKms, REGISTRY, uid } from "./helpers.js";

const KEY = "0f0e0d0c0b0a09080706050403020100";
const head = "suppliers: [{ id: 1 }]\necuTypes: [{ id: 3 }]\n";

test.each([
  ["no list of suppliers", "ecuTypes: []", "reg.yaml:1:1: suppliers: is missing"],
  ["unknown key", `${head}supplier: 1`, "reg.yaml:3:1: supplier: unknown key"],
  ["an id in hex without 0x", "suppliers:\n  - id: 001D\necuTypes: []", "reg.yaml:2:9: suppliers[0].id: wrong value"],
  [
    "the same supplier twice",
    "suppliers:\n  - id: 1\n  - id: 0x1\necuTypes: []",
    "reg.yaml:3:9: suppliers[1].id: stands in",
  ],
  [
    "an unquoted key",
    `${head}ecus:\n  - uid: "${uid(1)}"\n    masterKey: 00112233445566778899001122334455`,
    "reg.yaml:5:16: ecus[0].masterKey: wrong value of a number",
  ],
  [
    "a short key",
    `${head}ecus:\n  - uid: "${uid(1)}"\n    keys: { 1: "00" }`,
    'reg.yaml:5:16: ecus[0].keys.1: wrong value "00"',
  ],
  [
    "no such KeyID",
    `${head}ecus:\n  - uid: "${uid(1)}"\n    keys: { 2: "${KEY}" }`,
    "reg.yaml:5:13: ecus[0].keys.2: unknown key",
  ],
  [
    "an ECU of an unknown supplier",
    `${head}ecus:\n  - uid: "00030009${"0".repeat(22)}"`,
    "reg.yaml:4:10: ecus[0].uid: names a SupplierID",
  ],
  [
    "an ECU of an unknown type",
    `${head}ecus:\n  - uid: "00090001${"0".repeat(22)}"`,
    "reg.yaml:4:10: ecus[0].uid: names an EcuType",
  ],
  [
    "an ECU twice",
    `${head}ecus:\n  - uid: "${uid(10)}"\n  - uid: "${uid(10).toUpperCase()}"\n    phase: Prod`,
    "reg.yaml:5:10: ecus[1].uid: stands in ecus[0] already",
  ],
  [
    "two KeyIDs in one slot",
    "suppliers: []\necuTypes:\n  - id: 3\n    slots: { D: 4 }",
    "reg.yaml:4:12: ecuTypes[0].slots: KeyIDs 4 and D share slot 4",
  ],
  [
    "a KeyID in both cases",
    "suppliers: []\necuTypes:\n  - id: 3\n    flags: { D: 4, d: 5 }",
    "reg.yaml:4:23: ecuTypes[0].flags.d: stands there twice",
  ],
  [
    "six flags where there are five",
    "suppliers: []\necuTypes:\n  - id: 3\n    flags: { 4: 32 }",
    "reg.yaml:4:17: ecuTypes[0].flags.4: wrong value 32",
  ],
  [
    "VERIFY_ONLY on five flags",
    "suppliers: []\necuTypes:\n  - id: 3\n    verifyOnly: ['4']",
    "reg.yaml:4:17: ecuTypes[0].verifyOnly: needs flagBits 6",
  ],
  [
    "a phase that there is not",
    `${head}phase: Test`,
    'reg.yaml:3:8: phase: wrong value "Test" (expected one of Prod, Dev)',
  ],
  [
    "a layout past the UID",
    `${head}uidLayout:\n  supplierId: { offset: 14, length: 2 }`,
    "reg.yaml:4:15: uidLayout.supplierId: reaches past",
  ],
  [
    "one secret under two names",
    `${head}supplierSecrets:\n  - { name: a, value: ab }\n  - { name: b, value: AB }`,
    "reg.yaml:5:23: supplierSecrets[1].value: stands in",
  ],
  [
    "a master key for a cluster",
    `${head}supplierSecrets:\n  - { name: a, value: ab, keys: { 1: "${KEY}" } }`,
    "reg.yaml:4:38: supplierSecrets[0].keys.1: is no KeyID of a SecOC key",
  ],
])("a mistake in the file is told with its line: %s", (_name, text, expected) => {
  expect(() => parseRegistry(text, "reg.yaml")).toThrow(expected);
});

test("a message never repeats a key", () => {
  expect(() => parseRegistry(`${head}ecus:\n  - uid: "${uid(1)}"\n    masterKey: "${KEY}00"`)).toThrow(/34 characters/);
});

test("a file that is not there is told in one line", async () => {
  await expect(loadRegistry("/no/such/registry.yaml")).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("/no/such/registry.yaml"),
  });
});

test("the layout of the UID is a setting, and its parts are compared as numbers", async () => {
  const text = `
uidLayout: { ecuType: { offset: 13, length: 1 }, supplierId: { offset: 14, length: 1 } }
suppliers: [{ id: 0x0D }]
ecuTypes: [{ id: 1 }]`;
  const registry = parseRegistry(text);
  expect(registry.hasSupplier(fromHex(`${"0".repeat(26)}010d`))).toBe(true);
  expect(registry.ecuType(fromHex(`${"0".repeat(26)}010d`))?.id).toBe(1);
  expect(registry.hasSupplier(fromHex(`${"0".repeat(26)}0d01`))).toBe(false);
  const kms = await openKms({ registry: text });
  const post = (tail: string) => kms.send("POST", "key", { ...masterPost(), EcuID: `${"0".repeat(50)}${tail}` });
  expect((await post("010d")).body.ResultStatus).toBe("Success");
  expect((await post("0d01")).body.ResultMessage).toBe("The SupplierID is not registerd.");
  await kms.close();
});

test("flags, slots and factory key have the defaults of the document", () => {
  const type = parseRegistry(REGISTRY).ecuType(fromHex(uid(1)));
  expect(type?.slot(1)).toEqual({ slot: 1, bank: 0, flags: 0x0d, verifyOnly: false });
  expect(type?.slot(0xd)).toEqual({ slot: 0xd, bank: 0, flags: 0x0f, verifyOnly: false });
  expect(type?.factoryMasterKey.use((key) => [...key])).toEqual(Array.from({ length: 16 }, () => 0));
});

test("a secret is found whatever the letter case of its hex, and text only as it stands", () => {
  const registry = parseRegistry(`${head}supplierSecrets: [{ name: hex, value: AbCd }, { name: text, value: Secret }]`);
  expect(registry.supplierSecret("aBcD", "Prod")?.name).toBe("hex");
  expect(registry.supplierSecret("Secret", "Dev")?.name).toBe("text");
  expect(registry.supplierSecret("secret", "Prod")).toBeUndefined();
});

test.each(["registry.simulator.yaml", "registry.published-vectors.yaml"])("the shipped %s is valid", (name) => {
  const text = readFileSync(join(packageRoot(), "config", name), "utf8");
  expect(parseRegistry(text, name).phase).toBe("Prod");
});

test("a supplier, type or secret that is switched off is as good as not there", () => {
  const registry = parseRegistry(`
suppliers: [{ id: 1, enabled: false }, { id: 2 }]
ecuTypes: [{ id: 3, enabled: false }, { id: 4 }]
supplierSecrets: [{ name: a, value: ab, enabled: false }, { name: b, value: cd }]`);
  const uidOf = (type: number, supplier: number) => fromHex(`000${type}000${supplier}${"0".repeat(22)}`);
  expect(registry.hasSupplier(uidOf(3, 1))).toBe(false);
  expect(registry.hasSupplier(uidOf(3, 2))).toBe(true);
  expect(registry.ecuType(uidOf(3, 1))).toBeUndefined();
  expect(registry.ecuType(uidOf(4, 1))?.id).toBe(4);
  expect(registry.supplierSecret("ab", "Prod")).toBeUndefined();
  expect(registry.supplierSecret("cd", "Prod")?.name).toBe("b");
});

test("a type's first master key is authorised by its factory key, without one by its blank-key value", () => {
  const first = (entry: string) =>
    parseRegistry(`suppliers: []\necuTypes: [{ id: 3${entry} }]`)
      .ecuType(fromHex(uid(1)))
      ?.factoryMasterKey.use((key) => Buffer.from(key).toString("hex"));
  const ones = "f".repeat(32);
  expect(first("")).toBe("0".repeat(32));
  expect(first(`, blankKey: "${ones}"`)).toBe(ones);
  expect(first(`, blankKey: "${ones}", factoryMasterKey: "${KEY}"`)).toBe(KEY);
});
