/** The vPKI with its CA keys in SoftHSM2: judged by OpenSSL and pkcs11-tool, with the token taken away, hung and killed. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CERTIFICATE_TYPES, type CertificateType, certificateTypes } from "../../src/pki/types.js";
import { run, type Servers, start, tempFolder } from "../system/harness.js";
import { csrPem, issueBody } from "../unit/servers/vpki/helpers.js";
import { MODULE, PIN, requireSoftHsm, SoftHsm, textOf, tokenProcesses } from "./softhsm.js";

const present = requireSoftHsm();

/** ms; what a signature may take. */
const CALL = 4_000;
const AUTHORITIES = ["CA01001", "CA05002", "CA05003", "ROOT-P256", "ROOT-P521"];
const FAULT = { status: 500, body: { resultMessage: "Internal Server Error" } };

interface Answer {
  readonly status: number;
  readonly body: { readonly cert?: string; readonly resultMessage?: string };
}

class Plant {
  readonly folder = tempFolder("token-plant");
  readonly data = join(this.folder, "data");
  readonly config = join(this.folder, "station.yaml");
  #agent: Agent | undefined;
  #servers: Servers | undefined;

  constructor(
    readonly hsm: SoftHsm,
    embedded = `caKeys: { pkcs11: { module: "${MODULE}", token: plant, pinFile: ${hsm.pinFile}, limits: { call: ${CALL}, pause: 200 } } }`,
  ) {
    writeFileSync(this.config, `schema: 1\nmode: simulator\nservers: { embedded: { ${embedded} } }\n`);
  }

  get chain(): string {
    return join(this.data, "servers/vpki/chain.pem");
  }

