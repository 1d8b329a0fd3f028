import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../../../firmware-sim/control/commands.js";
import { main } from "../../../firmware-sim/main.js";
import { ask, FakeProcess, running, tell } from "./program.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "control-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Answer {
  readonly ok: boolean;
  readonly error?: string;
  readonly id?: string;
  readonly ecus?: readonly {
    readonly ecu: number;
    readonly power: string;
    readonly unit: boolean;
    readonly ecuId: string | null;
    readonly faults: readonly string[];
    readonly counters: Readonly<Record<string, number>>;
    readonly facts: Readonly<Record<string, unknown>> | null;
  }[];
  readonly known?: readonly { readonly name: string; readonly form: string }[];
}

/** A client that sends lines and hears lines. */
async function client(url: unknown) {
  const text = String(url);
  const [, path] = /^unix:(.*)$/.exec(text) ?? [];
  const socket = path === undefined ? connect(Number(/\d+$/.exec(text)?.[0]), "127.0.0.1") : connect(path);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const say = async (line: string): Promise<Answer> => {
    socket.write(`${line}\n`);
    const { value } = await lines.next();
    return JSON.parse(String(value)) as Answer;
  };
  return {
    say,
    do: (cmd: string, fields: object = {}) => say(JSON.stringify({ cmd, ...fields })),
    ended: () => lines.next().then(({ done }) => done),
    close: () => socket.destroy(),
  };
}

const TCP = ["--profile", "evcc", "--control", "tcp://127.0.0.1:0"];

