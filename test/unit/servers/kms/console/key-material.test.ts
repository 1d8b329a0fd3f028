import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KMS_PATHS } from "../../../../../src/contract/kms.js";
import { openDatabase } from "../../../../../src/db/database.js";
import { TABLES } from "../../../../../src/servers/kms/console/language.js";
import { EN } from "../../../../../src/servers/kms/console/texts-en.js";
import { CHALLENGE, ecuId, masterPost, result, secOcPost, supplierPost, uid } from "../helpers.js";
import { type Browser, type ConsoleBench, openConsoleBench } from "./helpers.js";

const KEYS = {
  factory: "f0a1c2d3e4f5a6b7c8d9eaf0b1c2d3e4",
  secret: "5ec0a1b2c3d4e5f60718293a4b5c6d7e",
  cluster: "c1a0b1c2d3e4f5061728394a5b6c7d8e",
  given: "91fe0d1c2b3a495867768594a3b2c1d0",
  master: "3a57e12d4c6b8f90a1b2c3d4e5f60718",
};
const REGISTRY = `
suppliers: [{ id: 1 }]
ecuTypes: [{ id: 3, factoryMasterKey: "${KEYS.factory}" }]
supplierSecrets: [{ name: cluster, value: "${KEYS.secret}", keys: { 4: "${KEYS.cluster}" } }]
ecus: [{ uid: "${uid(1)}", masterKey: "${KEYS.master}", keys: { D: "${KEYS.given}" } }]`;

let bench: ConsoleBench;
let browser: Browser;
const answers: Record<string, string>[] = [];
beforeAll(async () => {
  bench = await openConsoleBench({ registry: REGISTRY });
  browser = await bench.signedIn();
  for (const body of [masterPost(), supplierPost(), { ...secOcPost(), SupplierSecretKey: KEYS.secret }]) {
    const answer = await bench.app.inject({ method: "POST", url: KMS_PATHS.key, payload: body });
    answers.push((answer.json() as { Records: Record<string, string> }).Records);
  }
  const report = { ...result("EcuMasterKey"), ResultMessage: `loaded ${answers[0]?.M3} <b>` };
  await bench.app.inject({ method: "PUT", url: KMS_PATHS.key, payload: report });
  await bench.app.inject({
    method: "PUT",
    url: KMS_PATHS.key,
    payload: result("SupplierSymmKey", 1, "OperationFailed"),
  });
});
afterAll(() => bench.close());

const PATHS = [
  ...["suppliers", "suppliers/new", "suppliers/entry?id=0x0001"],
  ...["ecu-types", "ecu-types/new", "ecu-types/entry?id=0x0003"],
  ...["secrets", "secrets/new", "secrets/entry?id=cluster"],
  ...["ecus", "ecus?phase=Dev", `ecus?uid=${uid(1).slice(0, 9)}`, `ecu?phase=Prod&uid=${uid(1)}`],
];

test("no page has key material: no key, secret, M2 to M5, sync value or challenge, nor any eight bytes of one", async () => {
  const secrets = [
    ...Object.values(KEYS),
    CHALLENGE,
    ...answers.flatMap(({ M2 = "", M3 = "", M4 = "", M5 = "", KeySyncValue = "" }) => [
      M2,
      M3,
      M4.slice(32),
      M5,
      KeySyncValue,
    ]),
  ];
  expect(secrets.filter((text) => text.length >= 32).length).toBeGreaterThan(15);
  for (const path of PATHS) {
    const { status, text } = await browser.get(`/console/${path}`);
    expect(status, path).toBe(200);
    const page = text.toLowerCase();
    for (const secret of secrets)
      for (let at = 0; at + 16 <= secret.length; at += 2) {
        const window = secret.slice(at, at + 16);
        expect(page.includes(window), `${path}: ${secret}`).toBe(false);
        expect(text.includes(Buffer.from(window, "hex").toString("base64").slice(0, 10)), path).toBe(false);
      }
  }
});

