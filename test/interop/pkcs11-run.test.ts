/** Units whose HSM is a SoftHSM2 token: whole runs of the built program against its own servers, and what other programs see in the token. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunRecord } from "../../src/station/ports.js";
import { recordOf, stepFacts } from "../system/cases.js";
import { type Finished, run, start, tempFolder } from "../system/harness.js";
import { MODULE, objectsOf, PIN, requireSoftHsm, SoftHsm } from "./softhsm.js";

const present = requireSoftHsm();
/** ms; a run takes 5 s on a quiet machine. */
const LIMIT = 300_000;
const INPUTS = ["--vin", "KMHC851CFLU061234", "--set", "hostName=CCU-2026.hkmc"];
const SUPPLIER_SECRET = "53494d554c41544f522d534543524554";

/** A station whose units' token is `label`, with one unit that stays. */
class Bench {
  readonly folder = tempFolder("pkcs11");
  readonly data = join(this.folder, "data");
  readonly config = join(this.folder, "station.yaml");
  readonly #link = `sim:?state=${join(this.folder, "ecu")}`;

  constructor(
    readonly hsm: SoftHsm,
    readonly address: string,
  ) {
    const token = `{ module: "${MODULE}", ${address}, pinFile: ${hsm.pinFile} }`;
    writeFileSync(
      this.config,
      `schema: 1\nmode: simulator\nsecrets: { simulator-cluster: { hex: "${SUPPLIER_SECRET}" } }\ntokens: { ccu-hsm: ${token} }\n`,
    );
  }

