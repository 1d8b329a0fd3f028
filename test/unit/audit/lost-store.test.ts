import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { headFile } from "../../../src/audit/head-file.js";
import { openDatabase } from "../../../src/db/database.js";
import { inlineStores, type StoreDefinition, type StoreSource } from "../../../src/db/store.js";
import { recordsSource } from "../../../src/records/store.js";
import { kmsStore } from "../../../src/servers/kms/store/store.js";
import { store as vpki } from "../../../src/servers/vpki/store/store.js";

const SOURCES: Record<string, StoreSource<StoreDefinition>> = {
  records: recordsSource,
  kms: kmsStore,
  vpki: { definition: vpki, module: new URL("file:///vpki") },
};

const folders: string[] = [];
let file = "";
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "lost-store-"));
  folders.push(folder);
  file = join(folder, "store.sqlite");
});
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

async function opened(source: StoreSource<StoreDefinition>): Promise<void> {
  const stores = inlineStores();
  await stores.open(source, file).finally(() => stores.close());
}

async function removeStore(): Promise<void> {
  for (const end of ["", "-wal", "-shm"]) await rm(`${file}${end}`, { force: true });
}

describe.each(Object.entries(SOURCES))("the %s store", (_, source) => {
  const lost = () => ({ code: "STORE_LOST", details: { store: file, head: headFile(file) } });

  it("does not begin anew where its file is gone and its head is there, and makes no file", async () => {
    await opened(source);
    await removeStore();
    await expect(opened(source)).rejects.toMatchObject(lost());
    await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("does not begin anew where its file was cut to nothing, and leaves it so", async () => {
    await opened(source);
    await removeStore();
    await writeFile(file, "");
    await expect(opened(source)).rejects.toMatchObject(lost());
    expect((await readFile(file)).length).toBe(0);
  });

  it("does not begin anew where nothing but an empty database is left of it", async () => {
    await opened(source);
    await removeStore();
    openDatabase(file).close();
    await expect(opened(source)).rejects.toMatchObject(lost());
  });

  it("begins anew where the head is gone, too", async () => {
    await opened(source);
    await removeStore();
    await rm(headFile(file));
    await opened(source);
    await opened(source);
  });

  it("goes on where a crash has left the store without its head, or before its tables", async () => {
    await opened(source);
    await rm(headFile(file));
    await opened(source);
    await removeStore();
    await rm(headFile(file));
    openDatabase(file).close();
    await opened(source);
  });
});