test("the ledger says what was issued, when, with which counter, and what came of it", async () => {
  const { text } = await browser.get(`/console/ecu?phase=Prod&uid=${uid(1)}`);
  const cells = text.replace(/<[^>]+>/g, "|").replace(/\|+/g, "|");
  expect(cells).toMatch(/\|1\|0\|1\|BOOT_PROTECTION, DEBUGGER_PROTECTION, WILDCARD\|\s*\|confirmed\|/);
  expect(cells).toMatch(/\|D\|0\|1\|[^|]*\|\s*\|failed\|/);
  expect(cells).toMatch(/\|4\|0\|1\|[^|]*\|\s*\|no result yet\|/);
  expect(cells).toContain("the first key (factory or blank)");
  expect(text).toContain("loaded … &lt;b&gt;");
  expect((await browser.get("/console/ecus")).text).toContain("0003 0001 0000");
});

test("ECUs are found by the first digits of their UID, a page at a time", async () => {
  for (let serial = 2; serial <= 60; serial++)
    await bench.app.inject({ method: "POST", url: KMS_PATHS.key, payload: { ...masterPost(), EcuID: ecuId(serial) } });
  const first = (await browser.get("/console/ecus?uid=0003+0001")).text;
  expect(first.match(/<tr><th scope="row">/g)).toHaveLength(50);
  const next = /href="(\/console\/ecus\?[^"]*after=[^"]*)"/.exec(first)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const second = (await browser.get(next)).text;
  expect(second.match(/<tr><th scope="row">/g)).toHaveLength(10);
  expect(second).not.toContain("Next page");
  expect((await browser.get("/console/ecus?uid=zz")).status).toBe(422);
  expect((await browser.get("/console/ecus?uid=0009")).text).toContain("No key was issued yet");
});

test("the store has no supplier, type or secret in the clear, and the audit log none of their keys", async () => {
  await browser.submit("/console/secrets/new", { name: "second", value: "a typed secret of the plant" });
  await browser.submit("/console/ecu-types/entry?id=0x0003", { name: "BCM", factoryMasterKey: KEYS.given });
  const db = openDatabase(join(bench.dir, "kms.sqlite"));
  const dump = JSON.stringify([await db.all("SELECT * FROM registry"), await db.all("SELECT * FROM audit")]);
  const rows = await db.all<{ action: string; actor: string; subject: string; details: string }>(
    "SELECT action, actor, subject, details FROM audit ORDER BY seq DESC LIMIT 2",
  );
  db.close();
  for (const secret of [...Object.values(KEYS), "a typed secret of the plant"]) expect(dump).not.toContain(secret);
  expect(rows).toEqual([
    {
      ...{ action: "change ecuTypes", actor: "console kim 127.0.0.1", subject: "0x0003" },
      details: JSON.stringify({ factoryMasterKey: "changed", name: { to: "BCM" } }),
    },
    {
      ...{ action: "add supplierSecrets", actor: "console kim 127.0.0.1", subject: "second" },
      details: JSON.stringify({
        name: { to: "second" },
        enabled: { to: true },
        value: "changed",
        phases: { to: ["Prod", "Dev"] },
      }),
    },
  ]);
});

test.each(["ko", "en"] as const)("no page in %s has a text of the other language", async (language) => {
  const other = TABLES[language === "ko" ? "en" : "ko"];
  const own = Object.values(TABLES[language]);
  const foreign = (Object.keys(EN) as (keyof typeof EN)[])
    .flatMap((key) => other[key].split(/\{\d?\}/))
    .map((text) => text.trim())
    .filter((text) => text.length >= 3 && !own.some((mine) => mine.includes(text)));
  for (const path of [...PATHS, "none"]) {
    const { text } = await browser.get(`/console/${path}${path.includes("?") ? "&" : "?"}lang=${language}`);
    const shown = text
      .replace(/<nav class="language".*?<\/nav>/s, "")
      .replace(
        / (?:name|id|class|href|action|for|aria-describedby|aria-labelledby|type|value|autocomplete)="[^"]*"/g,
        "",
      );
    const words = [...shown.matchAll(/>([^<]+)<|aria-label="([^"]*)"/g)].map(([, content, label]) =>
      (content ?? label ?? "").trim(),
    );
    for (const word of words) expect(foreign, `${path}: ${word}`).not.toContain(word);
    expect(words.length).toBeGreaterThan(2);
  }
});
