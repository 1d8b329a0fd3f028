import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EVCC, runEvcc, stepFacts } from "./cases.js";
import { startEcu, tempFolder } from "./harness.js";

const KEYS = ["master", ...["4", "5", "6", "7", "8", "9", "a", "b", "c"].map((id) => `secoc-${id}`), "supplier"];

describe("a unit that comes a second time", () => {
  it("still holds keys and certificates after a restart, gets new ones with raised counters, and passes", async () => {
    const data = tempFolder();
    const state = join(tempFolder(), "unit.flash");
    const first = await startEcu("evcc", ["--state", state]);
    const fresh = await runEvcc(first.url, data);
    expect(fresh.record.outcome).toBe("PASS");
    await first.kill();

    const second = await startEcu("evcc", ["--state", state]);
    const again = await runEvcc(second.url, data);
    expect(again.code).toBe(0);
    expect(again.record.outcome).toBe("PASS");
    expect(again.record.identity).toMatchObject({
      ecuId: fresh.record.identity?.ecuId,
      vin: EVCC.vin,
      state: { lifeCycle: "locked", keySlots: 0x3ff2, certificateSlots: 0b111 },
    });
    for (const name of ["prov-2", "prov-20", "vehicle-20"]) {
      const [before, after] = [stepFacts(fresh.record, `cert:${name}`), stepFacts(again.record, `cert:${name}`)];
      expect(before.operation).toBe("issue");
      expect(after.operation).toBe("reissue");
      expect(after.serial).not.toBe(before.serial);
    }
    for (const name of KEYS) {
      const [before, after] = [stepFacts(fresh.record, `key:${name}`), stepFacts(again.record, `key:${name}`)];
      // The same slot and authoriser, another counter: M4 carries it encrypted, so it must differ.
      expect(String(after.m4).slice(0, 32)).toBe(String(before.m4).slice(0, 32));
      expect(after.m4).not.toBe(before.m4);
    }
    expect(again.record.owed).toBe(0);
    await second.stop();
  });
});
