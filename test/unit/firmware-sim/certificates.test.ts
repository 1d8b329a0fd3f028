import { createPublicKey, verify } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../src/shared/bytes.js";
import { Authority, NOW, readCsr, strangeCsr } from "./authority.js";
import { Bench, type BenchOptions, hex2, len2 } from "./bench.js";

/** DC=OEM, O=HKMC, CN=KM8TEST */
const NAME =
  "303631133011060a0992268993f22c64011916034f454d310d300b060355040a0c04484b4d433110300e06035504030c074b4d3854455354";
/** 1.3.6.1.1.1.1.18 = UTF8String "17". */
const DEVICE = "300f06072b06010101011231040c023137";
/** challengePassword "Test!" as IA5String. */
const PASSWORD = "301406092a864886f70d010907310716055465737421";

let bench: Bench;
let root: Authority;
let issuing: Authority;
let root521: Authority;

beforeAll(async () => {
  root = await Authority.root("CN=Root");
  issuing = await root.subordinate("CN=Issuing");
  root521 = await Authority.root("CN=Root 521", "P-521");
});
afterEach(() => bench.close());

async function started(options: BenchOptions = {}): Promise<void> {
  bench = await Bench.start(options);
  await bench.unlock();
  await setClock(NOW);
}

async function setClock(ms: number): Promise<void> {
  await bench.expect(`2ef1b0${(ms / 1000).toString(16).padStart(16, "0")}`, "6ef1b0");
}

const makeKeyPair = (slot: number, curve: number, name = NAME, attributes = "") =>
  bench.ask(`31010220${hex2(slot)}${hex2(curve)}${len2(name)}${name}${len2(attributes)}${attributes}`);

async function csrOf(slot: number): Promise<Uint8Array> {
  const did = `f1${hex2(0xd0 + slot)}`;
  const answer = await bench.ask(`22${did}`);
  expect(answer.startsWith(`62${did}30`)).toBe(true);
  return fromHex(answer.slice(6));
}

async function newCsr(slot = 0, curve = 1): Promise<Uint8Array> {
  expect(await makeKeyPair(slot, curve)).toBe("7101022000");
  return csrOf(slot);
}

/** Slot 0 with issuing CA, anchor and a leaf; the leaf. */
async function provisioned(): Promise<Uint8Array> {
  await started();
  const leaf = await issuing.leaf(await newCsr());
  expect(await bench.install(0, 2, issuing.der)).toBe("00");
  expect(await bench.install(0, 3, root.der)).toBe("00");
  expect(await bench.install(0, 1, leaf)).toBe("00");
  return leaf;
}

const CHALLENGE = "5a".repeat(32);

async function expectProof(slot: number, publicKey: ArrayBuffer, hash: string): Promise<void> {
  const answer = await bench.ask(`31010222${hex2(slot)}${CHALLENGE}`);
  expect(answer.slice(0, 10)).toBe("7101022200");
  const signature = answer.slice(14);
  expect(answer.slice(10, 14)).toBe(len2(signature));
  const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  expect(verify(hash, fromHex(CHALLENGE), key, fromHex(signature))).toBe(true);
}

