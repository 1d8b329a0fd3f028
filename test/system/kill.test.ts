import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EVCC, kmsFile, recordOf, recordsFile, rows, stepFacts, vpkiFile } from "./cases.js";
import { root, run, startEcu, tempFolder } from "./harness.js";

/** The EVCC with one certificate and three keys, so that a run is short. */
function shortProfile(): string {
  const text = readFileSync(join(root, "hw-profiles/evcc.yaml"), "utf8");
  const without = (from: RegExp, to: RegExp, source: string) => {
    const start = source.search(from);
    const end = start + 1 + source.slice(start + 1).search(to);
    return source.slice(0, start) + source.slice(end);
  };
  let short = without(/^ {2}- name: prov-20$/m, /^# Slots as/m, text);
  for (const slot of ["5", "6", "7", "8", "9", "a", "b", "c"]) {
    short = without(new RegExp(`^ {2}- name: secoc-${slot}$`, "m"), /^ {2}-/m, short);
  }
  const file = join(tempFolder(), "short.yaml");
  writeFileSync(file, short.replace(/^name: evcc$/m, "name: short"));
  return file;
}

/** Where the station is killed, and what the KMS may have issued by then. */
const POINTS = [
  "after issue prov-15118-2",
  "after append cert:prov-2 noted",
  "before append cert:prov-2 finished",
  "after append key:master started",
  "after requestKey 1",
  "before append key:master noted",
  "after append key:master noted",
  "before append key:master finished",
  "after append key:master finished",
  "after report key 1",
  "after requestKey 4",
  "after append key:secoc-4 noted",
  "before append key:secoc-4 finished",
  "after append key:secoc-4 finished",
  "before append sync:supplier finished",
  "after append sync:supplier finished",
  "before finish",
] as const;

describe("a station that is killed in the middle of a run", () => {
  const profile = shortProfile();
  it.each(POINTS)("goes on where it was after SIGKILL %s, and everybody agrees", async (point) => {
    const data = tempFolder();
    const ecu = await startEcu(profile);
    const args = ["run", "--profile", profile, "--link", ecu.url, "--data", data, "--json", "--vin", EVCC.vin];
    const unit = [...args, "--pcid", EVCC.pcid, "--evccid", EVCC.evccid];

    const killed = await run("ecustation", unit, { env: { ECUSTATION_KILL_AT: point } });
    expect(killed.signal).toBe("SIGKILL");
    expect(killed.stdout).toBe("");

    const again = await run("ecustation", unit);
    const record = recordOf(again);
    expect([again.code, record.outcome, record.failure?.code]).toEqual([0, "PASS", undefined]);
    expect(record.resumed).toBe(1);
    expect(record.owed).toBe(0);
    expect(record.identity?.state).toEqual({ lifeCycle: "locked", keySlots: 0b10_0000_0001_0010, certificateSlots: 1 });

    // One run, closed; nothing waits for a server.
    expect(rows(recordsFile(data), "SELECT outcome, resumed FROM run")).toEqual([{ outcome: "PASS", resumed: 1 }]);
    expect(rows(recordsFile(data), "SELECT DISTINCT state FROM outbox")).toEqual([{ state: "delivered" }]);

    // The KMS issued each key once, knows each as held by the ECU, and took each report once.
    const sets = rows<{ slot: number; state: string }>(kmsFile(data), "SELECT slot, state FROM sets ORDER BY slot");
    expect(sets).toEqual([1, 4, 0xd].map((slot) => ({ slot, state: "confirmed" })));
    const reports = "SELECT kind, status, count(*) AS times FROM reports GROUP BY set_id, kind ORDER BY kind, set_id";
    expect(rows(kmsFile(data), reports)).toEqual([
      ...[1, 4, 0xd].map(() => ({ kind: "key", status: "Success", times: 1 })),
      { kind: "sync", status: "Success", times: 1 },
    ]);

    // The vPKI issued one certificate, the one that the record names.
    const issued = rows<{ serial: string }>(vpkiFile(data), "SELECT serial FROM certificates");
    expect(issued.map(({ serial }) => serial)).toEqual([stepFacts(record, "cert:prov-2").serial]);
    await ecu.stop();
  });
});
