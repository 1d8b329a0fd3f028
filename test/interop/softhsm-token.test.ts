/** The built token adapter and its real process on SoftHSM2, under a clock that the test drives. */
import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/shared/clock.js";
import type { openToken as OpenToken, Token, TokenLimits } from "../../src/token/token.js";
import { root } from "../system/harness.js";
import { MODULE, requireSoftHsm, SoftHsm } from "./softhsm.js";

const present = requireSoftHsm();
const { openToken } = (await import(pathToFileURL(join(root, "dist/src/token/token.js")).href)) as {
  openToken: typeof OpenToken;
};

const opened: Token[] = [];
afterEach(async () => {
  for (const token of opened.splice(0)) await token.close();
  delete process.env.SOFTHSM2_CONF;
});

const clock = new VirtualClock();
const HOUR = 3_600_000;

function open(hsm: SoftHsm, label: string, limits: Partial<TokenLimits> = {}): Token {
  process.env.SOFTHSM2_CONF = hsm.env.SOFTHSM2_CONF;
  const address = { module: MODULE, token: label, pinFile: hsm.pinFile };
  // Calls take real time while this clock stands still: no limit of theirs comes due.
  const token = openToken({ address, clock, limits: { probe: HOUR, ...limits } });
  opened.push(token);
  return token;
}

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "ok",
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
  );

describe.runIf(present)("a SoftHSM2 token", () => {
  it.each(["P-256", "P-521"] as const)("makes a key pair on %s that signs what OpenSSL verifies", async (curve) => {
    const token = open(new SoftHsm("plant"), "plant");
    const key = { label: "key pair" };
    expect(await token.publicKey(key)).toBeUndefined();
    const spki = await token.generate(key, curve);
    expect(await token.publicKey(key)).toEqual(spki);
    const publicKey = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    const hash = curve === "P-256" ? "sha256" : "sha512";
    const data = randomBytes(100);
    const digest = createHash(hash).update(data).digest();
    const signatures = await Promise.all(Array.from({ length: 24 }, () => token.sign(key, digest)));
    const ieee = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
    for (const signature of signatures) {
      expect(signature.length).toBe(curve === "P-256" ? 64 : 132);
      expect(verify(hash, data, ieee, signature)).toBe(true);
    }
  });

  it("is told from another in the same library, as are keys that are not there", async () => {
    const hsm = new SoftHsm("one", "two");
    const [one, two] = [open(hsm, "one"), open(hsm, "two")];
    await one.generate({ label: "mine" }, "P-256");
    expect(await two.publicKey({ label: "mine" })).toBeUndefined();
    expect(await code(two.sign({ label: "mine" }, new Uint8Array(32)))).toBe("TOKEN_KEY_MISSING");
    expect(await code(one.sign({ label: "mine" }, new Uint8Array(32)))).toBe("ok");
    expect(await code(one.sign({ label: "mine", id: "00" }, new Uint8Array(32)))).toBe("TOKEN_KEY_MISSING");
  });

  it("is missed for an hour, minute by minute, and signs again as soon as it is back", async () => {
    const hsm = new SoftHsm("plant");
    const token = open(hsm, "plant");
    await token.generate({ label: "key" }, "P-256");
    hsm.remove();
    try {
      for (let minute = 0; minute < 60; minute++) {
        expect(await code(token.sign({ label: "key" }, new Uint8Array(32)))).toBe("TOKEN_FAILED");
        await clock.advance(60_000 - 1);
      }
    } finally {
      hsm.putBack();
    }
    await clock.advance(60_000);
    expect(await code(token.sign({ label: "key" }, new Uint8Array(32)))).toBe("ok");
  });
});
