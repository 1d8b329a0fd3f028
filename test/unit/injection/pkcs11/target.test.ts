import { describe, expect, it } from "vitest";
import type { UnitTask } from "../../../../src/injection/pkcs11/calls.js";
import { assertTokenFits, createTokenUnit } from "../../../../src/injection/pkcs11/target.js";
import { performTask } from "../../../../src/injection/pkcs11/work.js";
import type { EcuSession } from "../../../../src/station/ports.js";
import type { Token, TokenDescription } from "../../../../src/token/token.js";
import { FakeBench } from "./fake-bench.js";
import { BLANK, KEY, setOf, UID, UNIT } from "./rig.js";

const { signal } = new AbortController();

/** A unit whose token does in this process what it is asked for. */
async function unit() {
  const bench = new FakeBench();
  const calls: [string, boolean][] = [];
  const token: Pick<Token, "work"> = {
    work: (task, { once }) => {
      calls.push([(task as UnitTask).call, once]);
      return performTask(bench, task as UnitTask);
    },
  };
  const identity = {
    ecuId: `${"aa".repeat(12)}${UID}`,
    state: { lifeCycle: "production", keySlots: 0, certificateSlots: 0 },
  };
  // Of a session and a token, what this unit uses of them.
  const session = { identify: async () => identity } as unknown as EcuSession;
  return { ...createTokenUnit(session, token as Token, UNIT), calls };
}

describe("a unit whose HSM is a token", () => {
  it("is asked about no slot before it is identified", async () => {
    const { target } = await unit();
    await expect(target.readCertificate(0, signal)).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("shows what the token holds as its own state", async () => {
    const { session, target } = await unit();
    expect((await session.identify(signal)).state).toEqual({
      lifeCycle: "production",
      keySlots: 0,
      certificateSlots: 0,
    });
    await target.loadKey(4, setOf({ keyId: 4, authKeyId: 4, authKey: BLANK }), signal);
    expect((await session.identify(signal)).state.keySlots).toBe(0b10000);
  });

  it("refuses a key by the name of SHE's error code", async () => {
    const { session, target } = await unit();
    await session.identify(signal);
    await expect(target.loadKey(4, setOf({ keyId: 4 }), signal)).rejects.toMatchObject({
      code: "TARGET_KEY_REFUSED",
      details: { slot: "4", status: "KEY_EMPTY" },
    });
  });

  it("sends a load once, and questions again where an answer was lost", async () => {
    const { session, target, calls } = await unit();
    await session.identify(signal);
    await target.loadKey(5, setOf({ keyId: 5, authKeyId: 5, authKey: BLANK }), signal);
    await target.lastLoad(5, signal);
    expect(calls).toEqual([
      ["state", false],
      ["loadKey", true],
      ["lastLoad", false],
    ]);
  });

  it("has no CMAC of a slot for ciphers, and none of an empty one", async () => {
    const { session, target } = await unit();
    await session.identify(signal);
    await target.loadKey(5, setOf({ keyId: 5, authKeyId: 5, authKey: BLANK }), signal);
    expect(await target.generateMac(5, KEY, signal)).toBeUndefined();
    await expect(target.generateMac(6, KEY, signal)).rejects.toMatchObject({ details: { status: "KEY_EMPTY" } });
  });

  it("has no proof of a slot without a certificate", async () => {
    const { session, target } = await unit();
    await session.identify(signal);
    await expect(target.prove(0, new Uint8Array(32), signal)).rejects.toMatchObject({ code: "TARGET_PROOF_FAILED" });
  });
});

it("a token that lacks a mechanism is refused with its name", async () => {
  const mechanisms = [
    { name: "CKM_ECDSA", purpose: "signing" },
    { name: "CKM_AES_CMAC", purpose: "CMACs", fault: "is missing" },
  ];
  const token: Pick<Token, "name" | "describe"> = {
    name: "ccu",
    describe: async () => ({ mechanisms }) as unknown as TokenDescription,
  };
  await expect(assertTokenFits(token as Token, UNIT.mechanisms, signal)).rejects.toMatchObject({
    code: "TOKEN_MECHANISM_MISSING",
    details: { token: "ccu", what: "CKM_AES_CMAC is missing" },
  });
});
