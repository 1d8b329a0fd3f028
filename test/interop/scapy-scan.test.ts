/** scapy's UDS scanner at ecu-sim, over TCP and over a serial device: no request without a response, and it finds what the profile says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadAnyProfile, loadProfile } from "../../src/profiles/loader.js";
import { requireCable, serialCable } from "../cable.js";
import { python, requireTool, works } from "../require.js";
import { root, start, startEcu } from "../system/harness.js";
import { checkLines } from "./lines.js";

const present = [
  requireTool(
    "python3 with scapy, python-can, pyserial and cryptography",
    () => works(python, ["-c", "import can, serial, cryptography, scapy.contrib.automotive.uds_scan"]),
    "apt-get install -y python3-scapy python3-can python3-serial python3-cryptography",
  ),
  requireCable(),
].every(Boolean);

const read = (name: string): [string, string] => {
  const file = join(root, "hw-profiles", `${name}.yaml`);
  return [readFileSync(file, "utf8"), file];
};
const { dids, routines, uds, securityAccess } = loadProfile(...read("evcc")).profile;
const levels = "level" in securityAccess ? [securityAccess.level] : [];
const numbers = (items: readonly number[]) => [...items].sort((a, b) => a - b);

const everywhere = numbers([
  dids.partNumber,
  dids.hwVersion,
  dids.swVersion,
  dids.systemName,
  dids.serialNumber,
  dids.vin,
  dids.ecuId,
  dids.provisioningState,
  dids.clock,
]);
const ids = numbers(Object.values(routines));
const inEverySession = [0x10, 0x11, 0x22, 0x3e];
/** By kind, then by session (and whether it was unlocked). */
const expected = {
  sessions: { "1": numbers([1, uds.session]) },
  services: {
    "1": inEverySession,
    "3": numbers([...inEverySession, 0x27, 0x2e, 0x31, 0x34, 0x36, 0x37]),
  },
  resets: { "1": [1] },
  identifiers: { "1": everywhere, "3": everywhere, "3 unlocked": everywhere },
  writable: { "3": numbers([dids.vin, dids.clock]), "3 unlocked": numbers([dids.vin, dids.clock]) },
  levels: { "3": levels, "3 unlocked": levels },
  routines: {
    // The lock is told before the sub-function.
    "3": ids.flatMap((id) => [1, 2, 3].map((kind) => [id, kind])),
    "3 unlocked": ids.flatMap((id) => (id === routines.loadKey ? [1, 3] : [1]).map((kind) => [id, kind])),
  },
};

/** The same of a plain UDS ECU, as its profile says. */
function expectedOf(name: string): object {
  const { profile } = loadAnyProfile(...read(name));
  if (profile.target !== "none") throw new Error(`${name} is no plain UDS ECU`);
  const { sessions, services, identifiers, routines, security } = profile.server;
  const row = (sid: number) => services.find((entry) => entry.sid === sid);
  const among = (sid: number) => sessions.filter((id) => row(sid)?.sessions?.includes(id) ?? true);
  const states = [...among(0x22), ...among(0x27).map((id) => `${id} unlocked`)];
  const inStates = (sid: number, items: readonly unknown[]) =>
    Object.fromEntries(
      states
        .filter((state) => among(sid).includes(Number.parseInt(String(state), 10)))
        .map((state) => [String(state), items]),
    );
  return {
    sessions: { "1": numbers(sessions) },
    services: Object.fromEntries(
      sessions.map((id) => [
        String(id),
        numbers(services.flatMap(({ sid }) => (among(sid).includes(id) ? [sid] : []))),
      ]),
    ),
    resets: { "1": numbers((row(0x11)?.subFunctions ?? []).map(({ id }) => id)) },
    identifiers: inStates(0x22, numbers(identifiers.map(({ id }) => id))),
    writable: inStates(0x2e, numbers(identifiers.flatMap(({ id, write }) => (write === undefined ? [] : [id])))),
    levels: inStates(0x27, numbers((security?.levels ?? []).map(({ level }) => level))),
    routines: inStates(
      0x31,
      routines.map(({ id }) => [id, 1]),
    ),
  };
}

/** ms; the scan takes some 20 s where the machine has nothing else to do. */
const LIMIT = 280_000;

async function scan(where: string, profile = "evcc"): Promise<unknown> {
  const seen = await checkLines("scapy_scan.py", [where, profile], LIMIT);
  const last = seen.lines.at(-1);
  if (last === undefined) throw new Error(seen.errors);
  return JSON.parse(last);
}

const without = { completed: true, unanswered: [] };
const whole = { ...without, found: expected };
const vin = ["--vin", "KMHXX00XXXX000001"];

describe
  .runIf(present)
  .concurrent("scapy's UDS scanner finds what ecu-sim has, and nothing else", { timeout: LIMIT }, () => {
    it("over TCP", async () => {
      const ecu = await startEcu("evcc", vin);
      expect(await scan(ecu.url)).toMatchObject(whole);
      await ecu.stop();
    });

    it("of a plain UDS ECU, in each of its sessions", async () => {
      const ecu = await startEcu("generic-uds");
      const seen = await scan(ecu.url, "generic-uds");
      await ecu.stop();
      expect(seen).toMatchObject(without);
      expect((seen as { found: unknown }).found).toEqual(expectedOf("generic-uds"));
    });

    it("over a serial device", async () => {
      const cable = await serialCable();
      onTestFinished(cable.pull);
      const ecu = start("ecu-sim", ["--profile", "evcc", "--link", `slcan-adapter:${cable.far}`, ...vin], {
        limit: LIMIT,
      });
      await ecu.line(() => true);
      expect(await scan(cable.near)).toMatchObject(whole);
      await ecu.stop();
    });
  });
