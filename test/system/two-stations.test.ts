import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EVCC, externalConfig, kmsFile, recordOf, rows } from "./cases.js";
import { run, startEcu, startServers, tempFolder } from "./harness.js";

describe("two stations on one ECU", () => {
  it("do not mix their keys: the second is refused while the first's set is open, and both pass one after the other", async () => {
    const home = tempFolder("servers");
    const servers = await startServers(["--data", home]);
    const ecu = await startEcu("body-she", ["--state", join(tempFolder(), "unit.flash")]);
    const config = externalConfig(servers, home, {});
    const unit = ["run", "--profile", "body-she", "--link", ecu.url, "--vin", EVCC.vin, "--config", config, "--json"];
    const [first, second] = [tempFolder("first"), tempFolder("second")];
    const sets = () => rows(kmsFile(home), "SELECT slot, counter, state FROM sets ORDER BY seq");

    // The answer with M1–M5 came, the ECU never saw them, and the first station is gone.
    const killed = await run("ecustation", [...unit, "--data", first], {
      env: { ECUSTATION_KILL_AT: "after requestKey 1" },
    });
    expect(killed.signal).toBe("SIGKILL");
    expect(sets()).toEqual([{ slot: 1, counter: 1, state: "issued" }]);

    const refused = await run("ecustation", [...unit, "--data", second]);
    const record = recordOf(refused);
    expect([refused.code, record.outcome, record.failure?.code]).toEqual([3, "ERROR", "KMS_LEASED"]);
    expect(record.failure).toMatchObject({ step: "key:master", retryable: true });
    expect(record.failure?.text.en).toMatch(/Another station works on this ECU, for at most \d+ s more\./);
    expect(record.failure?.text.ko).toContain("다른 스테이션");
    expect(record.identity?.state.keySlots).toBe(0);
    expect(record.owed).toBe(0);
    expect(sets()).toEqual([{ slot: 1, counter: 1, state: "issued" }]);

    const resumed = recordOf(await run("ecustation", [...unit, "--data", first]));
    expect([resumed.outcome, resumed.resumed]).toEqual(["PASS", 1]);
    const again = recordOf(await run("ecustation", [...unit, "--data", second]));
    expect([again.outcome, again.resumed]).toEqual(["PASS", 0]);
    expect(rows(kmsFile(home), "SELECT DISTINCT state FROM sets")).toEqual([{ state: "confirmed" }]);
    expect(rows(kmsFile(home), "SELECT station FROM leases")).toEqual([]);
    await ecu.stop();
    await servers.stop();
  });
});
