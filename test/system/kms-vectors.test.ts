import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireOpenssl } from "../require.js";
import published from "../vectors/she-published.json" with { type: "json" };
import { root, type Servers, startServers, tempFolder } from "./harness.js";

const ECU = "010203040506070801020304000300010000000000000000000002";

/** The KMS document's sample requests, mended: its numbers' misprints, and the fields that its table wants of SecOCKey. */
const SAMPLES = [
  { vector: "V7", request: { ProvisioningType: "EcuMasterKey", EcuID: ECU, KeyID: "1" } },
  {
    vector: "V5",
    request: {
      ProvisioningType: "SupplierSymmKey",
      EcuID: "0102030405060708010203040001001D0102030405060708090A0B",
      KeyID: "D",
    },
  },
  {
    vector: "V6",
    request: {
      ProvisioningType: "SecOckKey",
      EcuID: ECU,
      KeyID: "5",
      SupplierSecretKey: "published-cluster",
      Counter: "1",
      Challenge: "00000000000000000000000000000000",
    },
  },
] as const;

let servers: Servers;
beforeAll(async () => {
  const registry = join(root, "config/registry.published-vectors.yaml");
  servers = await startServers(["--registry", registry, "--data", tempFolder("vectors")]);
});
afterAll(() => servers?.stop());

const files = () => {
  const [ca, cert, key] = [servers.ca, servers.clientCert, servers.clientKey].map((file) => readFileSync(file));
  return { ca, cert, key };
};

/** POST over TLS by Node's own client, which knows the printed CA alone. */
function post(path: string, body: unknown, withCertificate: boolean): Promise<{ status: number; body: unknown }> {
  const { ca, cert, key } = files();
  const tls = withCertificate ? { ca, cert, key } : { ca };
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json; charset=UTF-8" };
    const sent = request(new URL(path, servers.kms), { method: "POST", ...tls, headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) as unknown }));
    });
    sent.on("error", reject);
    sent.end(JSON.stringify(body));
  });
}

/** M1–M5 of a published vector; its M4 is M1 with the device's UID, then M4*. */
function messages(id: string) {
  const found = published.vectors.find((vector) => vector.id === id);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return { M1: found.m1, M2: found.m2, M3: found.m3, M4: `${found.m1}${found.m4star}`, M5: found.m5 };
}

describe("ecustation servers with the registry of the published vectors", () => {
  it("says where it is in a first line of five fields", async () => {
    const line = JSON.parse(await servers.line(() => true)) as Record<string, string>;
    expect(Object.keys(line)).toEqual(["vpki", "kms", "ca", "clientCert", "clientKey"]);
    expect(line.vpki).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(line.kms).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(line.kms).not.toBe(line.vpki);
    for (const name of ["ca", "clientCert"]) expect(readFileSync(line[name] ?? "", "utf8")).toMatch(/^-----BEGIN CERT/);
    expect(readFileSync(line.clientKey ?? "", "utf8")).toMatch(/^-----BEGIN (EC )?PRIVATE KEY/);
  });

  // In the document's order: the second request of an ECU must not depend on the first.
  it.each(SAMPLES)("answers the mended sample of $vector byte for byte", async ({ vector, request }) => {
    const answer = await post("/app/automotive/supplierKeyProvisioning", request, true);
    const more = vector === "V6" ? { KeySyncValue: expect.stringMatching(/^[0-9a-f]{32}$/) } : {};
    expect(answer).toEqual({
      status: 200,
      body: {
        ResultStatus: "Success",
        ResultReason: "",
        ResultMessage: "",
        Records: { KeyID: request.KeyID, ...messages(vector), ...more },
      },
    });
  });

  it("serves a client of this machine that shows no certificate", async () => {
    const answer = await post("/app/automotive/supplierKeyProvisioning", {}, false);
    expect(answer).toMatchObject({
      status: 200,
      body: { ResultStatus: "OperationFailed", ResultMessage: "The ProvisioningType is required." },
    });
  });
});

describe("both servers speak TLS 1.2 at least", () => {
  it.each(["kms", "vpki"] as const)("%s refuses TLS 1.1 with an alert", async (name) => {
    const ended = handshake(servers[name], "TLSv1.1");
    await expect(ended).rejects.toMatchObject({ code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" });
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("speak %s", async (version) => {
    expect(await handshake(servers.kms, version)).toBe(version);
    expect(await handshake(servers.vpki, version)).toBe(version);
  });

  it.each(["kms", "vpki"] as const)("%s does not answer plain HTTP", async (name) => {
    const asked = new Promise((resolve, reject) => {
      get(servers[name].replace("https:", "http:"), { agent: false }, resolve).on("error", reject);
    });
    await expect(asked).rejects.toThrow(/socket hang up|ECONNRESET|Parse Error/);
  });

  it.each(["kms", "vpki"] as const)("%s is not trusted without the printed CA", async (name) => {
    await expect(handshake(servers[name], "TLSv1.3", false)).rejects.toThrow(/self-signed|unable to|verify/);
  });
});

describe.skipIf(!requireOpenssl())("openssl s_client", () => {
  it.each(["kms", "vpki"] as const)("verifies the chain and the address of %s", (name) => {
    const done = client(name, ["-tls1_2"]);
    expect(done.output).toContain("Verify return code: 0 (ok)");
    expect(done.output).toMatch(/Protocol *: TLSv1\.2/);
    expect(done.status).toBe(0);
  });

  it("is refused with TLS 1.1", () => {
    const done = client("kms", ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    expect(done.status).not.toBe(0);
    expect(done.output).toContain("alert protocol version");
  });
});

/** The version agreed on. */
function handshake(url: string, version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3", trusted = true): Promise<string | null> {
  const { hostname, port } = new URL(url);
  const { ca } = trusted ? files() : { ca: undefined };
  // OpenSSL 3 offers TLS 1.1 at security level 0 alone: the refusal must be the server's.
  const old = version === "TLSv1.1" ? { ciphers: "DEFAULT@SECLEVEL=0" } : {};
  return new Promise((resolve, reject) => {
    const settings = { host: hostname, port: Number(port), minVersion: version, maxVersion: version, ...old };
    const socket = connect({ ...settings, ...(ca === undefined ? {} : { ca }) }, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed before the handshake ended")));
  });
}

function client(name: "kms" | "vpki", more: readonly string[]): { status: number | null; output: string } {
  const { host, hostname } = new URL(servers[name]);
  const identity = ["-cert", servers.clientCert, "-key", servers.clientKey];
  const checks = ["-CAfile", servers.ca, "-verify_return_error", "-verify_ip", hostname, "-x509_strict"];
  const args = ["s_client", "-connect", host, ...identity, ...checks, ...more];
  const done = spawnSync("openssl", args, { input: "", encoding: "utf8", timeout: 20_000 });
  return { status: done.status, output: `${done.stdout}${done.stderr}` };
}
