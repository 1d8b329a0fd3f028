/** Power supplies of bays through the built programs: an instrument over TCP and a serial device, a simulated unit's plug, a person. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Cable, requireCable, serialCable } from "../cable.js";
import { requireTool, works } from "../require.js";
import { FakeInstrument } from "../unit/power/fake-instrument.js";
import { EVCC, recordOf, stepFacts } from "./cases.js";
import { type Finished, type Running, root, run, start, startEcu, tempFolder } from "./harness.js";

/** ms; each takes some 5 s on a quiet machine. */
const LIMIT = 300_000;
const SECRETS = { "simulator-cluster": { hex: "53494d554c41544f522d534543524554" } };
const OPTIONS = { limit: LIMIT };

/** A station's configuration with these bays; YAML takes JSON as it is. */
function configOf(bays: readonly object[]): string[] {
  const folder = tempFolder("power");
  const file = join(folder, "station.yaml");
  writeFileSync(file, JSON.stringify({ schema: 1, mode: "simulator", secrets: SECRETS, station: { bays } }));
  return ["--config", file, "--data", join(folder, "data")];
}

const unitArgs = (link: string, station: readonly string[], profile = "body-she") => [
  ...["run", "--profile", profile, "--vin", EVCC.vin, "--link", link, ...station],
];

describe("an instrument", () => {
  let instrument: FakeInstrument;
  let address: string;
  let ecus: (Running & { url: string })[];
  beforeEach(async () => {
    instrument = new FakeInstrument();
    address = await instrument.listen();
    ecus = await Promise.all([1, 2].map(() => startEcu("body-she", [], OPTIONS)));
  });
  afterEach(async () => {
    await Promise.all(ecus.map((ecu) => ecu.stop()));
    await instrument.close();
  });

  const set = { voltage: 13.5, current: 3, off: 50, settle: 50, timeout: 20_000 };
  const bays = () =>
    ecus.map(({ url }, i) => ({
      name: `${i + 1}`,
      link: url,
      profile: "body-she",
      power: { supply: `${address}?channel=${i + 1}`, ...set },
    }));
  const on = () => instrument.channels.slice(0, 2).map((channel) => channel.on);
  const switched = () => instrument.lines.filter((line) => line.startsWith("OUTP "));
  const order = (bay: string) => `${JSON.stringify({ bay, inputs: { vin: EVCC.vin } })}\n`;
  const event =
    (bay: string, kind: string, more: (event: Record<string, unknown>) => boolean = () => true) =>
    async (service: Running) =>
      JSON.parse(
        await service.line((line) => {
          const parsed = JSON.parse(line) as Record<string, unknown>;
          return parsed.bay === bay && parsed.event === kind && more(parsed);
        }),
      );
  const atKeys = (bay: string) => event(bay, "step", ({ step }) => String(step).startsWith("key:"));

  it(
    "feeds the bays of `serve` each by its output: on amid a unit, off behind its PASS and its abort",
    async () => {
      const service = start("ecustation", ["serve", "--jsonl", ...configOf(bays())], OPTIONS);
      await service.line((line) => line.includes('"bays":["1","2"]'));
      expect(on()).toEqual([false, false]);
      service.child.stdin.write(order("1") + order("2"));
      await Promise.all([atKeys("1")(service), atKeys("2")(service)]);
      expect(on()[0]).toBe(true);
      service.child.stdin.write('{"bay":"1","abort":true}\n');
      expect(await event("1", "ended")(service)).toMatchObject({ outcome: "ABORTED" });
      expect(on()[0]).toBe(false);
      const ended = await event("2", "ended")(service);
      expect(ended).toMatchObject({ outcome: "PASS" });
      expect(stepFacts(ended.record, "open")).toMatchObject({ voltage: 13.5, current: 0.4 });
      expect(on()).toEqual([false, false]);
      // Told to end amid a unit, it ends the unit's power, too.
      service.child.stdin.write(order("1"));
      await event("1", "begun", ({ runId }) => runId !== ended.record.runId)(service);
      expect((await service.stop()).code).toBe(0);
      expect(on()).toEqual([false, false]);
    },
    LIMIT,
  );

  it(
    "that a station which was killed left on goes off when `serve` starts again, and the run goes on from cold",
    async () => {
      const args = ["serve", "--jsonl", ...configOf(bays())];
      const killed = start("ecustation", args, OPTIONS);
      await killed.line((line) => line.includes('"bays"'));
      killed.child.stdin.write(order("1"));
      await atKeys("1")(killed);
      await killed.kill();
      expect(on()).toEqual([true, false]);
      instrument.lines.length = 0;
      const again = start("ecustation", args, OPTIONS);
      expect(await event("1", "ended")(again)).toMatchObject({ outcome: "PASS", record: { resumed: 1 } });
      // Both bays at the start, then the unit's own.
      expect(switched()).toEqual(["OUTP OFF", "OUTP OFF", "OUTP ON", "OUTP OFF"]);
      expect(on()).toEqual([false, false]);
      await again.stop();
    },
    LIMIT,
  );

  it.skipIf(!requireCable())(
    "over a serial device is switched by `run`, which is killed, and by the next one",
    async () => {
      const cable: Cable = await serialCable();
      try {
        await instrument.plug(cable.far);
        const [ecu] = ecus;
        const link = ecu?.url ?? "";
        const power = { supply: `scpi:${cable.near}?baud=9600`, ...set };
        const args = unitArgs(link, configOf([{ name: "A", link, power }]));
        const killed = await run("ecustation", args, {
          ...OPTIONS,
          env: { ECUSTATION_KILL_AT: "after append key:secoc-4 noted" },
        });
        expect([killed.signal, on()[0]]).toEqual(["SIGKILL", true]);
        instrument.lines.length = 0;
        const record = recordOf(await run("ecustation", [...args, "--json"], OPTIONS));
        expect([record.outcome, record.resumed]).toEqual(["PASS", 1]);
        expect(switched()).toEqual(["OUTP OFF", "OUTP ON", "OUTP OFF"]);
        // Out of its limits, the unit is left alone.
        instrument.load = 4;
        const failed = recordOf(await run("ecustation", [...args, "--json"], OPTIONS));
        expect([failed.outcome, failed.failure?.code, failed.identity]).toEqual([
          "ERROR",
          "POWER_OUT_OF_RANGE",
          undefined,
        ]);
        expect(on()[0]).toBe(false);
      } finally {
        await cable.pull();
      }
    },
    LIMIT,
  );
});