describe("the control socket", () => {
  it("is said where it is, serves plain lines in order, and gives ids back", async () => {
    await running(TCP, async ({ control }) => {
      expect(control).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
      const c = await client(control);
      const { ok, id, ecus } = await c.do("status", { id: "a" });
      expect([ok, id, ecus?.length]).toEqual([true, "a", 1]);
      expect(ecus?.[0]).toMatchObject({ ecu: 0, power: "on", unit: true, faults: [] });
      c.close();
    });
  });

  it("is a file of its owner alone, which a killed program may have left behind, and is gone with the program", async () => {
    const path = join(folder, "control");
    const args = ["--profile", "evcc", "--control", `unix:${path}`];
    const { spawn } = await import("node:child_process");
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    await new Promise((resolve) => spawn(process.execPath, ["-e", script]).on("close", resolve));
    expect((await stat(path)).isSocket()).toBe(true);
    await running(args, async ({ control }) => {
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      const c = await client(control);
      expect((await c.do("status")).ok).toBe(true);
      const second = new FakeProcess();
      expect(await main(args, second)).toBe(3);
      expect(second.err).toMatch(/^ecu-sim: [^\n]*control[^\n]*\n$/);
      c.close();
    });
    await expect(stat(path)).rejects.toThrow("ENOENT");
  });

  it("leaves a file alone that is no socket", async () => {
    const path = join(folder, "file");
    await writeFile(path, "precious");
    const io = new FakeProcess();
    expect(await main(["--profile", "evcc", "--control", `unix:${path}`], io)).toBe(3);
    expect((await stat(path)).size).toBe(8);
  });

  it("ends a connection that sends no JSON object, so that no web page gets in", async () => {
    await running(TCP, async ({ control }) => {
      for (const line of ["POST / HTTP/1.1", "[]", "1"]) {
        const c = await client(control);
        expect(await c.say(line)).toEqual({ ok: false, error: "the line is not a JSON object" });
        expect(await c.ended()).toBe(true);
      }
    });
  });

  it.each([
    ['{"cmd":1}', /^cmd: missing/],
    ['{"cmd":"fly"}', /^cmd: no command is called "fly" \(status, /],
    ['{"cmd":"constructor"}', /^cmd: no command/],
    ['{"cmd":"status","colour":"red"}', /^colour: unknown/],
    ['{"cmd":"status","ecu":"0"}', /^ecu: a number is wanted/],
    ['{"cmd":"status","ecu":1}', /^ecu: there is no ECU 1/],
    ['{"cmd":"set"}', /^fault: missing/],
    ['{"cmd":"set","fault":"tired"}', /^--fault "tired": known are/],
    ['{"cmd":"clear","fault":"drop"}', /^fault: drop is not set/],
    ['{"cmd":"power"}', /^on: missing/],
    ['{"cmd":"power","on":"yes"}', /^on: a boolean is wanted/],
    ['{"cmd":"insert","vin":"short"}', /^vin: a VIN has 17/],
    ['{"cmd":"insert","ecuId":"00"}', /^ecuId: 27 bytes of hex/],
    ['{"cmd":"dtc","code":"1","failed":true}', /^code: three bytes/],
  ])("answers %s with what is wrong, in one line, and goes on", async (line, complaint) => {
    await running(TCP, async ({ control }) => {
      const c = await client(control);
      const answer = await c.say(line);
      expect(answer.ok).toBe(false);
      expect(answer.error).toMatch(complaint);
      expect(answer.error).not.toContain("\n");
      expect((await c.do("status")).ok).toBe(true);
      c.close();
    });
  });
});

describe("the commands of the control socket", () => {
  it("list the faults that there are, set them and clear them", async () => {
    await running(TCP, async ({ control, listening }) => {
      const c = await client(control);
      expect((await c.do("faults")).known).toContainEqual(
        expect.objectContaining({ name: "nrc", form: "nrc:SID:NRC[:TIMES]" }),
      );
      const set = await c.do("set", { fault: "nrc:11:22,wrong-kind" });
      expect(set.ecus?.[0]?.faults).toEqual(["nrc:11:22", "wrong-kind"]);
      expect(await ask(listening, "1101")).toBe("7f1122");
      expect((await c.do("clear", { fault: "nrc" })).ecus?.[0]?.faults).toEqual(["wrong-kind"]);
      expect(await ask(listening, "1101")).toBe("5101");
      expect((await c.do("clear")).ecus?.[0]?.faults).toEqual([]);
      c.close();
    });
  });

  it("count requests, frames and the ECU's working time", async () => {
    await running(TCP, async ({ control, listening }) => {
      const c = await client(control);
      await ask(listening, "22f197");
      await ask(listening, "22f1a0");
      await ask(listening, "3101");
      const before = (await c.do("status")).ecus?.[0]?.counters ?? {};
      expect(before).toMatchObject({ requests: 3, served: 3, refused: 1, framesIn: 4, framesOut: 7, resets: 0 });
      await c.do("set", { fault: "slow:200" });
      await ask(listening, "22f197");
      const after = (await c.do("status")).ecus?.[0]?.counters ?? {};
      expect((after.workingMs ?? 0) - (before.workingMs ?? 0)).toBeGreaterThanOrEqual(199);
      expect(after.longestMs).toBeGreaterThanOrEqual(199);
      c.close();
    });
  });

  it("tell how far a unit is, without a key", async () => {
    await running([...TCP, "--vin", "KMHXX00XXXX000001"], async ({ control }) => {
      const c = await client(control);
      const { ecus } = await c.do("status");
      expect(ecus?.[0]?.facts).toEqual({
        vin: "KMHXX00XXXX000001",
        lifeCycle: "production",
        session: 1,
        level: null,
        attempts: 0,
        sheSlots: [],
        certificateSlots: [],
      });
      c.close();
    });
  });

  it("turn the power off and on: RAM is lost, the flash kept", async () => {
    await running(TCP, async ({ control, listening }) => {
      const c = await client(control);
      const [before] = (await c.do("status")).ecus ?? [];
      await ask(listening, "1003");
      expect((await c.do("status")).ecus?.[0]?.facts).toMatchObject({ session: 3 });
      expect((await c.do("power", { on: false })).ecus?.[0]).toMatchObject({ power: "off", ecuId: null, facts: null });
      await tell(listening, "22f197");
      expect((await c.do("status")).ecus?.[0]?.counters).toMatchObject({ requests: 1 });
      const [on] = (await c.do("power", { on: true })).ecus ?? [];
      expect(on).toMatchObject({ power: "on", ecuId: before?.ecuId, facts: { session: 1 } });
      expect(await ask(listening, "22f197")).toBe("62f19745564343");
      c.close();
    });
  });

  it("take a unit out and put another in", async () => {
    await running([...TCP, "--seed", "one", "--vin", "KMHXX00XXXX000001"], async ({ control, listening }) => {
      const c = await client(control);
      const [first] = (await c.do("status")).ecus ?? [];
      expect((await c.do("remove")).ecus?.[0]).toMatchObject({ power: "off", unit: false });
      expect((await c.do("power", { on: true })).error).toMatch(/no unit/);
      const [second] = (await c.do("insert", { seed: "two" })).ecus ?? [];
      expect(second).toMatchObject({ power: "on", unit: true, facts: { vin: null } });
      expect(second?.ecuId).not.toBe(first?.ecuId);
      expect(await ask(listening, "22f1a0")).toBe(`62f1a0${second?.ecuId}`);
      const state = join(folder, "unit.flash");
      const [third] = (await c.do("insert", { state })).ecus ?? [];
      await c.do("insert");
      expect((await c.do("insert", { state })).ecus?.[0]?.ecuId).toBe(third?.ecuId);
      await writeFile(state, "no flash");
      expect((await c.do("insert", { state })).error).toMatch(/unit\.flash/);
      expect((await c.do("status")).ecus?.[0]).toMatchObject({ unit: false });
      c.close();
    });
  });

  it("let the test of a trouble code fail, where the ECU keeps trouble codes", async () => {
    await running(["--profile", "generic-uds", "--control", "tcp://127.0.0.1:0"], async ({ control, listening }) => {
      const c = await client(control);
      expect(await ask(listening, "190201")).not.toContain("c07300");
      expect((await c.do("dtc", { code: "c07300", failed: true })).ok).toBe(true);
      expect(await ask(listening, "190201")).toMatch(/^5902..c07300/);
      c.close();
    });
    await running(TCP, async ({ control }) => {
      const c = await client(control);
      expect((await c.do("dtc", { code: "c07300", failed: true })).error).toMatch(/evcc keeps no trouble codes/);
      await c.do("power", { on: false });
      expect((await c.do("dtc", { code: "c07300", failed: true })).error).toMatch(/no power/);
      c.close();
    });
  });

  it("do to one ECU of several, or to all", async () => {
    await running([...TCP, "--count", "3"], async ({ control }) => {
      const c = await client(control);
      expect((await c.do("set", { ecu: 1, fault: "wrong-kind" })).ecus).toHaveLength(1);
      await c.do("set", { fault: "slow:1" });
      expect((await c.do("status")).ecus?.map(({ faults }) => faults)).toEqual([
        ["slow:1"],
        ["wrong-kind", "slow:1"],
        ["slow:1"],
      ]);
      expect((await c.do("insert", { state: join(folder, "x") })).error).toMatch(/^ecu: missing/);
      c.close();
    });
  });

  it("are all in the table, each with a text", () => {
    for (const { about } of Object.values(COMMANDS)) expect(about.length).toBeGreaterThan(5);
  });
});

describe("a power cut that a fault makes", () => {
  it("is over after its time, with the flash as it was", async () => {
    await running([...TCP, "--fault", "power-cut:2:write:50"], async ({ control, listening }) => {
      const c = await client(control);
      const [first] = (await c.do("status")).ecus ?? [];
      await ask(listening, "1003");
      // A wrong key is counted in the flash: the answer is lost with the power.
      await ask(listening, "2711");
      await tell(listening, `2712${"00".repeat(16)}`);
      let now = first;
      while (now?.facts?.session !== 1) [now] = (await c.do("status")).ecus ?? [];
      expect(now).toMatchObject({ power: "on", ecuId: first?.ecuId, facts: { attempts: 0 } });
      c.close();
    });
  });
});
