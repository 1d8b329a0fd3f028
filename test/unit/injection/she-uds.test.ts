import { describe, expect, it } from "vitest";
import { createSheUdsTarget, type SheUdsSession } from "../../../src/injection/she-uds/target.js";
import { fromHex } from "../../../src/shared/bytes.js";

const signal = new AbortController().signal;
const bytes = (hex: string) => fromHex(hex);

function target(session: Partial<SheUdsSession>) {
  return createSheUdsTarget(session as SheUdsSession);
}

const csr = {
  name: "prov",
  slot: 2,
  curve: "P-256",
  subject: bytes("3000"),
  attributes: bytes(""),
} as const;
const update = { m1: bytes("01"), m2: bytes("02"), m3: bytes("03") };

describe("certificates by she-uds", () => {
  it("a CSR is made and then read from its slot", async () => {
    const calls: unknown[] = [];
    const t = target({
      makeKeyPair: async (...args) => {
        calls.push(args.slice(0, 4));
        return { status: "DONE", value: true };
      },
      readCsr: async (slot) => {
        calls.push(slot);
        return bytes("30aa");
      },
    });
    expect(await t.makeCsr(csr, signal)).toEqual(bytes("30aa"));
    expect(calls).toEqual([[2, "P-256", csr.subject, csr.attributes], 2]);
  });

  it("a CSR that was not made is the target's error", async () => {
    const refused = target({ makeKeyPair: async () => ({ status: "WRONG_TYPE", value: undefined }) });
    await expect(refused.makeCsr(csr, signal)).rejects.toMatchObject({
      code: "TARGET_CSR_INVALID",
      details: { name: "prov", what: "no key pair: WRONG_TYPE" },
    });
    const missing = target({
      makeKeyPair: async () => ({ status: "DONE", value: true }),
      readCsr: async () => undefined,
    });
    await expect(missing.makeCsr(csr, signal)).rejects.toMatchObject({ code: "TARGET_CSR_INVALID" });
  });

  it("issuers and anchors are installed before the leaf, and empty sets not at all", async () => {
    const calls: unknown[] = [];
    const t = target({
      install: async (slot, type, certificates) => {
        calls.push([slot, type, certificates.length]);
        return { status: "DONE", value: true };
      },
    });
    await t.installCertificate(1, bytes("aa"), { issuers: [bytes("bb"), bytes("cc")], anchors: [bytes("dd")] }, signal);
    await t.installCertificate(1, bytes("aa"), { issuers: [], anchors: [] }, signal);
    expect(calls).toEqual([
      [1, "issuers", 2],
      [1, "anchors", 1],
      [1, "leaf", 1],
      [1, "leaf", 1],
    ]);
  });

  it.each(["UNREADABLE", "KEY_MISMATCH", "CHAIN_INVALID", "NOT_VALID_NOW", "NO_SUCH_SLOT", "WRONG_TYPE"] as const)(
    "a leaf refused with %s is the target's error",
    async (status) => {
      const t = target({
        install: async (_, type) => (type === "leaf" ? { status, value: undefined } : { status: "DONE", value: true }),
      });
      await expect(
        t.installCertificate(3, bytes("aa"), { issuers: [bytes("bb")], anchors: [bytes("cc")] }, signal),
      ).rejects.toMatchObject({ code: "TARGET_CERT_REFUSED", details: { name: "slot 3, leaf", status } });
    },
  );

  it("a proof is the signature, or the target's error", async () => {
    const good = target({ prove: async () => ({ status: "DONE", value: bytes("3006") }) });
    expect(await good.prove(1, bytes("00"), signal)).toEqual(bytes("3006"));
    const bad = target({ prove: async () => ({ status: "NO_SUCH_SLOT", value: undefined }) });
    await expect(bad.prove(1, bytes("00"), signal)).rejects.toMatchObject({
      code: "TARGET_PROOF_FAILED",
      details: { status: "NO_SUCH_SLOT" },
    });
  });
});

describe("keys by she-uds", () => {
  const value = { m4: bytes("04"), m5: bytes("05") };

  it("a load gives M4 and M5", async () => {
    const t = target({ loadKey: async () => ({ status: "NO_ERROR", value }) });
    expect(await t.loadKey(4, update, signal)).toEqual(value);
  });

  it("a refused load carries slot and SHE status", async () => {
    const t = target({ loadKey: async () => ({ status: "KEY_UPDATE_ERROR", value: undefined }) });
    await expect(t.loadKey(0xd, update, signal)).rejects.toMatchObject({
      code: "TARGET_KEY_REFUSED",
      details: { slot: "D", status: "KEY_UPDATE_ERROR" },
    });
  });

  it("the last load is a receipt, or nothing", async () => {
    expect(await target({ lastLoad: async () => ({ status: "NO_ERROR", value }) }).lastLoad(4, signal)).toEqual(value);
    expect(await target({ lastLoad: async () => undefined }).lastLoad(4, signal)).toBeUndefined();
  });

  it("a slot that cannot make a MAC is no error, an empty one is", async () => {
    const mac = bytes("aa");
    expect(
      await target({ generateMac: async () => ({ status: "NO_ERROR", value: mac }) }).generateMac(4, mac, signal),
    ).toEqual(mac);
    expect(
      await target({ generateMac: async () => ({ status: "KEY_INVALID", value: undefined }) }).generateMac(
        1,
        mac,
        signal,
      ),
    ).toBeUndefined();
    await expect(
      target({ generateMac: async () => ({ status: "KEY_EMPTY", value: undefined }) }).generateMac(5, mac, signal),
    ).rejects.toMatchObject({ code: "TARGET_KEY_REFUSED", details: { slot: "5", status: "KEY_EMPTY" } });
  });
});