describe("make key pair and CSR (0220)", () => {
  it.each([
    [1, "P-256", "SHA-256"],
    [2, "P-521", "SHA-512"],
  ])(
    "makes a request on curve %s with subject and attributes as given, after at least one 0x78",
    async (curve, name, hash) => {
      await started();
      expect(await makeKeyPair(7, curve, NAME, DEVICE)).toBe("7101022000");
      expect(bench.heard[0]).toBe("7f3178");
      const der = await csrOf(7);
      expect(toHex(der)).toContain(NAME);
      expect(toHex(der)).toContain(`a011${DEVICE}`);
      const csr = await readCsr(der);
      expect(csr.verified).toBe(true);
      expect(csr.algorithm).toMatchObject({ name: "ECDSA", hash: { name: hash } });
      expect(csr.publicKey.algorithm).toMatchObject({ namedCurve: name });
      expect(csr.attributes).toEqual(["1.3.6.1.1.1.1.18"]);
    },
  );

  it("carries several attributes as they came, IA5String too", async () => {
    await started();
    expect(await makeKeyPair(0, 1, NAME, PASSWORD + DEVICE)).toBe("7101022000");
    expect(toHex(await csrOf(0))).toContain(`a027${PASSWORD}${DEVICE}`);
  });

  it("writes A0 00 where there are no attributes", async () => {
    await started();
    const der = toHex(await newCsr());
    // Behind the uncompressed point on P-256, before the signature algorithm.
    expect(der).toMatch(/^3081..3081..020100.*034200(04.{128})a000300a06082a8648ce3d040302/);
  });

  it("answers the suppressed start too, since a 0x78 went before", async () => {
    await started();
    const request = `318102200001${len2(NAME)}${NAME}0000`;
    expect(await bench.ask(request)).toBe("7101022000");
    expect(bench.heard[0]).toBe("7f3178");
  });

  it.each([
    ["a slot beyond 7", 8, 1, NAME, "", "05"],
    ["curve 0", 0, 0, NAME, "", "06"],
    ["curve 3", 0, 3, NAME, "", "06"],
    ["an empty name", 0, 1, "", "", "01"],
    ["a name that is cut", 0, 1, `3037${NAME.slice(4)}`, "", "01"],
    ["bytes behind the name", 0, 1, `${NAME}00`, "", "01"],
    ["a name that is no sequence of sets", 0, 1, "3003020101", "", "01"],
    ["attributes with their tag", 0, 1, NAME, `a016${PASSWORD}`, "01"],
    ["attributes that are cut", 0, 1, NAME, PASSWORD.slice(0, -2), "01"],
  ])("answers %s with its status and keeps what was there", async (_, slot, curve, name, attributes, status) => {
    await started();
    const before = toHex(await newCsr());
    expect(await makeKeyPair(slot, curve, name, attributes)).toBe(`71010220${status}`);
    expect(toHex(await csrOf(0))).toBe(before);
  });

  it.each(["", "00", "0001", "00010000", "0001000000", "000100010000", "00010000000100aa", "0001ffff0000"])(
    "refuses lengths that do not add up with 13: %s",
    async (record) => {
      await started();
      expect(await bench.ask(`31010220${record}`)).toBe("7f3113");
    },
  );

  it("replaces the waiting pair and the request", async () => {
    await started();
    const first = await newCsr();
    const second = await newCsr();
    expect(toHex(second)).not.toBe(toHex(first));
    await bench.install(0, 3, issuing.der);
    expect(await bench.install(0, 1, await issuing.leaf(first))).toBe("02");
    expect(await bench.install(0, 1, await issuing.leaf(second))).toBe("00");
  });
});