  args(profile = "ccu-pkcs11"): string[] {
    const station = ["--config", this.config, "--data", this.data];
    return ["run", "--profile", profile, ...INPUTS, "--link", this.#link, ...station];
  }

  run(profile?: string): Promise<Finished> {
    return run("ecustation", [...this.args(profile), "--json", "--log"], { env: this.hsm.env, limit: 110_000 });
  }

  async passes(profile?: string): Promise<{ record: RunRecord; done: Finished }> {
    const done = await this.run(profile);
    const record = recordOf(done);
    expect(record.failure).toBeUndefined();
    expect(record.outcome).toBe("PASS");
    return { record, done };
  }

  doctor(): Promise<Finished> {
    return run("ecustation", ["doctor", "--config", this.config, "--data", this.data], { env: this.hsm.env });
  }

  /** A profile of its own, made of the one that comes along. */
  profile(change: (text: string) => string): string {
    const file = join(this.folder, "own.yaml");
    writeFileSync(file, change(readFileSync("hw-profiles/ccu-pkcs11.yaml", "utf8")));
    return file;
  }

  /** Every file that runs have left, but the token itself and the PIN's own file. */
  leftovers(): Buffer {
    const files = readdirSync(this.folder, { recursive: true, encoding: "utf8" }).map((name) =>
      join(this.folder, name),
    );
    return Buffer.concat(
      files.filter((file) => file !== this.config && statSync(file).isFile()).map((f) => readFileSync(f)),
    );
  }
}

const openssl = (args: readonly string[], input?: Buffer) =>
  execFileSync("openssl", args, { ...(input === undefined ? {} : { input }), stdio: "pipe" });
const receiptsOf = (record: RunRecord) =>
  record.steps.filter(({ step }) => step.startsWith("key:")).map(({ facts }) => facts.m4);

describe.runIf(present)("a unit whose HSM is a token", () => {
  it(
    "passes twice with certificates that OpenSSL verifies, keys that cannot leave, and counters that rise",
    async () => {
      const hsm = new SoftHsm("other", "ccu");
      const bench = new Bench(hsm, "token: ccu");
      const first = await bench.passes();
      const uid = first.record.identity?.ecuId.slice(-30) ?? "";
      const seen = objectsOf(hsm.tool("ccu", ["--list-objects"]));
      const of = (kind: string) => seen.filter((object) => object.kind === kind);

      const pairs = of("Private Key");
      expect(pairs.map(({ label }) => label).sort()).toEqual([`${uid} cert-0`, `${uid} cert-1`]);
      for (const { access, usage } of pairs) {
        expect(access).toMatch(/sensitive.*never extractable/);
        expect(usage).toBe("sign");
      }
      const secrets = of("Secret Key");
      expect(secrets).toHaveLength(3 * 10);
      for (const { access } of secrets) {
        expect(access).toContain("sensitive");
        expect(access.replace("never extractable", "")).not.toContain("extractable");
      }
      expect(objectsOf(hsm.tool("other", ["--list-objects"]))).toEqual([]);

      for (const { label, id } of pairs) {
        const leaf = of("Certificate").find((object) => object.label === label);
        expect(leaf?.id).toBe(id);
        expect(of("Public Key").find((object) => object.label === label)?.id).toBe(id);
        const read = (type: string, which: string) => {
          const file = join(bench.folder, `${label} ${type} ${which}`);
          hsm.tool("ccu", ["--read-object", "--type", type, "--label", which, "--output-file", file]);
          return file;
        };
        const certificate = read("cert", label);
        // The public key that the token gives out is the one that was certified.
        const certified = openssl(["x509", "-inform", "DER", "-in", certificate, "-noout", "-pubkey"]).toString();
        const own = openssl(["pkey", "-pubin", "-inform", "DER", "-in", read("pubkey", label), "-pubout"]).toString();
        expect(own).toBe(certified);
        const pem = (file: string) => {
          openssl(["x509", "-inform", "DER", "-in", file, "-out", `${file}.pem`]);
          return `${file}.pem`;
        };
        const chain = [
          "-CAfile",
          pem(read("cert", `${label} anchor`)),
          "-untrusted",
          pem(read("cert", `${label} issuer`)),
        ];
        expect(openssl(["verify", ...chain, pem(certificate)]).toString()).toMatch(/: OK$/m);
      }

      const before = records(hsm, "ccu");
      const second = await bench.passes();
      for (const name of ["ccu-256", "ccu-512"]) {
        expect(stepFacts(first.record, `cert:${name}`).operation).toBe("issue");
        expect(stepFacts(second.record, `cert:${name}`).operation).toBe("reissue");
      }
      const after = records(hsm, "ccu");
      expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
      for (const [label, record] of after) {
        expect(record.sequence).toBe(2);
        if (record.counter !== undefined) expect(record.counter).toBeGreaterThan(before.get(label)?.counter ?? 0);
      }
      expect(receiptsOf(second.record)).toHaveLength(10);
      for (const m4 of receiptsOf(second.record)) expect(receiptsOf(first.record)).not.toContain(m4);
      // One generation each: nothing of the first run is left.
      const again = objectsOf(hsm.tool("ccu", ["--list-objects"]));
      expect(again.map(({ kind, label }) => [kind, label].join()).sort()).toEqual(
        seen.map(({ kind, label }) => [kind, label].join()).sort(),
      );

      const left = Buffer.concat([
        bench.leftovers(),
        ...[first, second].map(({ done }) => Buffer.from(done.stdout + done.stderr)),
      ]);
      for (const secret of [PIN, SUPPLIER_SECRET]) {
        for (const form of [
          Buffer.from(secret),
          Buffer.from(secret.toUpperCase()),
          Buffer.from(Buffer.from(secret).toString("hex")),
          Buffer.from(Buffer.from(secret).toString("base64")),
        ])
          expect(left.includes(form)).toBe(false);
        for (let at = 0; at + 8 <= secret.length && secret === PIN; at++)
          expect(left.includes(secret.slice(at, at + 8))).toBe(false);
      }
      // The search finds what is there.
      expect(Buffer.concat([left, Buffer.from(`x${PIN}x`)]).includes(PIN.slice(3, 11))).toBe(true);
    },
    LIMIT,
  );

  it(
    "is found by serial and by slot, with a CMAC that the token's CBC is composed to, and doctor says what it holds",
    async () => {
      const hsm = new SoftHsm("ccu", "spare");
      const { serial, slot } = hsm.place("ccu");
      const bySerial = new Bench(hsm, `serial: ${serial}`);
      const composed = bySerial.profile((text) =>
        text.replace("cmac: CKM_AES_CMAC, cipher: CKM_AES_CBC", "cmac: CKM_AES_CBC, cipher: CKM_AES_ECB"),
      );
      await bySerial.passes(composed);
      const found = await new Bench(hsm, `slot: ${slot}`).doctor();
      expect(found.stdout).toMatch(/OK +token slot \d+ +SoftHSM v2, label ccu/);
      expect(found.stdout).toContain(
        "holds 2 key pairs, 30 secret keys, 6 certificates; slots of the library: 2 in use, 1 free",
      );
      expect(found.stdout).toContain("CKM_AES_CMAC (CMACs)");
    },
    LIMIT,
  );

  it(
    "is left alone when its token is away, refuses the PIN, or is not configured",
    async () => {
      const hsm = new SoftHsm("ccu");
      const fails = async (bench: Bench) => {
        const { outcome, failure, identity } = recordOf(await bench.run());
        expect([outcome, identity]).toEqual(["ERROR", undefined]);
        return failure?.code;
      };
      expect(await fails(new Bench(hsm, "token: nobody"))).toBe("TOKEN_ABSENT");
      const bench = new Bench(hsm, "token: ccu");
      writeFileSync(hsm.pinFile, "not-the-pin-1\n");
      expect(await fails(bench)).toBe("TOKEN_PIN_REFUSED");
      writeFileSync(hsm.pinFile, `${PIN}\n`);
      writeFileSync(bench.config, "schema: 1\nmode: simulator\n");
      const { code, stdout, stderr } = await bench.run();
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain("tokens.ccu-hsm: is missing, the keys of profile ccu-pkcs11 go into it");
    },
    LIMIT,
  );

  it(
    "ends cleanly when the token is pulled in the middle of a run, and passes when it is back",
    async () => {
      const hsm = new SoftHsm("ccu");
      const bench = new Bench(hsm, "token: ccu");
      for (const step of ["cert:ccu-256", "key:secoc-6"]) {
        const running = start("ecustation", bench.args(), { env: hsm.env, limit: 110_000 });
        await running.line((line) => line.includes(step));
        hsm.remove();
        const { code, stdout } = await running.finished.finally(() => hsm.putBack());
        expect(stdout).toMatch(/TOKEN_(ABSENT|FAILED)/);
        expect(code).toBe(3);
      }
      const { record } = await bench.passes();
      expect(record.owed).toBe(0);
    },
    LIMIT,
  );
});

interface TokenRecord {
  readonly sequence: number;
  readonly counter?: number;
}

/** The slots' records, as pkcs11-tool reads them. */
function records(hsm: SoftHsm, token: string): Map<string, TokenRecord> {
  const found = new Map<string, TokenRecord>();
  for (const { kind, label } of objectsOf(hsm.tool(token, ["--list-objects", "--type", "data"]))) {
    if (kind !== "Data") continue;
    const file = join(hsm.folder, "record");
    hsm.tool(token, ["--read-object", "--type", "data", "--label", label, "--output-file", file]);
    found.set(label, JSON.parse(readFileSync(file, "utf8").split("\n")[0] ?? "") as TokenRecord);
  }
  return found;
}
