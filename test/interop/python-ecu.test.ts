/** The station provisions an ECU that somebody else built from the interface page. */
import { afterAll, describe, expect, it } from "vitest";
import { requirePython } from "../require.js";
import { type Finished, run, tempFolder } from "../system/harness.js";
import { type EcuState, killPythonEcus, startPythonEcu } from "./python-ecu.js";

const present = requirePython();
const vin = "KMHSX2ABCD1234567";
const pcid = "KM8P2844A9TD84HR91";
const evccid = "KM7V200DA343BEMZEG80";
const slots = ["1", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D"];

afterAll(killPythonEcus);

function provision(url: string, data: string): Promise<Finished> {
  const inputs = ["--vin", vin, "--pcid", pcid, "--evccid", evccid];
  return run("ecustation", ["run", "--profile", "evcc", ...inputs, "--link", url, "--data", data, "--json"], {
    limit: 90_000,
  });
}

function expectPass(finished: Finished, trouble: string): void {
  const said = `${finished.stdout.slice(-3000)}\n${finished.stderr.slice(-2000)}\n${trouble}`;
  expect(finished.code, said).toBe(0);
  expect(JSON.parse(finished.stdout), said).toMatchObject({ outcome: "PASS" });
}

function expectProvisioned(state: EcuState): void {
  expect(state.vin).toBe(vin);
  expect(state.locked).toBe(true);
  expect(Object.keys(state.slots).sort()).toEqual(slots);
  expect(state.slots["1"]?.flags).toBe(0x0d);
  for (const slot of slots.slice(1)) expect(state.slots[slot]?.flags, `slot ${slot}`).toBe(0x0f);
  const leaves = Object.fromEntries(
    Object.entries(state.certificates).map(([slot, { subject, curve, waiting }]) => [
      slot,
      { subject, curve, waiting },
    ]),
  );
  expect(leaves).toEqual({
    "0": { subject: `CN=${pcid},OU=P001,OU=C001,OU=ECC,O=HKMC,DC=OEM`, curve: "secp256r1", waiting: false },
    "1": { subject: `CN=${pcid},OU=P001,OU=C001,OU=ECC,O=HKMC,DC=OEM20`, curve: "secp521r1", waiting: false },
    "2": { subject: `CN=${evccid},OU=P001,OU=C001,OU=ECC,O=HKMC,DC=EV`, curve: "secp521r1", waiting: false },
  });
  expect(state.clockError, "a clock behind would find a fresh leaf not valid yet").toBeGreaterThanOrEqual(0);
  expect(state.clockError).toBeLessThan(60);
  expect(state.session, "the station leaves the default session behind").toBe(1);
  expect(state.wrongKeys).toBe(0);
  expect(state.complaints).toEqual([]);
  expect(state.trouble).toEqual([]);
}

const variants: { name: string; args: string[] }[] = [
  { name: "with blocks of 8 and STmin 1 ms", args: ["--bs", "8", "--stmin", "01"] },
  {
    name: "with blocks of 3, STmin F5 (500 us) and no padding",
    args: ["--bs", "3", "--stmin", "F5", "--padding", "none"],
  },
  { name: "with three WAITs before every flow control, padding 55", args: ["--waits", "3", "--padding", "55"] },
  { name: "with three 78s before every answer", args: ["--pending", "3", "--pending-gap", "15"] },
  { name: "answering at the edge of P2", args: ["--delay", "45"] },
  { name: "making key pairs longer than one P2*", args: ["--keygen-seconds", "6"] },
  { name: "holding the scanned VIN already", args: ["--vin", vin] },
  {
    name: "behind a strict adapter that answers CR, silent for 450 ms in a reset",
    args: ["--ack", "cr", "--strict", "--reset-time", "450"],
  },
  { name: "behind an adapter that acknowledges nothing", args: ["--ack", "none"] },
];

describe.runIf(present)("an ECU of another hand is provisioned", () => {
  for (const { name, args } of variants) {
    it(name, async () => {
      const ecu = await startPythonEcu(args);
      const finished = await provision(ecu.url, tempFolder("interop"));
      const state = await ecu.stop();
      expectPass(finished, JSON.stringify(state));
      expectProvisioned(state);
      expect(state.resets).toBeGreaterThanOrEqual(1);
    });
  }

  it("twice, with counters raised and certificates replaced", async () => {
    const data = tempFolder("interop");
    const flash = `${tempFolder("ecu")}/flash.json`;
    const states: EcuState[] = [];
    for (let pass = 0; pass < 2; pass += 1) {
      const ecu = await startPythonEcu(["--state", flash]);
      const finished = await provision(ecu.url, data);
      const state = await ecu.stop();
      expectPass(finished, JSON.stringify(state));
      expectProvisioned(state);
      states.push(state);
    }
    const [first, second] = states as [EcuState, EcuState];
    for (const slot of slots) {
      expect(second.slots[slot]?.counter, `slot ${slot}`).toBeGreaterThan(first.slots[slot]?.counter ?? Infinity);
    }
    for (const slot of ["0", "1", "2"]) {
      expect(second.certificates[slot]?.serial).not.toBe(first.certificates[slot]?.serial);
    }
  });

  it("though the answers to a key load, a leaf and a block get lost once they took effect", async () => {
    const ecu = await startPythonEcu(["--lose", "31010210", "--lose", "310102210101", "--lose", "3601"]);
    const finished = await provision(ecu.url, tempFolder("interop"));
    const state = await ecu.stop();
    expectPass(finished, JSON.stringify(state));
    expectProvisioned(state);
    expect(state.lost).toBe(3);
  });

  it("by a second run, where the first one lost a load's answer and both questions for it", async () => {
    const data = tempFolder("interop");
    const ecu = await startPythonEcu(["--lose", "31010210", "--lose", "31030210", "--lose", "31030210"]);
    const first = await provision(ecu.url, data);
    expect(first.code, first.stdout).toBe(4);
    expect(JSON.parse(first.stdout)).toMatchObject({ outcome: "TIMEOUT", failure: { step: "key:master" } });
    const second = await provision(ecu.url, data);
    const state = await ecu.stop();
    expectPass(second, JSON.stringify(state));
    expectProvisioned(state);
    expect(state.lost).toBe(3);
  });
});

describe.runIf(present)("a CCU of another hand is provisioned", () => {
  it("with host name and attributes in its CSRs", async () => {
    const ecu = await startPythonEcu(["--kind", "ccu", "--bs", "4"]);
    const inputs = ["--vin", vin, "--set", "hostName=ccu-1.example", "--set", "mac=38-BA-F8-06-00-9B"];
    const rest = ["--link", ecu.url, "--data", tempFolder("interop"), "--json"];
    const finished = await run("ecustation", ["run", "--profile", "ccu", ...inputs, ...rest], { limit: 90_000 });
    const state = await ecu.stop();
    expectPass(finished, JSON.stringify(state));
    const subject = "CN=ccu-1.example,OU=P001,OU=C001,OU=ECC,O=HKMC,C=KR";
    // OIDs in DER, as vpki.md names them: 1.3.6.1.1.1.1.18, .19, .22 and challengePassword
    const attributes = {
      "2b060101010112": "17",
      "2b060101010113": "10.0.0.1",
      "2b060101010116": "38-BA-F8-06-00-9B",
      "2a864886f70d010907": "Test Challenge Password!",
    };
    expect(state.certificates).toMatchObject({
      "0": { subject, curve: "secp256r1", attributes },
      "1": { subject, curve: "secp521r1", attributes },
    });
    expect(Object.keys(state.slots).sort()).toEqual(slots.filter((slot) => slot !== "D"));
    expect(state).toMatchObject({ vin, locked: true, session: 1, complaints: [], trouble: [] });
  });
});

describe.runIf(present)("an ECU of another hand is left as it was", () => {
  it("when it holds another VIN than scanned", async () => {
    const ecu = await startPythonEcu(["--vin", "KMHSX2ABCD7654321"]);
    const finished = await provision(ecu.url, tempFolder("interop"));
    const state = await ecu.stop();
    expect(finished.code, finished.stdout).toBe(1);
    expect(JSON.parse(finished.stdout)).toMatchObject({ outcome: "FAIL", failure: { step: "identify" } });
    expect(state).toMatchObject({
      vin: "KMHSX2ABCD7654321",
      locked: false,
      slots: {},
      certificates: {},
      complaints: [],
    });
  });
});
