import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { run, tempFolder } from "./harness.js";

const SECRETS = 'secrets: { simulator-cluster: { hex: "53494d554c41544f522d534543524554" } }\n';

it("a unit passes, is scrapped, refused, and comes again by a setting; every record is signed and names its past", async () => {
  const data = tempFolder("records");
  const link = `sim:?state=${join(data, "ecu.json")}`;
  const vin = "KMHC851CFLU061234";
  const config = join(data, "station.yaml");
  writeFileSync(config, `schema: 1\nmode: simulator\nrework: { scrapped: allow }\n${SECRETS}`);
  const provision = async (...more: string[]) => {
    const ended = await run("ecustation", [
      "run",
      "--profile",
      "evcc",
      "--vin",
      vin,
      "--link",
      link,
      "--data",
      data,
      "--json",
      ...more,
    ]);
    return JSON.parse(ended.stdout);
  };
  const first = await provision("--trace", "log", "--operator", "kim");
  expect(first).toMatchObject({ schema: 2, outcome: "PASS", header: { operator: "kim", station: "station-1" } });
  expect(first.traces).toMatchObject([{ file: `${first.runId}.log` }]);

  const revoke = () =>
    run("ecustation", ["revoke", "--unit", vin, "--reason", "connector broken", "--data", data, "--json"]);
  for (const state of ["revoked", "already-revoked"]) {
    const { code, stdout } = await revoke();
    const { certificates } = JSON.parse(stdout);
    expect([code, certificates.map((one: { state: string }) => one.state)]).toEqual([0, [state, state, state]]);
  }

  expect(await provision()).toMatchObject({ outcome: "FAIL", failure: { code: "UNIT_SCRAPPED", step: "identify" } });
  const again = await provision("--config", config);
  expect(again.rework.attempts).toBe(2);
  expect(again.rework.revoked.toSorted()).toEqual(
    first.certificates.map(({ serial }: { serial: string }) => serial).toSorted(),
  );

  const verified = await run("ecustation", ["records", "verify", "--data", data, "--json"]);
  expect([verified.code, JSON.parse(verified.stdout).records]).toEqual([
    0,
    [{ store: "records.sqlite", records: 3, signed: 3, bad: null }],
  ]);
}, 120_000);
