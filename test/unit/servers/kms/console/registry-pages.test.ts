import { afterEach, expect, test } from "vitest";
import { KMS_PATHS } from "../../../../../src/contract/kms.js";
import { masterPost, SECRET, secOcPost } from "../helpers.js";
import { type Browser, type ConsoleBench, formOf, openConsoleBench, type Page } from "./helpers.js";

const opened: ConsoleBench[] = [];
const open: typeof openConsoleBench = async (options) => {
  const bench = await openConsoleBench(options);
  opened.push(bench);
  return bench;
};
afterEach(async () => {
  for (const bench of opened.splice(0).reverse()) await bench.close();
});

/** `ResultMessage` of a POST to the KMS. */
async function kms({ app }: ConsoleBench, body: object): Promise<string> {
  const answer = await app.inject({ method: "POST", url: KMS_PATHS.key, payload: body });
  const { ResultStatus, ResultMessage } = answer.json() as { ResultStatus: string; ResultMessage: string };
  return ResultStatus === "Success" ? ResultStatus : ResultMessage;
}

const TYPED = "0123456789abcdef00112233445566ff";
const ofSupplier = (supplier: string) => ({
  ...masterPost(),
  EcuID: `${"0".repeat(24)}0003${supplier}${"0".repeat(21)}1`,
});

/** Presses Disable or Enable on the page of an entry. */
async function flip(browser: Browser, url: string): Promise<Page> {
  const { text } = await browser.get(url);
  const [, action = "", content = ""] = /<form method="post" action="([^"]*\/state)">(.*?)<\/form>/s.exec(text) ?? [];
  const fields = Object.fromEntries(
    [...content.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value ?? ""]),
  );
  return browser.post(action, fields);
}

test("a supplier that is added is served at once; disabled, it is answered as unregistered; enabled, served again", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  expect(await kms(bench, ofSupplier("0777"))).toBe("The SupplierID is not registerd.");
  const added = await browser.submit("/console/suppliers/new", { id: "0x0777", name: "Hanbit 전자" });
  expect([added.status, added.location]).toEqual([303, "/console/suppliers?saved"]);
  expect((await browser.get(added.location)).text).toContain("Hanbit 전자");
  expect(await kms(bench, ofSupplier("0777"))).toBe("Success");
  expect((await flip(browser, "/console/suppliers/entry?id=0x0777")).status).toBe(303);
  expect(await kms(bench, ofSupplier("0777"))).toBe("The SupplierID is not registerd.");
  expect((await browser.get("/console/suppliers")).text).toContain("disabled");
  await flip(browser, "/console/suppliers/entry?id=0x0777");
  expect(await kms(bench, ofSupplier("0777"))).toBe("Success");
});

test("an ECU type takes slots, flags, bank and first key from its form, and a disabled one is unregistered", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const added = await browser.submit("/console/ecu-types/new", {
    ...{ id: "119", name: "BCM", delivery: "factory", factoryMasterKey: TYPED, flagBits: "6", bank: "2" },
    ...{ "slot.4": "5", "slot.5": "4", "flags.4": ["16", "2"], verifyOnly: ["4"] },
  });
  expect(added.status).toBe(303);
  const body = { ...masterPost(), EcuID: `${"0".repeat(24)}00770001${"0".repeat(21)}1` };
  expect(await kms(bench, body)).toBe("Success");
  const { values } = formOf((await browser.get("/console/ecu-types/entry?id=0x0077")).text, "entry");
  expect(values).toMatchObject({
    ...{ id: ["0x0077"], name: ["BCM"], delivery: ["factory"], factoryMasterKey: [""], flagBits: ["6"], bank: ["2"] },
    ...{
      "slot.4": ["5"],
      "slot.5": ["4"],
      "slot.6": ["6"],
      "flags.4": ["16", "2"],
      "flags.1": ["8", "4", "1"],
      verifyOnly: ["4"],
    },
  });
  await flip(browser, "/console/ecu-types/entry?id=0x0077");
  expect(await kms(bench, body)).toBe("The EcuType is not registerd.");
});

test("a supplier secret is registered, replaced and disabled without ever being shown", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const asks = (secret: string) => kms(bench, { ...secOcPost(), SupplierSecretKey: secret });
  const unknown = "The SupplierSecretKey:[] is not registerd.";
  expect((await browser.submit("/console/secrets/new", { name: "cluster b", value: TYPED })).status).toBe(303);
  expect(await asks(TYPED.toUpperCase())).toBe("Success");
  const page = (await browser.get("/console/secrets/entry?id=cluster+b")).text;
  expect(page).toMatch(/Check value <code>[0-9a-f]{8}<\/code>/);
  await browser.submit("/console/secrets/entry?id=cluster+b", { phases: ["Dev"] });
  expect(await asks(TYPED)).toBe(unknown);
  await browser.submit("/console/secrets/entry?id=cluster+b", { phases: ["Prod"], value: "another secret" });
  expect([await asks(TYPED), await asks("another secret")]).toEqual([unknown, "Success"]);
  await flip(browser, "/console/secrets/entry?id=cluster+b");
  expect(await asks("another secret")).toBe(unknown);
});

