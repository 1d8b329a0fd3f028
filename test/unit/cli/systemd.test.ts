import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { Systemd } from "../../../src/cli/systemd.js";
import { asService } from "../../../src/cli/wait.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { StationError } from "../../../src/shared/errors.js";
import { type Logger, silentLogger } from "../../../src/shared/logger.js";
import { python, requireTool, works } from "../../require.js";

const there = requireTool("python3", () => works(python, ["--version"]), "apt-get install -y python3");
const notify = requireTool(
  "systemd-notify",
  () => works("systemd-notify", ["--version"]),
  "apt-get install -y systemd",
);

/** Prints what arrives at a unix datagram socket, a line a datagram. systemd-notify's barrier is a datagram of its own. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print("bound", flush=True)
while True:
    text = receiver.recv(4096).decode()
    if not text.startswith("BARRIER"): print(text.replace("\\n", " ").split(" ")[0] if text else "", flush=True)
`;

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "systemd-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A socket as systemd gives it; `next` is the next word that arrives. */
async function listen(): Promise<{ socket: string; next: () => Promise<string | undefined> }> {
  const socket = join(tempFolder(), "notify");
  const child = spawn(python, ["-c", RECEIVER, socket], { stdio: ["ignore", "pipe", "inherit"] });
  ends.push(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value as string | undefined;
  expect(await next()).toBe("bound");
  return { socket, next };
}

const options = (env: Record<string, string>, clock = new VirtualClock(), logger: Logger = silentLogger) => ({
  env: { PATH: process.env.PATH, ...env },
  clock,
  logger,
});

describe.runIf(there && notify)("what systemd hears of a service", () => {
  it("is that it is ready, lives and ends", async () => {
    const { socket, next } = await listen();
    const clock = new VirtualClock();
    const systemd = new Systemd(options({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: "30000000" }, clock));
    systemd.ready();
    expect(await next()).toBe("READY=1");
    for (let sign = 0; sign < 3; sign++) {
      // A timer stands once the word before it was said.
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(15_000);
      expect(await next()).toBe("WATCHDOG=1");
    }
    await systemd.close();
    expect(await next()).toBe("STOPPING=1");
  });

  it("is of a service's end by a signal that it stops", async () => {
    const { socket, next } = await listen();
    const end = new AbortController();
    const service = { ...options({ NOTIFY_SOCKET: socket }), signal: end.signal };
    const done = asService(service, async (ready) => {
      ready();
      expect(await next()).toBe("READY=1");
      end.abort(new StationError("RUN_ABORTED"));
      // While it still finishes what is under way.
      expect(await next()).toBe("STOPPING=1");
      throw end.signal.reason;
    });
    await expect(done).resolves.toBeUndefined();
  });
});

it("no sign of life is given for another process", async () => {
  const clock = new VirtualClock();
  const systemd = new Systemd(options({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }, clock));
  systemd.ready();
  expect(clock.pending).toBe(0);
  await systemd.close();
});

it("a word that cannot be said is logged once and does no harm", async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, "systemd-notify"), "#!/bin/sh\nexit 1\n");
  chmodSync(join(folder, "systemd-notify"), 0o755);
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const systemd = new Systemd(options({ PATH: folder, NOTIFY_SOCKET: "/nowhere" }, new VirtualClock(), logger));
  systemd.ready();
  await systemd.close();
  expect(warnings).toEqual(["systemd cannot be told"]);
});