  get servers(): Servers {
    if (this.#servers === undefined) throw new Error("the servers do not run");
    return this.#servers;
  }

  args(...command: string[]): string[] {
    return ["--config", this.config, "--data", this.data, ...command];
  }

  async start(): Promise<void> {
    const running = start("ecustation", this.args("servers", "--log"), { env: this.hsm.env, limit: 300_000 });
    const first = JSON.parse(await running.line(() => true)) as Servers;
    this.#servers = { ...running, ...first };
    const read = (file: string) => readFileSync(file, "utf8");
    this.#agent = new Agent({
      connect: { ca: read(first.ca), cert: read(first.clientCert), key: read(first.clientKey) },
    });
  }

  async stop() {
    await this.#agent?.close();
    return this.servers.stop();
  }

  async issue(type: CertificateType): Promise<Answer> {
    const body = JSON.stringify(issueBody(type, await csrPem(type)));
    const url = `${this.servers.vpki}${CERTIFICATE_TYPES[type].basePath}/issue`;
    const headers = { "content-type": "application/json" };
    const options = { method: "POST", headers, body } as const;
    const answer = await request(url, this.#agent === undefined ? options : { ...options, dispatcher: this.#agent });
    return { status: answer.statusCode, body: (await answer.body.json()) as Answer["body"] };
  }

  /** What openssl says of an issued certificate. */
  verify(type: CertificateType, { body }: Answer): string {
    const file = join(this.folder, `${type}.pem`);
    writeFileSync(file, body.cert ?? "");
    const text = execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", this.chain, file]).toString();
    return text.replace(file, "").trim();
  }

  /** Asks until the answer is 200; other answers must be those of a token that is away. */
  async issueAgain(type: CertificateType): Promise<Answer> {
    for (const end = Date.now() + 30_000; ; ) {
      const answer = await this.issue(type);
      if (answer.status === 200) return answer;
      expect(answer).toEqual(FAULT);
      if (Date.now() > end) throw new Error("the token is not used again");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

describe.runIf(present)("CA keys in a token", () => {
  let plant: Plant;
  beforeAll(async () => {
    plant = new Plant(new SoftHsm("other", "plant"));
    await plant.start();
  });
  afterAll(() => plant.stop());

  it.each(certificateTypes)("sign certificates of type %s that openssl verifies strictly", async (type) => {
    const answer = await plant.issue(type);
    expect(answer.status).toBe(200);
    expect(plant.verify(type, answer)).toBe(": OK");
  });

  it("are sensitive, never extractable and for signatures alone, says pkcs11-tool, and nowhere else", () => {
    const keys = plant.hsm.privateKeys("plant").sort((a, b) => a.label.localeCompare(b.label));
    expect(keys.map(({ label }) => label)).toEqual(AUTHORITIES);
    for (const { usage, access } of keys) {
      expect(usage).toBe("sign");
      expect(access).toBe("sensitive, always sensitive, never extractable, local");
    }
    expect(plant.hsm.privateKeys("other")).toEqual([]);
    const files = readdirSync(join(plant.data, "servers/vpki/ca"));
    expect(files.sort()).toEqual(AUTHORITIES.map((name) => `${name}.pem`));
  });

  it("sign for many callers at once, more than there are sessions", async () => {
    const types = Array.from({ length: 40 }, (_, i) => certificateTypes[i % certificateTypes.length] ?? "ccu-sha256");
    const answers = await Promise.all(types.map((type) => plant.issue(type)));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it("answer 500 in the contract's words while the token is away, and sign again when it is back", async () => {
    for (let round = 0; round < 2; round++) {
      plant.hsm.remove();
      try {
        for (const type of certificateTypes) expect(await plant.issue(type)).toEqual(FAULT);
      } finally {
        plant.hsm.putBack();
      }
      for (const type of certificateTypes) expect(plant.verify(type, await plant.issueAgain(type))).toBe(": OK");
    }
  });

  it("answer 500 within the limit when a call hangs, and sign again right after", async () => {
    await plant.issue("ccu-sha256");
    const [hung = 0] = tokenProcesses(plant.servers.child.pid ?? 0);
    process.kill(hung, "SIGSTOP");
    const began = performance.now();
    expect(await plant.issue("ccu-sha512")).toEqual(FAULT);
    expect(performance.now() - began).toBeGreaterThan(CALL - 100);
    expect(performance.now() - began).toBeLessThan(CALL * 3);
    expect(plant.verify("ccu-sha512", await plant.issueAgain("ccu-sha512"))).toBe(": OK");
    expect(tokenProcesses(plant.servers.child.pid ?? 0)).not.toContain(hung);
  });

  it("are not missed when their process is killed: the call under way goes to the next one", async () => {
    await plant.issue("ccu-sha256");
    const [victim = 0] = tokenProcesses(plant.servers.child.pid ?? 0);
    process.kill(victim, "SIGKILL");
    expect((await plant.issue("ccu-sha512")).status).toBe(200);
  });

  it("are those of the certificates after a restart, which needs no token", async () => {
    const chain = textOf(plant.chain);
    await plant.stop();
    expect(tokenProcesses(plant.servers.child.pid ?? 0)).toEqual([]);
    plant.hsm.remove();
    try {
      await plant.start();
      expect(await plant.issue("prov-15118-2")).toEqual(FAULT);
    } finally {
      plant.hsm.putBack();
    }
    expect(plant.verify("prov-15118-2", await plant.issueAgain("prov-15118-2"))).toBe(": OK");
    expect(textOf(plant.chain)).toBe(chain);
  });

  it("never show the PIN: not in the log, not in a file", async () => {
    const { stdout, stderr } = await plant.stop();
    expect(stderr).toContain("token lost");
    expect(stderr).toContain("token back");
    expect(`${stdout}${stderr}`).not.toContain(PIN);
    const files = readdirSync(plant.data, { recursive: true, encoding: "utf8" }).map((file) => join(plant.data, file));
    const plain = files.filter((file) => statSync(file).isFile());
    expect(plain.length).toBeGreaterThan(8);
    expect(plain.filter((file) => textOf(file).includes(PIN))).toEqual([]);
    await plant.start();
  });

  it("doctor logs in and names the mechanisms", async () => {
    const { code, stdout } = await run("ecustation", plant.args("doctor"), { env: plant.hsm.env });
    expect(stdout).toMatch(/^OK +token plant +SoftHSM v2, label plant, serial [0-9a-f]+, logged in, for CA keys$/m);
    expect(stdout).toMatch(/^OK +token plant +CKM_ECDSA \(signing\)$/m);
    expect(stdout).toMatch(/^OK +token plant +CKM_EC_KEY_PAIR_GEN \(making key pairs\)$/m);
    expect(code).toBe(0);
  });
});

describe.runIf(present)("a token that cannot be used is one clear line", () => {
  const broken = async (embedded: (hsm: SoftHsm) => string, change: (hsm: SoftHsm) => void = () => undefined) => {
    const hsm = new SoftHsm("plant");
    change(hsm);
    const plant = new Plant(hsm, embedded(hsm));
    const servers = await run("ecustation", plant.args("servers"), { env: hsm.env });
    const doctor = await run("ecustation", plant.args("doctor"), { env: hsm.env });
    const finding = /^FAILED +token .*$/m.exec(doctor.stdout)?.[0] ?? "";
    return { code: servers.code, lines: servers.stderr.trimEnd().split("\n"), stdout: servers.stdout, finding };
  };
  const caKeys = (token: string) => (hsm: SoftHsm) =>
    `caKeys: { pkcs11: { module: "${MODULE}", token: ${token}, pinFile: ${hsm.pinFile} } }`;

  it("for a wrong PIN, which is not in it", async () => {
    const seen = await broken(caKeys("plant"), (hsm) => writeFileSync(hsm.pinFile, "wrong-pin-1"));
    expect(seen.lines).toHaveLength(1);
    expect(seen.lines[0]).toMatch(
      /TOKEN_PIN_REFUSED: .*plant.*PIN.* \/ Token plant refused the PIN \(C_Login: CKR_PIN_/,
    );
    expect(seen.finding).toMatch(/refused the PIN .*correct the PIN file/);
    expect(JSON.stringify(seen)).not.toContain("wrong-pin-1");
    expect([seen.code, seen.stdout]).toEqual([3, ""]);
  });

  it("for a token of another label", async () => {
    const seen = await broken(caKeys("plnat"));
    expect(seen.lines).toHaveLength(1);
    expect(seen.lines[0]).toMatch(/TOKEN_ABSENT: .*Token plnat is not there \(it is in no slot\)/);
    expect(seen.finding).toMatch(/is not there/);
  });

  it("for a library that is none", async () => {
    const seen = await broken((hsm) => caKeys("plant")(hsm).replace(MODULE, "/etc/hostname"));
    expect(seen.lines).toHaveLength(1);
    expect(seen.lines[0]).toMatch(/TOKEN_MODULE_MISSING: .*\/etc\/hostname/);
    expect(seen.finding).toMatch(/cannot be loaded/);
  });

  it("for a PIN file that is not there", async () => {
    const seen = await broken((hsm) => caKeys("plant")(hsm).replace(hsm.pinFile, "/nosuch/pin"));
    expect(seen.lines).toHaveLength(1);
    expect(seen.lines[0]).toMatch(/^ecustation: Configuration error: \/nosuch\/pin: /);
  });
});

describe.runIf(present)("CAs of the plant's own", () => {
  it("sign with a key that is in a token already, under a root whose key is nowhere here", async () => {
    const hsm = new SoftHsm("cellar", "line");
    const at = (name: string) => join(hsm.folder, name);
    const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
    hsm.tool("cellar", ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "Plant CA", "--id", "a1"]);
    hsm.tool("cellar", ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "Plant CA", "--id", "a2"]);
    const read = ["--read-object", "--type", "pubkey", "--id", "a2", "--output-file", at("ca.der")];
    hsm.tool("cellar", read);
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", at("root.key"));
    const root = ["-key", at("root.key"), "-subj", "/C=KR/O=Plant/CN=Plant Root", "-days", "7000", "-sha256"];
    openssl("req", "-x509", ...root, "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", at("root.pem"));
    writeFileSync(
      at("ca.ext"),
      "basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n" +
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    );
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", at("any.key"));
    openssl("req", "-new", "-key", at("any.key"), "-subj", "/C=KR/O=Plant/CN=Plant CA 1", "-out", at("ca.csr"));
    openssl(
      "x509",
      "-req",
      "-in",
      at("ca.csr"),
      "-CA",
      at("root.pem"),
      "-CAkey",
      at("root.key"),
      "-days",
      "6000",
      "-force_pubkey",
      at("ca.der"),
      "-extfile",
      at("ca.ext"),
      "-sha256",
      "-out",
      at("ca.pem"),
    );
    const token = (label: string) => `{ module: "${MODULE}", token: ${label}, pinFile: ${hsm.pinFile} }`;
    const given = (id: string) =>
      `caKeys: { pkcs11: ${token("line")} }, authorities: { ROOT-P256: { certificateFile: ${at("root.pem")} }, ` +
      `CA01001: { certificateFile: ${at("ca.pem")}, pkcs11: ${token("cellar")}, keyLabel: Plant CA, keyId: ${id} } }`;
    const plant = new Plant(hsm, given('"a2"'));
    await plant.start();
    for (const type of ["prov-15118-2", "ccu-sha256", "vehicle-15118-20"] as const)
      expect(plant.verify(type, await plant.issue(type))).toBe(": OK");
    const issuer = openssl("x509", "-noout", "-issuer", "-in", join(plant.folder, "prov-15118-2.pem")).toString();
    expect(issuer).toContain("CN = Plant CA 1");
    expect(tokenProcesses(plant.servers.child.pid ?? 0)).toHaveLength(2);
    expect(
      hsm
        .privateKeys("line")
        .map(({ label }) => label)
        .sort(),
    ).toEqual(["CA05002", "CA05003", "ROOT-P521"]);
    await plant.stop();
    const other = new Plant(hsm, given('"a1"'));
    const { code, stderr } = await run("ecustation", other.args("servers"), { env: hsm.env });
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/TOKEN_KEY_MISSING: .*the key Plant CA is not the one of the CA's certificate\./),
    ]);
    const both = new Plant(hsm, given('"a2"').replace(', keyId: "a2"', ""));
    expect((await run("ecustation", both.args("servers"), { env: hsm.env })).stderr).toContain(
      "several keys are named Plant CA",
    );
  });
});