describe("install certificate (0221)", () => {
  it("installs issuing CA, anchor and leaf, shows them and proves the key", async () => {
    const leaf = await provisioned();
    expect(await bench.ask("22f1c0")).toBe(`62f1c0${toHex(leaf)}`);
    expect(await bench.ask("22f1a2")).toBe("62f1a200000001");
    await expectProof(0, (await readCsr(await csrOf(0))).publicKey.rawData, "sha256");
  });

  it("takes a P-521 leaf with critical key identifiers in slot 7, anchor alone, CAs in either order", async () => {
    await started();
    const csr = await newCsr(7, 2);
    expect(await bench.install(7, 3, root521.der)).toBe("00");
    expect(await bench.install(7, 2, issuing.der, root.der)).toBe("00");
    expect(await bench.install(7, 1, await root521.leaf(csr, {}, true))).toBe("00");
    expect(await bench.ask("22f1a2")).toBe("62f1a200000080");
    await expectProof(7, (await readCsr(csr)).publicKey.rawData, "sha512");
  });

  it("answers the same leaf again with 00, and an installation repeated without a download", async () => {
    await provisioned();
    expect(await bench.ask("310102210001")).toBe("7101022100");
    expect(await bench.ask("310102210001")).toBe("7101022100");
  });

  it("takes another leaf for the key in use while a new pair waits, and keeps that pair", async () => {
    await provisioned();
    const inUse = await csrOf(0);
    const waiting = await newCsr();
    expect(await bench.install(0, 1, await issuing.leaf(inUse))).toBe("00");
    await expectProof(0, (await readCsr(inUse)).publicKey.rawData, "sha256");
    expect(await bench.install(0, 1, await issuing.leaf(waiting))).toBe("00");
    await expectProof(0, (await readCsr(waiting)).publicKey.rawData, "sha256");
    expect(await bench.install(0, 1, await issuing.leaf(inUse))).toBe("02");
  });

  it("keeps key, leaf and proof while a new key pair waits", async () => {
    const leaf = await provisioned();
    const before = await csrOf(0);
    await newCsr(0, 2);
    expect(await bench.ask("22f1c0")).toBe(`62f1c0${toHex(leaf)}`);
    await expectProof(0, (await readCsr(before)).publicKey.rawData, "sha256");
  });

  it("answers 01 where nothing was downloaded or it is no certificate", async () => {
    await started();
    expect(await bench.ask("310102210001")).toBe("7101022101");
    expect(await bench.install(0, 1, fromHex("3003020101"))).toBe("01");
    const leaf = await issuing.leaf(await newCsr());
    expect(await bench.install(0, 1, leaf.slice(0, -1))).toBe("01");
    expect(await bench.install(0, 1, leaf, leaf)).toBe("01");
    expect(await bench.install(0, 2, issuing.der, fromHex("00"))).toBe("01");
  });

  it("keeps the download until the next one or a reset", async () => {
    await started();
    await bench.download(issuing.der);
    expect(await bench.ask("310102210002")).toBe("7101022100");
    expect(await bench.ask("310102210103")).toBe("7101022100");
    await bench.ask("1001");
    await bench.unlock();
    expect(await bench.ask("310102210203")).toBe("7101022100");
    await bench.expect("3400441000000000000010", "74200ffe");
    expect(await bench.ask("310102210203")).toBe("7101022101");
    await bench.download(issuing.der);
    await bench.ask("1101");
    await bench.clock.advance(500);
    await bench.unlock();
    expect(await bench.ask("310102210203")).toBe("7101022101");
  });

  it("answers 02 to a leaf for another key, also where the slot has none", async () => {
    await started();
    const strange = await issuing.leaf(await strangeCsr("CN=Strange"));
    expect(await bench.install(0, 1, strange)).toBe("02");
    await newCsr();
    expect(await bench.install(0, 1, strange)).toBe("02");
    expect(await bench.ask("22f1c0")).toBe("7f2231");
  });

  it("answers 03 without a path to an anchor", async () => {
    await started();
    const leaf = await issuing.leaf(await newCsr());
    expect(await bench.install(0, 1, leaf)).toBe("03");
    await bench.install(0, 3, root.der);
    expect(await bench.install(0, 1, leaf)).toBe("03");
    await bench.install(0, 2, issuing.der);
    await bench.install(0, 3, root521.der);
    expect(await bench.install(0, 1, leaf)).toBe("03");
    const impostor = await root.subordinate("CN=Issuing");
    await bench.install(0, 3, root.der);
    await bench.install(0, 2, impostor.der);
    expect(await bench.install(0, 1, leaf)).toBe("03");
    await bench.install(0, 2, issuing.der);
    expect(await bench.install(0, 1, leaf)).toBe("00");
  });

  it("answers 04 to a path of which any certificate is not valid by F1B0", async () => {
    await started();
    const csr = await newCsr();
    const late = { notBefore: NOW + 1_000_000 };
    const over = { notAfter: NOW - 1_000 };
    await bench.install(0, 2, issuing.der);
    await bench.install(0, 3, root.der);
    expect(await bench.install(0, 1, await issuing.leaf(csr, late))).toBe("04");
    expect(await bench.install(0, 1, await issuing.leaf(csr, over))).toBe("04");
    const leaf = await issuing.leaf(csr);
    await setClock(Date.UTC(2010, 0, 1));
    expect(await bench.install(0, 1, leaf)).toBe("04");
    await bench.ask("2ef1b0ffffffffffffffff");
    expect(await bench.install(0, 1, leaf)).toBe("04");
    await setClock(NOW);
    const oldRoot = await Authority.root("CN=Old", "P-256", over);
    await bench.install(0, 3, oldRoot.der);
    expect(await bench.install(0, 1, await oldRoot.leaf(csr))).toBe("04");
    await bench.install(0, 3, root.der);
    expect(await bench.install(0, 1, leaf)).toBe("00");
  });

  it("answers 05 to a slot beyond 7 and 06 to another type", async () => {
    await started();
    expect(await bench.install(8, 2, issuing.der)).toBe("05");
    expect(await bench.install(0, 0, issuing.der)).toBe("06");
    expect(await bench.install(0, 4, issuing.der)).toBe("06");
  });

  it("answers 06 to a CA as leaf and to a leaf as CA", async () => {
    await started();
    const leaf = await issuing.leaf(await newCsr());
    expect(await bench.install(0, 1, issuing.der)).toBe("06");
    expect(await bench.install(0, 2, leaf)).toBe("06");
    expect(await bench.install(0, 2, issuing.der, leaf)).toBe("06");
    expect(await bench.install(0, 3, leaf)).toBe("06");
  });

  it("replaces a slot's set of CAs, not another slot's, and a refused one changes nothing", async () => {
    const leaf = await provisioned();
    expect(await bench.install(1, 3, root521.der)).toBe("00");
    expect(await bench.install(0, 3, leaf)).toBe("06");
    expect(await bench.install(0, 1, leaf)).toBe("00");
    expect(await bench.install(0, 3, root521.der)).toBe("00");
    expect(await bench.install(0, 1, leaf)).toBe("03");
    expect(await bench.ask("22f1c0")).toBe(`62f1c0${toHex(leaf)}`);
  });

  it("refuses other lengths with 13", async () => {
    await started();
    expect(await bench.ask("3101022100")).toBe("7f3113");
    expect(await bench.ask("31010221000100")).toBe("7f3113");
    expect(await bench.ask("310302210001")).toBe("7f3112");
  });
});

