import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/cli/config.js";
import { openSinks } from "../../src/cli/results.js";
import { type MqttOptions, type MqttTls, mqttSink } from "../../src/records/sinks/mqtt.js";
import { systemClock } from "../../src/shared/clock.js";
import { silentLogger } from "../../src/shared/logger.js";
import { Secret } from "../../src/shared/secret.js";
import { freePort } from "../free-port.js";
import { requireTool, works } from "../require.js";
import { foreignTls, tls as localTls } from "../unit/clients/helpers.js";
import { going, resultRow } from "../unit/records/sinks/rows.js";

const there = requireTool(
  "mosquitto",
  () => works("sh", ["-c", "PATH=$PATH:/usr/sbin command -v mosquitto mosquitto_sub mosquitto_passwd"]),
  "apt-get install -y mosquitto mosquitto-clients",
);
const PASSWORD = "broker-password";

/** Resolves when the broker's log says so, from now on. */
function says(child: ChildProcess | undefined, text: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = "";
    const look = (chunk: Buffer) => {
      seen += chunk.toString();
      if (text.test(seen)) resolve();
    };
    child?.stderr?.on("data", look);
    child?.once("exit", () => reject(new Error(`it ended: ${seen}`)));
  });
}

describe.runIf(there)("mosquitto as a receiver of results", () => {
  let folder: string;
  let port: number;
  /** Of the listener that speaks TLS and wants a certificate. */
  let tlsPort: number;
  let tls: MqttTls;
  let broker: ChildProcess | undefined;

  const start = async () => {
    broker = spawn("mosquitto", ["-v", "-c", join(folder, "broker.conf")], {
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    await says(broker, /mosquitto version .* running/);
  };
  const stop = async () => {
    const ended = new Promise((resolve) => broker?.once("close", resolve));
    broker?.kill();
    await ended;
  };
  const sink = (more: Partial<MqttOptions> = {}) =>
    mqttSink({
      name: "mes",
      host: "127.0.0.1",
      port,
      version: 5,
      clientId: "ecustation-line-3",
      username: "station",
      password: async () => new Secret(new TextEncoder().encode(PASSWORD)),
      topic: "plant/line-3/results",
      ...more,
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "mqtt-"));
    chmodSync(folder, 0o755);
    port = await freePort();
    tlsPort = await freePort();
    const passwords = join(folder, "passwords");
    writeFileSync(passwords, "");
    works("mosquitto_passwd", ["-b", passwords, "station", PASSWORD]);
    chmodSync(passwords, 0o644);
    const { caPem, certPem, keyPem, clientCertPem, clientKeyPem } = await localTls();
    tls = { ca: caPem, cert: clientCertPem, key: clientKeyPem };
    for (const [name, text] of Object.entries({ caPem, certPem, keyPem })) {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o644);
    }
    const secured = { cafile: "caPem", certfile: "certPem", keyfile: "keyPem" };
    writeFileSync(
      join(folder, "broker.conf"),
      [
        `allow_anonymous false`,
        `password_file ${passwords}`,
        `listener ${port} 127.0.0.1`,
        `listener ${tlsPort} 127.0.0.1`,
        ...Object.entries(secured).map(([key, name]) => `${key} ${join(folder, name)}`),
        "require_certificate true",
        "",
      ].join("\n"),
    );
    await start();
  });
  afterAll(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a subscriber gets of what `publish` sends. */
  async function received(publish: () => Promise<void>): Promise<string> {
    const who = ["-h", "127.0.0.1", "-p", String(port), "-u", "station", "-P", PASSWORD];
    const subscribed = says(broker, /Sending SUBACK/);
    const judge = spawn("mosquitto_sub", [...who, "-t", "plant/+/results", "-q", "1", "-C", "1", "-F", "%q %p"]);
    let printed = "";
    judge.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
    const ended = new Promise((resolve) => judge.once("close", resolve));
    // The subscriber's own word waits in its buffer until it ends.
    await subscribed;
    await publish();
    await ended;
    return printed;
  }
  const RESULT = `1 ${JSON.stringify(resultRow().result)}\n`;

  it.each([5, 4] as const)("hands a result on to its subscriber (protocol level %i)", async (version) => {
    expect(await received(() => sink({ version }).deliver(resultRow(), going))).toBe(RESULT);
  });

  it.each([
    [5, "127.0.0.1"],
    [4, "localhost"],
  ] as const)("takes it over TLS from a station with a certificate (protocol level %i, %s)", async (version, host) => {
    const secured = sink({ version, host, port: tlsPort, tls: async () => tls });
    expect(await received(() => secured.deliver(resultRow(), going))).toBe(RESULT);
  });

  it("is spoken to as the configuration says, by MQTT 5 where it says nothing of that", async () => {
    writeFileSync(join(folder, "password.txt"), `${PASSWORD}\n`);
    for (const [name, text] of Object.entries(tls)) writeFileSync(join(folder, name), text);
    const files = { caFile: "ca", clientCertFile: "cert", clientKeyFile: "key", passwordFile: "password.txt" };
    const url = `mqtts://localhost:${tlsPort}`;
    const configured = { kind: "mqtt", url, topic: "plant/line-3/results", username: "station", ...files };
    const text = JSON.stringify({ schema: 1, mode: "plant", results: { sinks: { mes: configured } } });
    const { results } = parseConfig(text, join(folder, "station.yaml"), folder, {});
    const [opened] = await openSinks(results, { station: "line-3", clock: systemClock, logger: silentLogger });
    const connected = says(broker, /New client connected \S+ \S+ as ecustation-line-3 \(p5,/);
    expect(await received(async () => opened?.deliver(resultRow(), going))).toBe(RESULT);
    await connected;
  });

  it("is asked for by its name where it has one", async () => {
    const asked = new Promise<string>((resolve) => {
      const server = createServer((socket) => {
        socket.once("data", (hello) => {
          resolve(hello.toString("latin1"));
          socket.destroy();
          server.close();
        });
      }).listen(0, "127.0.0.1", () => {
        const address = server.address();
        const at = typeof address === "object" && address !== null ? address.port : 0;
        void sink({ host: "localhost", port: at, tls: async () => tls })
          .deliver(resultRow(), going)
          .catch(() => undefined);
      });
    });
    expect(await asked).toContain("localhost");
  });

  it.each([
    ["with no certificate of the station's", async () => ({ ca: tls.ca })],
    [
      "with a certificate of another CA than the station believes",
      async () => ({ ...tls, ca: (await foreignTls()).caPem }),
    ],
  ])("over TLS %s is out of reach, and gets nothing", async (_, given) => {
    const secured = sink({ port: tlsPort, tls: given });
    await expect(secured.deliver(resultRow(), going)).rejects.toMatchObject({
      code: "SINK_UNREACHABLE",
      details: { what: expect.stringMatching(/certificate|handshake|alert|ended/i) },
    });
  });

  it("delivers nothing where nobody has subscribed", async () => {
    await expect(sink().deliver(resultRow(), going)).rejects.toMatchObject({
      code: "SINK_FAULT",
      details: { what: "nobody has subscribed to the topic" },
    });
  });

  it("refuses a wrong password, and the error does not tell it", async () => {
    const password = async () => new Secret(new TextEncoder().encode("wrong-password"));
    const error: unknown = await sink({ password })
      .deliver(resultRow(), going)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "SINK_UNREACHABLE",
      details: { what: expect.stringMatching(/not authorized|password/) },
    });
    expect(JSON.stringify(error)).not.toContain("wrong-password");
  });

  it("is out of reach while it is away, and takes results when it is back", async () => {
    await stop();
    await expect(sink({ version: 4 }).deliver(resultRow(), going)).rejects.toMatchObject({ code: "SINK_UNREACHABLE" });
    await start();
    await sink({ version: 4 }).deliver(resultRow(), going);
  });
});