test("a secret field that is left empty keeps the stored secret", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  await browser.submit("/console/secrets/entry?id=cluster", { phases: ["Prod"] });
  expect(await kms(bench, secOcPost())).toBe("Success");
});

test("mistakes are told where they are, and nothing that was typed is lost, not even a secret that is not shown", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const typed = {
    id: "12x",
    name: 'a <b> & "c"',
    delivery: "factory",
    factoryMasterKey: TYPED,
    blankKey: "ff",
    bank: "3",
    "slot.4": "g",
    "flags.6": ["16"],
  };
  const wrong = await browser.submit("/console/ecu-types/new", typed);
  expect(wrong.status).toBe(422);
  expect(wrong.text).toContain("3 to put right:");
  expect(wrong.text).toContain(
    '<p class="error" id="id-error">Number: expected a number, decimal or as 0x1D, of at most 6 bytes.</p>',
  );
  expect(wrong.text).toContain("Blank-key value: expected 32 hex digits, got 2 characters.");
  expect(wrong.text).toContain("Slot of KeyID 4: expected one hex digit.");
  expect(wrong.text).not.toContain(TYPED);
  expect(formOf(wrong.text, "entry").values).toMatchObject({
    ...Object.fromEntries(Object.entries(typed).map(([name, value]) => [name, [value].flat()])),
    factoryMasterKey: [""],
  });
  const right = await browser.resubmit(wrong, { id: "0x12", blankKey: "f".repeat(32), "slot.4": "4" });
  expect(right.status).toBe(303);
  expect((await browser.get("/console/ecu-types/entry?id=0x0012")).text).toContain("Check value");
});

test.each([
  ["suppliers/new", { id: "1" }, "Number: another entry has it already."],
  ["suppliers/new", { id: "0x1000000000000" }, "Number: expected a number"],
  ["suppliers/new", { id: "7", name: "x".repeat(201) }, "Name: expected at most 200 characters"],
  ["ecu-types/new", { id: "7", "slot.4": "5" }, "KeyIDs 4 and 5 share slot 5."],
  ["ecu-types/new", { id: "7", verifyOnly: ["4"] }, "VERIFY_ONLY needs 6 flag bits."],
  ["ecu-types/new", { id: "7", delivery: "factory" }, "Factory master key: is missing."],
  ["ecu-types/new", { id: "7", bank: "9" }, "Bank of the keys: is none of the choices."],
  ["secrets/new", { name: "n", value: SECRET.toUpperCase() }, "SupplierSecretKey: another entry has it already."],
  ["secrets/new", { name: "n" }, "SupplierSecretKey: is missing."],
  ["secrets/new", { value: "v" }, "Name: is missing."],
  ["secrets/new", { name: "n", value: "v", phases: [] }, "Shared for: expected Prod, Dev or both."],
])("%s with %j is refused in one line", async (path, fields, expected) => {
  const bench = await open();
  const browser = await bench.signedIn();
  const answer = await browser.submit(`/console/${path}`, fields);
  expect(answer.status).toBe(422);
  expect(answer.text).toContain(expected);
});

test("of two who change one entry the second is told who was first, and keeps what was typed", async () => {
  const bench = await open();
  const [kim, lee] = [await bench.signedIn("kim"), await bench.signedIn("lee")];
  const url = "/console/suppliers/entry?id=0x0001";
  const [first, second] = [await kim.get(url), await lee.get(url)];
  expect((await kim.resubmit(first, { name: "of kim" })).status).toBe(303);
  const conflict = await lee.resubmit(second, { name: "of lee" });
  expect(conflict.status).toBe(409);
  expect(conflict.text).toMatch(/kim changed this entry at \d{4}-/);
  expect(formOf(conflict.text, "entry").values.name).toEqual(["of lee"]);
  expect((await kim.get("/console/suppliers")).text).toContain("of kim");
  expect((await lee.resubmit(conflict, {})).status).toBe(303);
  expect((await kim.get("/console/suppliers")).text).toContain("of lee");
});

