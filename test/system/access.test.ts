/** Whom the servers let in: real programs and sockets, every refusal in the audit log. */
import { spawnSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { Agent, type AgentOptions, request } from "node:https";
import { join } from "node:path";
import { type ConnectionOptions, connect } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { KMS_PATHS } from "../../src/contract/kms.js";
import { vpkiPath } from "../../src/contract/vpki.js";
import { requireOpenssl, requireTool, works } from "../require.js";
import { type Holder, makeCa, makeClient } from "../unit/servers/http/certificates.js";
import { kmsFile, rows, vpkiFile } from "./cases.js";
import { run, type Servers, startServers, tempFolder, writePlantRegistry } from "./harness.js";

const ISSUE = vpkiPath("prov-15118-2", "issue");
const NOT_ALLOWED = { resultMessage: "This client is not allowed to do this" };
const ECU = "010203040506070801020304000300010000000000000000000002";

let ca: Holder;
let line: Holder;
let rework: Holder;
let own: AgentOptions;
const data = tempFolder();
const accessFile = join(data, "access.yaml");
let servers: Servers;

/** The line issues and loads keys, the rework bench (by its self-signed certificate) revokes. */
function list(lineAddresses = "127.0.0.1"): string {
  return `schema: 1
roles:
  line:
    vpki: { issue: [prov-15118-2], reissue: all }
    kms: { POST key: [Prod], PUT key: all }
  rework:
    vpki: { revoke: all }
clients:
  - name: line-1
    certificate: { issuer: plant-ca.pem, dns: line-1.plant.example }
    addresses: [${lineAddresses}]
    roles: [line]
  - name: rework-1
    certificate: { publicKey: ${rework.pin} }
    addresses: [127.0.0.0/8]
    roles: [rework]
`;
}

function replaceList(text: string): void {
  writeFileSync(`${accessFile}.new`, text);
  renameSync(`${accessFile}.new`, accessFile);
}

beforeAll(async () => {
  ca = await makeCa();
  line = await makeClient({ issuer: ca, cn: "line-1", dns: ["line-1.plant.example"] });
  rework = await makeClient({ cn: "rework-1" });
  writeFileSync(join(data, "plant-ca.pem"), ca.cert);
  writeFileSync(accessFile, list());
  const config = join(data, "station.yaml");
  writeFileSync(
    config,
    "schema: 1\nmode: plant\nservers: { embedded: { access: access.yaml, registry: registry.yaml } }\n",
  );
  writePlantRegistry(data);
  servers = await startServers(["--config", config, "--data", data, "--log"]);
  own = { cert: readFileSync(servers.clientCert, "utf8"), key: readFileSync(servers.clientKey, "utf8") };
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** One request; `agent` keeps its connection. */
function ask(url: string, body: unknown, tls: AgentOptions, method = "POST", agent?: Agent): Promise<Answer> {
  const headers = { "content-type": "application/json; charset=UTF-8" };
  const how = agent === undefined ? { ...tls, agent: false as const } : { agent };
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...how, ca: readFileSync(servers.ca), method, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () =>
        resolve({ status: answer.statusCode, headers: answer.headers, body: JSON.parse(text) as unknown }),
      );
    });
    sent.on("error", reject).end(JSON.stringify(body));
  });
}

const vpki = (path: string, body: unknown, tls: AgentOptions, agent?: Agent) =>
  ask(`${servers.vpki}${path}`, body, tls, "POST", agent);
const key = (body: object, tls: AgentOptions, method = "POST") =>
  ask(
    `${servers.kms}${KMS_PATHS.key}`,
    { ProvisioningType: "EcuMasterKey", EcuID: ECU, KeyID: "1", ...body },
    tls,
    method,
  );

