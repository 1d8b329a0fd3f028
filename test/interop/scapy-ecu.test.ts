/** The station provisions an ECU that talks by scapy's ISO-TP, beside a simulated ECU at the same bus, where python-can reads what the station sends. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { python, requireTool, works } from "../require.js";
import { root, run, startEcu, tempFolder } from "../system/harness.js";
import { killPythonEcus, startPythonEcu } from "./python-ecu.js";

const present = requireTool(
  "python3 with scapy, python-can, pyserial and cryptography",
  () => works(python, ["-c", "import can, serial, cryptography, scapy.contrib.isotp"]),
  "apt-get install -y python3-scapy python3-can python3-serial python3-cryptography",
);

afterAll(killPythonEcus);

interface Read {
  /** of the station, at 7E0 */
  frames: number;
  /** hex */
  messages: string[];
  trouble: string[];
}

/** python-can at the bus; `stop` gives what it read. */
async function startReader(url: string): Promise<{ stop(): Promise<Read> }> {
  const child = spawn(python, [join(root, "test/interop/python/can_reader.py"), url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: string[] = [];
  const closed = new Promise((resolve) => child.on("close", resolve));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      resolve();
    });
    void closed.then(() => reject(new Error("can_reader.py ended")));
  });
  return {
    async stop() {
      child.kill("SIGTERM");
      await closed;
      return JSON.parse(lines.at(-1) ?? "") as Read;
    },
  };
}

describe.runIf(present)("an ECU on scapy's ISO-TP", () => {
  it("is provisioned, and python-can reads every request of the run", { timeout: 240_000 }, async () => {
    const other = await startEcu("ccu");
    const reader = await startReader(other.url);
    const ecu = await startPythonEcu(["--bus", other.url], "scapy_ecu.py");
    const inputs = ["--vin", "KMHSX2ABCD1234567", "--pcid", "KM8P2844A9TD84HR91", "--evccid", "KM7V200DA343BEMZEG80"];
    const rest = ["--link", other.url, "--data", tempFolder("interop"), "--json"];
    const finished = await run("ecustation", ["run", "--profile", "evcc", ...inputs, ...rest], { limit: 200_000 });
    const state = await ecu.stop();
    const read = await reader.stop();
    await other.stop();
    expect(JSON.parse(finished.stdout), finished.stderr).toMatchObject({ outcome: "PASS" });
    expect(state).toMatchObject({ vin: "KMHSX2ABCD1234567", locked: true, session: 1, wrongKeys: 0, resets: 1 });
    expect(Object.keys(state.slots)).toHaveLength(11);
    expect(Object.keys(state.certificates)).toEqual(["0", "1", "2"]);
    expect(state.complaints).toEqual([]);
    expect(read.trouble).toEqual([]);
    expect(read.frames).toBeGreaterThan(200);
    expect(read.messages).toHaveLength(state.requests);
    expect(read.messages[0]?.slice(0, 2)).toBe("22");
    expect(read.messages.filter((message) => message.startsWith("31010210"))).toHaveLength(11);
    expect(read.messages.at(-1)).toBe("1001");
  });
});