test("a mistake in between does not hide that somebody else has changed the entry", async () => {
  const bench = await open();
  const [kim, lee] = [await bench.signedIn("kim"), await bench.signedIn("lee")];
  const second = await lee.get("/console/suppliers/entry?id=0x0001");
  await kim.submit("/console/suppliers/entry?id=0x0001", { name: "of kim" });
  const wrong = await lee.resubmit(second, { name: "x".repeat(300) });
  expect(wrong.status).toBe(422);
  expect((await lee.resubmit(wrong, { name: "of lee" })).status).toBe(409);
});

test("an entry that was changed meanwhile is not disabled on an old page", async () => {
  const bench = await open();
  const [kim, lee] = [await bench.signedIn("kim"), await bench.signedIn("lee")];
  const { text } = await lee.get("/console/suppliers/entry?id=0x0001");
  await kim.submit("/console/suppliers/entry?id=0x0001", { name: "of kim" });
  const token = /name="token" value="([^"]+)"/.exec(text)?.[1] ?? "";
  const version = /name="version" value="(\d+)"/.exec(text)?.[1] ?? "";
  const answer = await lee.post("/console/suppliers/state", { token, version, id: "0x0001", enabled: "no" });
  expect([answer.status, answer.text.includes("kim changed this entry")]).toEqual([409, true]);
  expect(await kms(bench, masterPost())).toBe("Success");
});

test("entries of many who add at once are all there, each once", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const added = await Promise.all(
    Array.from({ length: 12 }, (_, i) => browser.submit("/console/suppliers/new", { id: String(100 + (i % 10)) })),
  );
  expect(added.filter(({ status }) => status === 303)).toHaveLength(10);
  expect(added.filter(({ status }) => status === 422)).toHaveLength(2);
});

test("a change is seen by another replica with its next request", async () => {
  const bench = await open();
  const other = await bench.replica();
  opened.push(other);
  expect(await kms(other, ofSupplier("0777"))).toBe("The SupplierID is not registerd.");
  const browser = await bench.signedIn();
  await browser.submit("/console/suppliers/new", { id: "0x0777" });
  expect(await kms(other, ofSupplier("0777"))).toBe("Success");
  await flip(await other.signedIn("lee"), "/console/suppliers/entry?id=0x0777");
  expect(await kms(bench, ofSupplier("0777"))).toBe("The SupplierID is not registerd.");
});

test("names with markup stay text on every page", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  const name = `"><script>alert(1)</script><img src=x onerror='alert(1)'>`;
  await browser.submit("/console/suppliers/new", { id: "0x0777", name });
  await browser.submit("/console/secrets/new", { name: name.slice(0, 60), value: "v" });
  const urls = [
    "suppliers",
    "suppliers/entry?id=0x0777",
    "secrets",
    `secrets/entry?${new URLSearchParams({ id: name.slice(0, 60) })}`,
  ];
  for (const url of urls) {
    const { status, text } = await browser.get(`/console/${url}`);
    expect(status).toBe(200);
    expect(text).toContain("&lt;script&gt;");
    expect(text).not.toMatch(/<script|<img|\sonerror=(?!&)/);
  }
});

test("with the file as the truth the console shows and changes nothing", async () => {
  const bench = await open({ config: { registryFrom: "file" } });
  const browser = await bench.signedIn();
  const list = (await browser.get("/console/suppliers")).text;
  expect(list).toContain("The registry file is the truth here");
  expect(list).not.toContain("/console/suppliers/new");
  const entry = (await browser.get("/console/ecu-types/entry?id=0x0003")).text;
  expect(entry).not.toMatch(/<button class="button/);
  const token = formOf(entry, "entry").values.token?.[0] ?? "";
  expect((await browser.post("/console/suppliers/new", { token, id: "5" })).status).toBe(403);
  expect(
    (await browser.post("/console/suppliers/state", { token, id: "0x0001", version: "0", enabled: "no" })).status,
  ).toBe(403);
  expect(await kms(bench, masterPost())).toBe("Success");
});

test("the language is switched at once, within a form without losing what was typed", async () => {
  const bench = await open();
  const browser = await bench.signedIn();
  expect((await browser.get("/console/suppliers")).text).toContain('<html lang="en">');
  const korean = (await browser.get("/console/suppliers?lang=ko")).text;
  expect(korean).toContain('<html lang="ko">');
  expect(korean).toContain("공급사 추가");
  const form = await browser.get("/console/secrets/new");
  expect(form.text).toContain("공급사 비밀키 추가");
  const switched = await browser.resubmit(form, { name: "half", value: TYPED, lang: "en" });
  expect(switched.text).toContain("Add a supplier secret");
  expect(switched.text).not.toContain(TYPED);
  expect((await browser.resubmit(switched, { name: "whole" })).status).toBe(303);
  expect(await kms(bench, { ...secOcPost(), SupplierSecretKey: TYPED })).toBe("Success");
});
