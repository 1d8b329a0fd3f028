/** SHE loads into SoftHSM2 whose process, or whole station, is killed in the middle: old or new, and the next run passes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import type {
  createTokenUnit as CreateTokenUnit,
  openUnitToken as OpenUnitToken,
} from "../../src/injection/pkcs11/target.js";
import { fromHex, toHex } from "../../src/shared/bytes.js";
import { systemClock } from "../../src/shared/clock.js";
import { cmac } from "../../src/she/codec/index.js";
import { buildUpdate } from "../../src/she/update/index.js";
import type { EcuSession } from "../../src/station/ports.js";
import type { Token } from "../../src/token/token.js";
import { recordOf } from "../system/cases.js";
import { root, run, start, tempFolder } from "../system/harness.js";
import { MODULE, requireSoftHsm, SoftHsm, tokenProcesses } from "./softhsm.js";

const present = requireSoftHsm();
const { createTokenUnit, openUnitToken } = (await import(
  pathToFileURL(join(root, "dist/src/injection/pkcs11/target.js")).href
)) as { createTokenUnit: typeof CreateTokenUnit; openUnitToken: typeof OpenUnitToken };

/** ms; a run takes 5 s on a quiet machine. */
const LIMIT = 300_000;
const UID = "00030001aabbccddeeff0011223344";
const BLANK = new Uint8Array(16);
const { signal } = new AbortController();
const settings = { mechanisms: { cmac: "CKM_AES_CMAC", cipher: "CKM_AES_CBC" }, blankKey: toHex(BLANK) } as const;

const opened: Token[] = [];
afterEach(async () => {
  for (const token of opened.splice(0)) await token.close();
  delete process.env.SOFTHSM2_CONF;
});

/** The unit as a run has it, its identity read from an ECU that answers nothing else. */
async function unitIn(hsm: SoftHsm) {
  process.env.SOFTHSM2_CONF = hsm.env.SOFTHSM2_CONF;
  const address = { module: MODULE, token: "ccu", pinFile: hsm.pinFile };
  const token = openUnitToken({ address, clock: systemClock, limits: { pause: 0 } });
  opened.push(token);
  const identity = {
    ecuId: `${"00".repeat(12)}${UID}`,
    state: { lifeCycle: "production", keySlots: 0, certificateSlots: 0 },
  };
  const { session, target } = createTokenUnit(
    { identify: async () => identity } as unknown as EcuSession,
    token,
    settings,
  );
  await session.identify(signal);
  return { session, target };
}

const setOf = (counter: number, authKey: Uint8Array) =>
  buildUpdate({ uid: fromHex(UID), authKeyId: 4, authKey, keyId: 4, newKey: keyOf(counter), counter, flags: 2 });
const keyOf = (counter: number) => new Uint8Array(16).fill(counter);

describe.runIf(present)("SHE keys in a token", () => {
  it(
    "are the old one or the new one when the token's process is killed at any time of a load",
    async () => {
      const hsm = new SoftHsm("ccu");
      const { target } = await unitIn(hsm);
      await target.loadKey(4, setOf(1, BLANK), signal);
      const seen = new Set<string>();
      let held = 1;
      let heldSet = setOf(1, BLANK);
      for (let round = 0; round < 12; round++) {
        const next = held + 1;
        const set = setOf(next, keyOf(held));
        const loading = target.loadKey(4, set, signal).then(
          () => "answered",
          (error: { code?: string }) => error.code ?? "error",
        );
        // Later each round; the machine's load shifts what that hits, and any of it must do.
        const delay = round * 4;
        const [host] = tokenProcesses(process.pid);
        await new Promise<void>((resolve) => systemClock.timer(delay, resolve));
        if (host !== undefined) process.kill(host, "SIGKILL");
        const answer = await loading;
        const last = await target.lastLoad(4, signal);
        const stored = toHex(last?.m4 ?? BLANK) === toHex(set.m4);
        if (!stored) expect([answer, toHex(last?.m4 ?? BLANK)]).toEqual(["TOKEN_FAILED", toHex(heldSet.m4)]);
        seen.add(stored ? "new" : "old");
        if (stored) [held, heldSet] = [next, set];
        expect(await target.generateMac(4, BLANK, signal)).toEqual(cmac(keyOf(held), BLANK));
      }
      expect(seen).toContain("old");
      // A load that nobody disturbs clears what the others left behind.
      await target.loadKey(4, setOf(held + 1, keyOf(held)), signal);
      expect(
        hsm
          .secretKeys("ccu")
          .map(({ label }) => label)
          // SoftHSM2 killed while it made an object leaves one that has no attributes yet, and is nobody's.
          .filter((label) => label !== "")
          .sort(),
      ).toEqual([`${UID} KEY_1`, `${UID} KEY_1 UPDATE_ENC`, `${UID} KEY_1 UPDATE_MAC`]);
    },
    LIMIT,
  );

  it(
    "are settled by the next run when the station is killed",
    async () => {
      const hsm = new SoftHsm("ccu");
      const folder = tempFolder("pkcs11-kill");
      const config = join(folder, "station.yaml");
      writeFileSync(
        config,
        `schema: 1\nmode: simulator\nsecrets: { simulator-cluster: { hex: "53494d554c41544f522d534543524554" } }\ntokens: { ccu-hsm: { module: "${MODULE}", token: ccu, pinFile: ${hsm.pinFile} } }\n`,
      );
      const data = join(folder, "data");
      const inputs = ["--vin", "KMHC851CFLU061234", "--set", "hostName=CCU-2026.hkmc"];
      const args = [
        "run",
        "--profile",
        "ccu-pkcs11",
        ...inputs,
        "--link",
        `sim:?state=${join(folder, "ecu")}`,
        "--config",
        config,
        "--data",
        data,
      ];
      for (const step of ["cert:ccu-512", "key:master", "key:secoc-6"]) {
        const running = start("ecustation", args, { env: hsm.env, limit: 110_000 });
        await running.line((line) => line.includes(step));
        await running.kill();
      }
      const done = await run("ecustation", [...args, "--json"], { env: hsm.env, limit: 110_000 });
      const record = recordOf(done);
      expect([record.failure, record.outcome, record.owed]).toEqual([undefined, "PASS", 0]);
      expect(record.resumed).toBeGreaterThan(0);
      expect(hsm.privateKeys("ccu")).toHaveLength(2);
      expect(hsm.secretKeys("ccu")).toHaveLength(30);
    },
    LIMIT,
  );
});
