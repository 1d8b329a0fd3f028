import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type MqttOptions, mqttSink } from "../../src/records/sinks/mqtt.js";
import { Secret } from "../../src/shared/secret.js";
import { requireTool, works } from "../require.js";
import { going, resultRow } from "../unit/records/sinks/rows.js";

const there = requireTool(
  "mosquitto",
  () => works("sh", ["-c", "PATH=$PATH:/usr/sbin command -v mosquitto mosquitto_sub mosquitto_passwd"]),
  "apt-get install -y mosquitto mosquitto-clients",
);
const PASSWORD = "broker-password";

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

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
    const passwords = join(folder, "passwords");
    writeFileSync(passwords, "");
    works("mosquitto_passwd", ["-b", passwords, "station", PASSWORD]);
    chmodSync(passwords, 0o644);
    writeFileSync(
      join(folder, "broker.conf"),
      `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${passwords}\n`,
    );
    await start();
  });
  afterAll(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([5, 4] as const)("hands a result on to its subscriber (protocol level %i)", async (version) => {
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
    await sink({ version }).deliver(resultRow(), going);
    await ended;
    expect(printed).toBe(`1 ${JSON.stringify(resultRow().result)}\n`);
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
