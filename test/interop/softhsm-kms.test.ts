/** A KMS whose master key SoftHSM2 wraps: the built program, and what OpenSSL and pkcs11-tool see of it. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { KMS_PATHS } from "../../src/contract/kms.js";
import { type Running, run, type Servers, start, tempFolder } from "../system/harness.js";
import { masterPost, secOcPost } from "../unit/servers/kms/helpers.js";
import { MODULE, requireSoftHsm, SoftHsm, tokenProcesses } from "./softhsm.js";

const present = requireSoftHsm();

class Plant {
  readonly folder = tempFolder("token-kms");
  readonly data = join(this.folder, "data");
  readonly keyFile = join(this.data, "servers/kms/kms.key");
  #running: (Running & Servers) | undefined;

  constructor(readonly hsm: SoftHsm) {}

  /** @param kms settings of the KMS; "" = none */
  args(kms: string): string[] {
    const config = join(this.folder, "station.yaml");
    writeFileSync(config, `schema: 1\nmode: simulator\nservers: { embedded: { ${kms} } }\n`);
    return ["--config", config, "--data", this.data, "servers", "--log"];
  }

  inToken(label: string, more = ""): string {
    const pkcs11 = `{ module: "${MODULE}", token: ${label}, pinFile: ${this.hsm.pinFile} }`;
    return `kms: { masterKey: { pkcs11: ${pkcs11} ${more} } }`;
  }

  async start(kms: string): Promise<Running> {
    const running = start("ecustation", this.args(kms), { env: this.hsm.env, limit: 120_000 });
    this.#running = { ...running, ...(JSON.parse(await running.line(() => true)) as Servers) };
    return running;
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  async post(body: unknown, resource: keyof typeof KMS_PATHS = "key", headers = {}) {
    if (this.#running === undefined) throw new Error("the servers do not run");
    const { kms, ca } = this.#running;
    const dispatcher = new Agent({ connect: { ca: readFileSync(ca) } });
    try {
      const options = { method: "POST", headers, body: JSON.stringify(body), dispatcher } as const;
      return (await (await request(`${kms}${KMS_PATHS[resource]}`, options)).body.json()) as {
        ResultStatus: string;
        Records: Record<string, string>;
      };
    } finally {
      await dispatcher.close();
    }
  }

  /** What a start that fails says, and its exit code. */
  async refused(kms: string): Promise<[number | null, string]> {
    const { code, stderr } = await run("ecustation", this.args(kms), { env: this.hsm.env });
    return [code, stderr];
  }

  /** Every file of the data folder but those of the token. */
  contents(): Buffer {
    const files = readdirSync(this.data, { recursive: true, encoding: "utf8" }).map((name) => join(this.data, name));
    return Buffer.concat(files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file)));
  }
}

let plant: Plant;
afterEach(() => plant.stop());

describe.runIf(present)("the KMS's master key in a token", () => {
  it("is wrapped by a key that cannot leave it, opens again, and keeps the KMS going while the token is away", async () => {
    plant = new Plant(new SoftHsm("other", "kms"));
    const running = await plant.start(plant.inToken("kms"));
    const { mechanism, key } = JSON.parse(readFileSync(plant.keyFile, "utf8")) as Record<string, string>;
    expect([mechanism, key, statSync(plant.keyFile).mode & 0o777]).toEqual(["CKM_AES_KEY_WRAP", "KMS", 0o600]);
    expect(plant.hsm.secretKeys("kms")).toEqual([
      {
        label: "KMS",
        usage: "wrap, unwrap",
        access: "sensitive, always sensitive, never extractable, local",
      },
    ]);
    expect(plant.hsm.secretKeys("other")).toEqual([]);
    expect(tokenProcesses(running.child.pid ?? 0)).toEqual([]);
    plant.hsm.remove();
    const once = { "idempotency-key": randomBytes(8).toString("hex") };
    const first = await plant.post(masterPost(), "key", once);
    expect(first.ResultStatus).toBe("Success");
    plant.hsm.putBack();
    await plant.stop();
    await plant.start(plant.inToken("kms"));
    expect(await plant.post(masterPost(), "key", once)).toEqual(first);
    expect(plant.hsm.secretKeys("kms")).toHaveLength(1);
  });

  it("takes over a store whose master key stood in a file, and leaves nothing of it there", async () => {
    plant = new Plant(new SoftHsm("kms"));
    await plant.start("");
    const once = { "idempotency-key": "before the token" };
    const before = await plant.post(secOcPost(), "key", once);
    await plant.stop();
    const key = readFileSync(plant.keyFile);
    expect(key.length).toBe(32);
    expect(plant.contents().includes(key)).toBe(true);
    const running = await plant.start(plant.inToken("kms"));
    expect(await plant.post(secOcPost(), "key", once)).toEqual(before);
    await plant.stop();
    const log = (await running.finished).stderr;
    expect(log).toContain("master key wrapped");
    const seen = Buffer.concat([plant.contents(), Buffer.from(log)]);
    for (const form of [key, ...[key.toString("hex"), key.toString("base64")].map((text) => Buffer.from(text))])
      expect(seen.includes(form)).toBe(false);
    const [code, text] = await plant.refused("");
    expect([code, text]).toEqual([expect.any(Number), expect.stringContaining("is wrapped by key KMS of token kms")]);
  });

  it("does not start without its token or its key, and makes neither anew", async () => {
    plant = new Plant(new SoftHsm("kms"));
    await plant.start(plant.inToken("kms"));
    await plant.stop();
    const before = readFileSync(plant.keyFile);
    plant.hsm.remove();
    const away = await plant.refused(plant.inToken("kms"));
    plant.hsm.putBack();
    expect(away).toEqual([3, expect.stringMatching(/TOKEN_(ABSENT|FAILED): .*kms/)]);
    plant.hsm.tool("kms", ["--delete-object", "--type", "secrkey", "--label", "KMS"]);
    const keyless = await plant.refused(plant.inToken("kms"));
    expect(keyless).toEqual([3, expect.stringMatching(/TOKEN_KEY_MISSING: .*wrapping key KMS/)]);
    expect(plant.hsm.secretKeys("kms")).toEqual([]);
    expect(readFileSync(plant.keyFile)).toEqual(before);
  });

  it("is wrapped anew by another key of the token when its label is another", async () => {
    plant = new Plant(new SoftHsm("kms"));
    await plant.start(plant.inToken("kms"));
    const once = { "idempotency-key": "the same" };
    const first = await plant.post(masterPost(), "key", once);
    await plant.stop();
    await plant.start(plant.inToken("kms", ", keyLabel: KMS 2027"));
    await plant.stop();
    plant.hsm.tool("kms", ["--delete-object", "--type", "secrkey", "--label", "KMS"]);
    await plant.start(plant.inToken("kms", ", keyLabel: KMS 2027"));
    expect(await plant.post(masterPost(), "key", once)).toEqual(first);
  });
});
