/** Units at several bays whose HSMs are SoftHSM2 tokens: two bays at one token, one bay at a token of its own, one profile for all. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { root, run, start, tempFolder } from "../system/harness.js";
import { MODULE, objectsOf, PATIENT, requireSoftHsm, SoftHsm } from "./softhsm.js";

const present = requireSoftHsm();
const LIMIT = 300_000;

interface Told {
  readonly bay: string;
  readonly event: string;
  readonly step?: string;
  readonly state?: string;
  readonly outcome?: string;
  readonly failure?: { readonly code: string };
}

describe.runIf(present)("bays with tokens", () => {
  const hsm = present ? new SoftHsm("shared", "own") : undefined;
  const folder = tempFolder("pkcs11-bays");
  const env = hsm?.env ?? {};

  /** One token by its label, with one session for two bays, and one by its serial number. */
  function stationArgs(): string[] {
    const ccu = parse(readFileSync(join(root, "hw-profiles/ccu-pkcs11.yaml"), "utf8")) as { certificates: unknown[] };
    const profile = join(folder, "unit.yaml");
    writeFileSync(profile, stringify({ ...ccu, certificates: ccu.certificates.slice(0, 1) }));
    const common = { module: MODULE, pinFile: hsm?.pinFile, limits: PATIENT };
    const bay = (name: string, token: string) => ({ name, profile, tokens: { "ccu-hsm": token } });
    const config = {
      schema: 1,
      mode: "simulator",
      secrets: { "simulator-cluster": { hex: "53494d554c41544f522d534543524554" } },
      tokens: {
        left: { ...common, token: "shared", limits: { ...PATIENT, sessions: 1 } },
        right: { ...common, serial: hsm?.place("own").serial },
      },
      station: { bays: [bay("A", "left"), bay("B", "left"), bay("C", "right")] },
    };
    const file = join(folder, "station.yaml");
    writeFileSync(file, stringify(config));
    return ["--config", file, "--data", join(folder, "data")];
  }

  it(
    "pass side by side: those at one token take turns call by call, and each unit's keys are in its bay's token",
    async () => {
      const service = start("ecustation", ["serve", "--jsonl", ...stationArgs()], { env, limit: LIMIT });
      await service.line((line) => line.includes('"bays"'));
      for (const bay of ["A", "B", "C"])
        service.child.stdin.write(`${JSON.stringify({ bay, inputs: { hostName: `${bay}.plant.example` } })}\n`);
      const ends = await Promise.all(
        ["A", "B", "C"].map(async (bay) => {
          const line = await service.line((text) => text.startsWith(`{"bay":"${bay}","event":"ended"`));
          const { outcome, failure } = JSON.parse(line) as Told;
          return [outcome, failure?.code];
        }),
      );
      expect(ends).toEqual(["A", "B", "C"].map(() => ["PASS", undefined]));
      const { stdout } = await service.stop();

      const told = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Told);
      const keys = told.filter(
        ({ event, step, state }) => event === "step" && step?.startsWith("key:") && state === "done",
      );
      const placesOf = (bay: string) => keys.flatMap((one, i) => (one.bay === bay ? [i] : []));
      const [a, b] = [placesOf("A"), placesOf("B")];
      expect([a.length, b.length]).toEqual([10, 10]);
      // Neither waits until the other is done.
      expect(a[0]).toBeLessThan(b.at(-1) ?? 0);
      expect(b[0]).toBeLessThan(a.at(-1) ?? 0);

      const unitsIn = (token: string) => {
        const labels = objectsOf(hsm?.tool(token, ["--list-objects"]) ?? "").map(({ label }) => label);
        return new Set(labels.map((label) => label.split(" ")[0]).filter((uid) => /^[0-9A-Fa-f]{30}$/.test(uid ?? "")));
      };
      expect([unitsIn("shared").size, unitsIn("own").size]).toEqual([2, 1]);
    },
    LIMIT,
  );

  it(
    "are shown by doctor, each token by what names it",
    async () => {
      const { stdout } = await run("ecustation", ["doctor", ...stationArgs()], { env, limit: LIMIT });
      expect(stdout).toMatch(/^OK +token shared +SoftHSM v2, label shared, .*for units \(left\)$/m);
      expect(stdout).toMatch(/^OK +token (?:serial )?\w+ +SoftHSM v2, label own, .*for units \(right\)$/m);
      for (const token of [/^OK +token shared +.*CKM_AES_CMAC/m, /^OK +token (?!shared).*CKM_AES_CMAC/m])
        expect(stdout).toMatch(token);
    },
    LIMIT,
  );
});