describe("prove possession (0222)", () => {
  it("answers 05 where the slot holds no leaf or is none, and 13 to another length", async () => {
    await started();
    await newCsr();
    expect(await bench.ask(`3101022200${CHALLENGE}`)).toBe("7101022205");
    expect(await bench.ask(`3101022208${CHALLENGE}`)).toBe("7101022205");
    expect(await bench.ask(`31010222ff${CHALLENGE}`)).toBe("7101022205");
    expect(await bench.ask(`3101022200${CHALLENGE}00`)).toBe("7f3113");
    expect(await bench.ask("3101022200")).toBe("7f3113");
  });
});

describe("what stays", () => {
  it("is there after a reset and a power cut: key pair, waiting pair, request, certificates, CAs", async () => {
    const leaf = await provisioned();
    const inUse = (await readCsr(await csrOf(0))).publicKey.rawData;
    const waiting = await newCsr();
    for (const restart of [() => bench.ask("1101"), () => bench.powerCycle()]) {
      await restart();
      await bench.clock.advance(500);
      expect(await bench.ask("22f1c0")).toBe(`62f1c0${toHex(leaf)}`);
      expect(toHex(await csrOf(0))).toBe(toHex(waiting));
      expect(await bench.ask("22f1a2")).toBe("62f1a200000001");
      await bench.unlock();
      await expectProof(0, inUse, "sha256");
    }
    expect(await bench.install(0, 1, await issuing.leaf(waiting))).toBe("00");
    await expectProof(0, (await readCsr(waiting)).publicKey.rawData, "sha256");
  });
});