interface Row {
  readonly actor: string;
  readonly action: string;
  readonly outcome: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The last row of a server's audit log. */
function lastRow(file: string): Row | undefined {
  const sql = "SELECT actor, action, outcome, details FROM audit ORDER BY seq DESC LIMIT 1";
  const [row] = rows<Omit<Row, "details"> & { details: string }>(file, sql);
  return row && { ...row, details: JSON.parse(row.details) as Row["details"] };
}

/** Tries again until it is as expected; the test's own limit ends it. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

describe("a listed client", () => {
  it("is served what its role allows, and the decision is under its name", async () => {
    // No CSR: the check of the request itself refuses it.
    expect(await vpki(ISSUE, {}, line)).toMatchObject({ status: 400, body: { resultMessage: "Csr is empty" } });
    expect(lastRow(vpkiFile(data))).toMatchObject({ actor: "127.0.0.1 line-1", details: { failure: "empty" } });
    expect(await key({}, line)).toMatchObject({ status: 200, body: { ResultStatus: "Success" } });
    expect(lastRow(kmsFile(data))).toMatchObject({ actor: "127.0.0.1 line-1", outcome: "issued" });
  });

  it("may have a self-signed certificate", async () => {
    expect(await vpki(vpkiPath("ccu-sha512", "revoke"), {}, rework)).toMatchObject({ status: 400 });
  });

  it("is refused other endpoints, types and phases, in the contract's words", async () => {
    const cases = [
      [ISSUE, rework, { why: "operation not allowed", client: "rework-1" }],
      [vpkiPath("ccu-sha512", "issue"), line, { why: "scope not allowed", client: "line-1", type: "ccu-sha512" }],
      [vpkiPath("prov-15118-2", "revoke"), line, { why: "operation not allowed", client: "line-1" }],
    ] as const;
    for (const [path, client, details] of cases) {
      expect(await vpki(path, {}, client)).toMatchObject({ status: 401, body: NOT_ALLOWED });
      expect(lastRow(vpkiFile(data))).toMatchObject({
        actor: `127.0.0.1 ${details.client}`,
        outcome: "refused",
        details: { ...details, status: 401, failure: "notAllowed", certificate: { subject: `CN=${details.client}` } },
      });
    }
    const refused = {
      status: 401,
      body: {
        ResultStatus: "OperationFailed",
        ResultReason: "INVALID",
        ResultMessage: "This client is not allowed to do this.",
      },
    };
    expect(await key({}, rework)).toMatchObject(refused);
    expect(lastRow(kmsFile(data))).toMatchObject({ action: "POST key", details: { why: "operation not allowed" } });
    expect(await key({ Phase: "Dev" }, line)).toMatchObject(refused);
    expect(lastRow(kmsFile(data))).toMatchObject({ action: "POST key", details: { why: "scope not allowed" } });
  });
});

describe("a client that is not listed is refused, and the audit log says why", () => {
  it.each<[string, () => Promise<AgentOptions> | AgentOptions, string]>([
    ["without a certificate", () => ({}), "no certificate"],
    [
      "with another certificate of the same CA",
      () => makeClient({ issuer: ca, dns: ["x.example"] }),
      "certificate not listed",
    ],
    ["with a certificate of a CA of the same name", fromFalseCa, "certificate not listed"],
    ["with a self-signed certificate", () => makeClient({ dns: ["line-1.plant.example"] }), "certificate not listed"],
    ["with the installation's own certificate, which this list leaves out", () => own, "certificate not listed"],
    [
      "with an expired certificate",
      () => makeClient({ issuer: ca, dns: ["line-1.plant.example"], to: -0.1 }),
      "certificate expired",
    ],
    ["from another address", () => ({ ...line, localAddress: "127.0.0.2" }), "address not listed"],
  ])("%s", async (_, client, why) => {
    const tls = await client();
    const address = tls.localAddress ?? "127.0.0.1";
    expect(await vpki(ISSUE, {}, tls)).toMatchObject({ status: 401, body: NOT_ALLOWED });
    for (const file of [vpkiFile(data), kmsFile(data)]) {
      if (file === kmsFile(data)) expect(await key({}, tls)).toMatchObject({ status: 401 });
      expect(lastRow(file)).toMatchObject({
        actor: expect.stringMatching(new RegExp(`^${address}`)),
        outcome: "refused",
        details: { why, failure: "notAllowed" },
      });
    }
  });

  it("also at paths that nobody takes", async () => {
    expect(await vpki("/phpmyadmin", {}, {})).toMatchObject({ status: 401 });
    expect(lastRow(vpkiFile(data))).toMatchObject({ action: "POST", details: { why: "no certificate" } });
    expect(await vpki("/phpmyadmin", {}, line)).toMatchObject({ status: 404 });
    expect(lastRow(vpkiFile(data))).toMatchObject({ actor: "127.0.0.1 line-1", details: { status: 404 } });
  });

  it.each(["TLSv1", "TLSv1.1"] as const)("with %s alone, in the handshake", async (version) => {
    const old = { minVersion: version, maxVersion: version, ciphers: "ALL:@SECLEVEL=0" } as const;
    await expect(handshake(servers.kms, old)).rejects.toThrow(/protocol version|unsupported protocol/i);
    await until(() => lastRow(kmsFile(data))?.action === "handshake");
    expect(lastRow(kmsFile(data))).toMatchObject({
      actor: "127.0.0.1",
      outcome: "refused",
      details: { failure: "ERR_SSL_UNSUPPORTED_PROTOCOL" },
    });
  });

  it("but asks for the health without a certificate", async () => {
    expect(await ask(`${servers.vpki}/healthz`, undefined, {}, "GET")).toMatchObject({ status: 200 });
  });
});

async function fromFalseCa(): Promise<Holder> {
  return makeClient({ issuer: await makeCa(), dns: ["line-1.plant.example"] });
}

function handshake(url: string, options: ConnectionOptions): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ca: readFileSync(servers.ca), ...options }, () => {
      resolve(socket.getCipher().name);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("the list", () => {
  it("counts anew without a restart, also for connections that are open, and an invalid one does not", async () => {
    const agent = new Agent({ ...line, ca: readFileSync(servers.ca), keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    agent.on("free", (socket) => sockets.add(socket));
    const status = async () => (await vpki(ISSUE, {}, {}, agent)).status;
    expect(await status()).toBe(400);

    replaceList(list("10.0.0.0/8"));
    await until(async () => (await status()) === 401);
    expect(lastRow(vpkiFile(data))).toMatchObject({
      actor: "127.0.0.1 line-1",
      details: { why: "address not listed" },
    });

    replaceList("schema: 1\nroles: {");
    servers.child.kill("SIGHUP");
    replaceList(list());
    servers.child.kill("SIGHUP");
    await until(async () => (await status()) === 400);
    // All of it on one connection.
    expect(sockets.size).toBe(1);
    agent.destroy();
  });
});

const probe = ["-tls1_2", "-cipher"];
describe.skipIf(!requireOpenssl())("openssl s_client", () => {
  const client = (...more: string[]) => {
    const args = ["s_client", "-connect", new URL(servers.vpki).host, ...more];
    const { status, stdout, stderr } = spawnSync("openssl", args, { input: "", encoding: "utf8", timeout: 20_000 });
    return { status, output: `${stdout}${stderr}` };
  };

  it("agrees on no suite but forward-secret AEAD ones", () => {
    const { stdout } = spawnSync("openssl", ["ciphers", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], {
      encoding: "utf8",
    });
    const suites = stdout.trim().split(":");
    expect(suites.length).toBeGreaterThan(40);
    const taken = suites.filter((suite) =>
      client(...probe, `${suite}:@SECLEVEL=0`).output.includes(`Cipher is ${suite}`),
    );
    expect(taken.sort()).toEqual([
      "ECDHE-ECDSA-AES128-GCM-SHA256",
      "ECDHE-ECDSA-AES256-GCM-SHA384",
      "ECDHE-ECDSA-CHACHA20-POLY1305",
    ]);
  }, 120_000);

  it.each(["-tls1", "-tls1_1"])("is refused with %s", (version) => {
    const { status, output } = client(version, "-cipher", "ALL:@SECLEVEL=0");
    expect(status).not.toBe(0);
    expect(output).toContain("alert protocol version");
  });

  it("is asked for a certificate of any CA", () => {
    expect(client("-tls1_2").output).toContain("No client certificate CA names sent");
  });
});

const gnutls = requireTool("gnutls-cli", () => works("gnutls-cli", ["--version"]), "apt-get install -y gnutls-bin");
describe.skipIf(!gnutls)("gnutls-cli", () => {
  it.each([
    ["NORMAL:-VERS-ALL:+VERS-TLS1.3", 0],
    ["NORMAL:-VERS-ALL:+VERS-TLS1.2", 0],
    ["NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC:+CAMELLIA-256-CBC", 1],
    ["NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", 1],
    ["NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0", 1],
  ])("with %s ends with %i", (priority, code) => {
    const { hostname, port } = new URL(servers.kms);
    const args = [`--priority=${priority}`, `--x509cafile=${servers.ca}`, "-p", port, hostname];
    expect(spawnSync("gnutls-cli", args, { input: "", timeout: 20_000 }).status).toBe(code);
  });
});

it("every refusal stands in chains that hold, and the log says whom the list lets in", async () => {
  const { code } = await run("ecustation", ["records", "verify", "--data", data]);
  expect(code).toBe(0);
  const { stderr } = await servers.stop();
  const log = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { message: string; what?: string });
  expect(log.filter(({ message }) => message.startsWith("allow list")).map(({ message }) => message)).toEqual(
    expect.arrayContaining(["allow list", "allow list taken"]),
  );
});

describe("without a list", () => {
  const write = (text: string) => {
    const file = join(tempFolder(), "station.yaml");
    writeFileSync(file, `schema: 1\n${text}`);
    writePlantRegistry(join(file, ".."));
    return file;
  };

  it("servers that other machines reach do not start, whatever the mode is", async () => {
    for (const [mode, host] of [
      ["simulator", "0.0.0.0"],
      ["plant", "192.0.2.1"],
    ]) {
      const file = write(`mode: ${mode}\nservers:\n  embedded:\n    host: ${host}\n`);
      const { code, stderr } = await run("ecustation", ["servers", "--config", file, "--data", tempFolder()]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/station\.yaml:5:11: servers\.embedded\.host: .*without an allow list/);
    }
  });

  it("a plant's take the programs of this machine with the installation's own certificate alone", async () => {
    const folder = tempFolder();
    const plant = await startServers([
      "--config",
      write("mode: plant\nservers: { embedded: { registry: registry.yaml } }\n"),
      "--data",
      folder,
    ]);
    const asked = (tls: AgentOptions) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { ...tls, ca: readFileSync(plant.ca), agent: false, method: "POST" };
        request(`${plant.vpki}${ISSUE}`, options, (answer) => resolve(answer.resume().statusCode))
          .on("error", reject)
          .end("{}");
      });
    const mine = { cert: readFileSync(plant.clientCert, "utf8"), key: readFileSync(plant.clientKey, "utf8") };
    expect([await asked(mine), await asked({}), await asked(line)]).toEqual([400, 401, 401]);
    await plant.stop();
  });

  it("config check says who comes in, and tells a list's mistake with its line", async () => {
    const file = write("mode: plant\nservers: { embedded: { access: access.yaml, registry: registry.yaml } }\n");
    const check = () => run("ecustation", ["config", "check", file]);
    expect(await check()).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/access\.yaml: there is no such file/),
    });
    writeFileSync(join(file, "..", "access.yaml"), "schema: 1\nroles: {}\nclients:\n  - { name: x }\n");
    expect(await check()).toMatchObject({ code: 2, stderr: expect.stringMatching(/access\.yaml:4:5: clients\[0\]\./) });
    writeFileSync(join(file, "..", "access.yaml"), "schema: 1\nroles: {}\nclients: []\n");
    expect(await check()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/allow list .*access\.yaml, 0 clients/),
    });
  });
});