/** Whether the simulated unit behind a control socket has power. */
function stateOf(control: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: control }).once("error", reject);
    createInterface({ input: socket }).once("line", (line) => {
      socket.destroy();
      resolve((JSON.parse(line) as { ecus?: { power: string }[] }).ecus?.[0]?.power);
    });
    socket.write('{"cmd":"status"}\n');
  });
}

describe("the plug of a simulated unit", () => {
  it(
    "is pulled amid a run and at its end where the profile has a power cycle",
    async () => {
      const folder = tempFolder("plug");
      const profile = join(folder, "cycled.yaml");
      const text = readFileSync(join(root, "hw-profiles/body-she.yaml"), "utf8");
      writeFileSync(profile, `${text.replace(/^order:.*\n/m, "")}\norder: [vin, power-cycle, keys, lock]\n`);
      const control = join(folder, "control");
      const ecu = await startEcu(profile, ["--control", `unix:${control}`], OPTIONS);
      const supply = { supply: `ecu-sim:${control}`, off: 50, settle: 200, timeout: 20_000 };
      const station = configOf([{ name: "A", link: ecu.url, power: supply }]);
      const record = recordOf(await run("ecustation", [...unitArgs(ecu.url, station, profile), "--json"], OPTIONS));
      expect([record.outcome, record.failure?.code]).toEqual(["PASS", undefined]);
      const cycle = record.steps.find(({ step }) => step === "power-cycle");
      expect(cycle?.state).toBe("done");
      expect(await stateOf(control)).toBe("off");
      await ecu.stop();
    },
    LIMIT,
  );
});

/** A command line at a terminal of its own, whose questions are answered. */
function atTerminal(args: readonly string[], question: RegExp, answer: string): Promise<Finished> {
  const command = [process.execPath, join(root, "bin/ecustation.js"), ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  const killer = setTimeout(() => child.kill("SIGKILL"), LIMIT);
  let stdout = "";
  let answered = false;
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    if (answered || !question.test(stdout)) return;
    answered = true;
    child.stdin.write(answer);
  });
  return new Promise((resolve) =>
    child.once("close", (code, signal) => {
      clearTimeout(killer);
      resolve({ code, signal, stdout, stderr: "" });
    }),
  );
}

describe("a person who switches", () => {
  const withTerminal = requireTool("script", () => works("script", ["--version"]), "apt-get install -y bsdutils");
  const power = { supply: "manual:", settle: 0 };

  it(
    "must be there: without a terminal `run` leaves the unit alone and says why",
    async () => {
      const ecu = await startEcu("body-she", [], OPTIONS);
      const station = configOf([{ name: "A", link: ecu.url, power }]);
      const done = await run("ecustation", [...unitArgs(ecu.url, station), "--json"], OPTIONS);
      const record = recordOf(done);
      expect([done.code, record.failure?.code, record.identity]).toEqual([3, "POWER_UNATTENDED", undefined]);
      expect(record.failure?.text.en).toContain("nobody to ask: manual: bay A. The unit was not touched.");
      await ecu.stop();
    },
    LIMIT,
  );

  it.skipIf(!withTerminal)(
    "is asked at the terminal of `run`",
    async () => {
      const ecu = await startEcu("body-she", [], OPTIONS);
      const station = configOf([{ name: "A", link: ecu.url, power }]);
      const { code, stdout } = await atTerminal(unitArgs(ecu.url, station), /\(done\)/, "1\n");
      expect(stdout).toContain("Bay A: switch the unit on.");
      expect(stdout).toMatch(/^PASS/m);
      expect(code).toBe(0);
      await ecu.stop();
    },
    LIMIT,
  );

  it(
    "answers a question of `serve --jsonl` by a line",
    async () => {
      const ecu = await startEcu("body-she", [], OPTIONS);
      const bay = { name: "A", link: ecu.url, profile: "body-she", power: { ...power, atEnd: "off" } };
      const service = start("ecustation", ["serve", "--jsonl", ...configOf([bay])], OPTIONS);
      await service.line((line) => line.includes('"bays"'));
      service.child.stdin.write(`${JSON.stringify({ bay: "A", inputs: { vin: EVCC.vin } })}\n`);
      for (const what of ["on", "off"]) {
        const asked = await service.line((line) => line.includes(`Bay A: switch the unit ${what}.`));
        const { prompt } = JSON.parse(asked) as { prompt: { id: string } };
        service.child.stdin.write(`${JSON.stringify({ bay: "A", prompt: prompt.id, answer: "done" })}\n`);
      }
      expect(JSON.parse(await service.line((line) => line.includes('"event":"ended"')))).toMatchObject({
        outcome: "PASS",
      });
      await service.stop();
      await ecu.stop();
    },
    LIMIT,
  );
});
