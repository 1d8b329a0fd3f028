/** The simulator's control socket, driven by another hand's program while a station works on the ECU. */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { requireTool, works } from "../require.js";
import { EVCC_ARGS, recordOf, runEvcc } from "./cases.js";
import { start, startEcu, tempFolder } from "./harness.js";

const socat = requireTool("socat", () => works("socat", ["-V"]), "apt-get install -y socat");

interface Status {
  readonly ok: boolean;
  readonly memory?: { readonly rss: number; readonly heap: number };
  readonly ecus: readonly {
    readonly power: string;
    readonly counters: Readonly<Record<string, number>>;
    readonly facts: { readonly lifeCycle: string; readonly sheSlots: readonly unknown[] } | null;
  }[];
}

/** One line in, one line out, by a plain socket. */
function plain(path: string, request: object): Promise<Status> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    socket.once("error", reject);
    createInterface({ input: socket }).once("line", (line) => {
      socket.destroy();
      resolve(JSON.parse(line) as Status);
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}

describe("the control socket of ecu-sim", () => {
  it.skipIf(!socat)("obeys socat: a fault is set on a running unit, seen by the station, and cleared", async () => {
    const path = join(tempFolder("control"), "socket");
    const data = tempFolder();
    const ecu = await startEcu("evcc", ["--control", `unix:${path}`]);
    const bySocat = (request: object) =>
      spawnSync("socat", ["-t", "5", "-", `UNIX-CONNECT:${path}`], { input: `${JSON.stringify(request)}\n` });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(JSON.parse(String(bySocat({ cmd: "set", fault: "wrong-kind" }).stdout))).toMatchObject({ ok: true });
    const refused = await runEvcc(ecu.url, data);
    expect(refused.record).toMatchObject({ outcome: "FAIL" });
    bySocat({ cmd: "clear" });
    const passed = (await runEvcc(ecu.url, data)).record;
    expect(passed.outcome).toBe("PASS");
    const { ecus } = await plain(path, { cmd: "status" });
    expect(ecus[0]?.facts).toMatchObject({ lifeCycle: "locked" });
    expect(ecus[0]?.facts?.sheSlots).toHaveLength(11);
    expect(ecus[0]?.counters.workingMs).toBeGreaterThan(0);
    expect((await ecu.stop()).stderr).toBe("");
  });

  it("pulls the plug of the unit while it works: the run ends without a verdict on it, the next one passes", async () => {
    const path = join(tempFolder("control"), "socket");
    const data = tempFolder();
    const ecu = await startEcu("evcc", ["--control", `unix:${path}`]);
    const first = start("ecustation", ["run", ...EVCC_ARGS, "--link", ecu.url, "--data", data, "--json"], {
      limit: 120_000,
    });
    let status = await plain(path, { cmd: "status" });
    while ((status.ecus[0]?.facts?.sheSlots.length ?? 0) < 2) status = await plain(path, { cmd: "status" });
    expect((await plain(path, { cmd: "power", on: false })).ecus[0]).toMatchObject({ power: "off", facts: null });
    const cut = recordOf(await first.finished);
    expect(["TIMEOUT", "ERROR"]).toContain(cut.outcome);
    await plain(path, { cmd: "power", on: true });
    expect((await runEvcc(ecu.url, data)).record.outcome).toBe("PASS");
    await ecu.stop();
  });
});

describe("32 ECUs in one process", () => {
  it("take less than 30 MB each, after units were provisioned on some", { timeout: 300_000 }, async () => {
    const path = join(tempFolder("control"), "socket");
    const many = start("ecu-sim", ["--profile", "evcc", "--count", "32", "--control", `unix:${path}`], {
      limit: 300_000,
    });
    const { ecus } = JSON.parse(await many.line(() => true)) as { ecus: { listening: string }[] };
    for (const { listening } of ecus.slice(0, 3))
      expect((await runEvcc(listening, tempFolder())).record).toMatchObject({ outcome: "PASS" });
    const { memory } = await plain(path, { cmd: "status" });
    process.stdout.write(`32 ECUs: ${memory?.rss} MB resident, ${memory?.heap} MB of it heap in use\n`);
    // A third of what they may take.
    expect(memory?.rss).toBeLessThan((32 * 30) / 3);
    await many.stop();
  });
});
