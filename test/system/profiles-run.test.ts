import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileFlash } from "../../firmware-sim/flash/file.js";
import { loadProfile } from "../../src/profiles/loader.js";
import type { RunRecord } from "../../src/station/ports.js";
import { EVCC, externalConfig, recordOf, rows, vpkiFile } from "./cases.js";
import { root, run, type Servers, startEcu, startServers, tempFolder } from "./harness.js";

const HOST = "CCU-KM8P284400";
/** What each run is given; the other inputs are the profile's defaults. */
const UNITS = [
  { name: "ccu", args: ["--vin", EVCC.vin, "--set", `hostName=${HOST}`] },
  { name: "body-she", args: ["--vin", EVCC.vin] },
] as const;

/** What the simulated ECU keeps in its flash file. */
interface Flash {
  readonly ecuId: string;
  readonly vin: string | null;
  readonly locked: boolean;
  readonly slots: readonly { readonly leaf?: string; readonly issuers: string[]; readonly anchors: string[] }[];
  readonly she: { readonly keys: readonly { slot: number; key: string; counter: number; flags: number }[] };
}

interface Ran {
  readonly record: RunRecord;
  readonly code: number | null;
  readonly stdout: string;
  readonly flash: Flash;
}

const home = tempFolder("servers");
const ran = new Map<string, Ran>();
let servers: Servers;

function profileOf(name: string) {
  const file = join(root, "hw-profiles", `${name}.yaml`);
  return loadProfile(readFileSync(file, "utf8"), file).profile;
}

beforeAll(async () => {
  servers = await startServers(["--data", home]);
  const config = externalConfig(servers, home, {});
  for (const { name, args } of UNITS) {
    const state = join(tempFolder(), "unit.flash");
    const ecu = await startEcu(name, ["--state", state]);
    const station = ["--link", ecu.url, "--data", tempFolder(), "--config", config, "--json"];
    const done = await run("ecustation", ["run", "--profile", name, ...args, ...station]);
    await ecu.kill();
    const image = await fileFlash(state).load();
    const flash = JSON.parse(Buffer.from(image ?? []).toString("utf8")) as Flash;
    ran.set(name, { record: recordOf(done), code: done.code, stdout: done.stdout, flash });
  }
});
afterAll(() => servers?.stop());

function resultOf(name: string): Ran {
  const found = ran.get(name);
  if (found === undefined) throw new Error(`no run of ${name}`);
  return found;
}

describe.each(UNITS)("the $name profile", ({ name }) => {
  const profile = profileOf(name);

  it("passes, every step of its plan done", () => {
    const { record, code } = resultOf(name);
    expect([record.outcome, record.failure, record.owed, code]).toEqual(["PASS", undefined, 0, 0]);
    expect(record.steps.map(({ step }) => step)).toEqual(record.header.plan);
    const planned = record.header.plan.filter((step) => step.startsWith("key:") || step.startsWith("cert:"));
    expect(planned).toEqual([
      ...profile.certificates.map((certificate) => `cert:${certificate.name}`),
      ...profile.keys.map((key) => `key:${key.name}`),
    ]);
    expect(record.steps.every(({ state }) => state === "done")).toBe(true);
  });

  it("leaves its keys in its slots with its flags, and names none of them in the record", () => {
    const { flash, stdout } = resultOf(name);
    const held = flash.she.keys.map(({ slot, counter, flags }) => ({ slot, counter, flags }));
    const wanted = profile.keys.map(({ slot, flags }) => ({ slot, counter: 1, flags }));
    expect(held.sort((a, b) => a.slot - b.slot)).toEqual(wanted.sort((a, b) => a.slot - b.slot));
    expect(new Set(flash.she.keys.map(({ key }) => key)).size).toBe(profile.keys.length);
    for (const { key } of flash.she.keys) expect(stdout.toLowerCase()).not.toContain(key);
  });

  it("leaves the VIN and the lock", () => {
    const { flash, record } = resultOf(name);
    expect(flash).toMatchObject({ vin: EVCC.vin, locked: true, ecuId: record.identity?.ecuId });
    const state = { lifeCycle: "locked", keySlots: bits(profile.keys), certificateSlots: bits(profile.certificates) };
    expect(record.identity?.state).toEqual(state);
  });
});

describe("the ccu profile's certificates", () => {
  it.each(profileOf("ccu").certificates)("$name is in its slot with its subject, its curve and its chain", (wanted) => {
    const { flash, record } = resultOf("ccu");
    const slot = flash.slots[wanted.slot];
    const leaf = certificate(slot?.leaf ?? "");
    const subject = ["C=KR", "O=HKMC", "OU=ECC", "OU=C001", "OU=P001", `CN=${HOST}`];
    expect(leaf.subject.split("\n")).toEqual(subject);
    const curve = wanted.type === "ccu-sha256" ? "prime256v1" : "secp521r1";
    expect(leaf.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: curve });

    const [issuer] = (slot?.issuers ?? []).map(certificate);
    const [root] = (slot?.anchors ?? []).map(certificate);
    if (issuer === undefined || root === undefined) throw new Error("the slot has no chain");
    expect(leaf.verify(issuer.publicKey)).toBe(true);
    expect(issuer.verify(root.publicKey)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);

    const facts = record.steps.find(({ step }) => step === `cert:${wanted.name}`)?.facts;
    const issued = rows<{ serial: string }>(vpkiFile(home), "SELECT serial FROM certificates");
    expect(issued.map(({ serial }) => serial)).toContain(facts?.serial);
    expect(leaf.serialNumber.toLowerCase()).toBe(String(facts?.serial).toLowerCase());
  });
});

describe("two ECUs of one SecOC cluster", () => {
  it("hold the same key in each of its slots, and master keys of their own", () => {
    const [ccu, body] = ["ccu", "body-she"].map((name) => resultOf(name).flash.she.keys);
    const keyIn = (keys: Flash["she"]["keys"] | undefined, slot: number) =>
      keys?.find((entry) => entry.slot === slot)?.key;
    for (let slot = 4; slot <= 0xc; slot++) {
      expect(keyIn(body, slot)).toMatch(/^[0-9a-f]{32}$/);
      expect(keyIn(body, slot)).toBe(keyIn(ccu, slot));
    }
    expect(keyIn(body, 1)).not.toBe(keyIn(ccu, 1));
  });
});

function certificate(base64: string): X509Certificate {
  return new X509Certificate(Buffer.from(base64, "base64"));
}

/** Bit map of slots. */
function bits(entries: readonly { readonly slot: number }[]): number {
  return entries.reduce((map, { slot }) => map | (1 << slot), 0);
}
