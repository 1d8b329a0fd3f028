import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openDatabase } from "../../../../src/db/database.js";
import { type Bench, type BenchOptions, masterPost, openKms, REGISTRY } from "./helpers.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "kms-registry-"));
  folders.push(made);
  return made;
}

async function open(dir: string, registry: string, registryFrom?: "file" | "store"): Promise<Bench> {
  const config = registryFrom === undefined ? {} : { registryFrom };
  const options: BenchOptions = { dir, registry, onDisk: true, config };
  return openKms(options);
}

const message = async (bench: Bench) => (await bench.send("POST", "key", masterPost())).body.ResultMessage;
const OTHER = "suppliers: []\necuTypes: []";
const UNKNOWN = "The SupplierID is not registerd.";

async function sql<T extends object>(dir: string, text: string): Promise<T[]> {
  const db = openDatabase(join(dir, "kms.sqlite"));
  try {
    return await db.all<T>(text);
  } finally {
    db.close();
  }
}

test("the file seeds a store that has no registry, once; another file later changes nothing of it", async () => {
  const dir = folder();
  const first = await open(dir, REGISTRY, "store");
  expect(await message(first)).toBe("");
  await first.app.close();
  const second = await open(dir, OTHER);
  expect(await message(second)).toBe("");
  await second.app.close();
  const seeded = await sql<{ details: string }>(dir, "SELECT details FROM audit WHERE action = 'seed registry'");
  expect(seeded.map(({ details }) => JSON.parse(details))).toEqual([{ suppliers: 1, ecuTypes: 1, supplierSecrets: 2 }]);
});

test("a store that has a registry stays the truth without a setting and without a user, else the file is", async () => {
  const dir = folder();
  const never = await open(dir, OTHER);
  expect(await message(never)).toBe(UNKNOWN);
  await never.app.close();
  await (await open(dir, REGISTRY, "store")).app.close();
  const later = await open(dir, OTHER);
  expect(await message(later)).toBe("");
  await later.app.close();
});

test("the file is the truth again where the configuration says so, and the store's registry stays", async () => {
  const dir = folder();
  await (await open(dir, REGISTRY, "store")).app.close();
  const fromFile = await open(dir, OTHER, "file");
  expect(await message(fromFile)).toBe(UNKNOWN);
  await fromFile.app.close();
  const fromStore = await open(dir, OTHER);
  expect(await message(fromStore)).toBe("");
  await fromStore.app.close();
});

test("phase, UID layout and single ECUs are the file's with the store as the truth, too", async () => {
  const dir = folder();
  await (await open(dir, REGISTRY, "store")).app.close();
  const layout = `${OTHER}\nuidLayout: { supplierId: { offset: 0, length: 2 }, ecuType: { offset: 2, length: 2 } }`;
  const bench = await open(dir, layout);
  expect(await message(bench)).toBe(UNKNOWN);
  await bench.app.close();
});

test("a single ECU of the file whose supplier the store lacks is a mistake that is told at the start", async () => {
  const dir = folder();
  await (await open(dir, OTHER, "store")).app.close();
  const withEcu = `${REGISTRY}ecus: [{ uid: "000300010000000000000000000001" }]`;
  await expect(open(dir, withEcu)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(
      "ecus[0] of the registry file is of a supplier or type that the registry in the store lacks",
    ),
  });
});

test("an entry that was changed in the store, or put in another's place, ends the start", async () => {
  const dir = folder();
  await (
    await open(dir, `${REGISTRY}`.replace("[{ id: 0x0001 }]", "[{ id: 0x0001 }, { id: 0x0002 }]"), "store")
  ).app.close();
  const db = openDatabase(join(dir, "kms.sqlite"));
  await db.run("UPDATE registry SET sealed = (SELECT sealed FROM registry WHERE id = '0x0002') WHERE id = '0x0001'");
  db.close();
  await expect(open(dir, REGISTRY)).rejects.toMatchObject({ code: "STORE_FAILED" });
});
