/** The audit chains of real programs: after a whole unit, after SIGKILL under load, and after somebody edited a store. */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { describe, expect, it } from "vitest";
import { kmsFile, rows, runEvcc } from "./cases.js";
import { run, type Servers, startServers, tempFolder } from "./harness.js";

interface Chain {
  store: string;
  state: string;
  rows: number;
  head: { seq: number; hash: string };
  bad: { row: number; fault: string } | null;
}

async function verify(data: string): Promise<{ code: number | null; chains: Chain[] }> {
  const { code, stdout, stderr } = await run("ecustation", ["records", "verify", "--json", "--data", data]);
  expect(stderr).toBe("");
  return { code, chains: (JSON.parse(stdout) as { chains: Chain[] }).chains };
}

describe("records verify", () => {
  it("finds every chain of a unit's run whole, and names the first row that was changed afterwards", async () => {
    const data = tempFolder();
    expect((await runEvcc("sim:", data)).code).toBe(0);
    const { code, chains } = await verify(data);
    expect([code, chains.map(({ store, state }) => [store, state])]).toEqual([
      0,
      ["records.sqlite", "servers/vpki/vpki.sqlite", "servers/kms/kms.sqlite"].map((store) => [store, "ok"]),
    ]);
    // Its first row, then each key, sync value and result of the run.
    expect(chains[2]?.rows).toBeGreaterThan(20);

    const database = new DatabaseSync(kmsFile(data));
    database.exec("UPDATE audit SET outcome = 'refused' WHERE seq = 7");
    database.close();
    const after = await verify(data);
    expect(after.code).toBe(1);
    expect(after.chains.map(({ bad }) => bad)).toMatchObject([null, null, { row: 7, fault: "changed" }]);
  });
});

/** Asks for master keys of ever new ECUs on four connections until the server is gone; gives the ids of all answers. */
async function load(servers: Servers, first: number, enough: () => void): Promise<string[]> {
  const tls = {
    ca: readFileSync(servers.ca),
    cert: readFileSync(servers.clientCert),
    key: readFileSync(servers.clientKey),
  };
  const agent = new Agent({ ...tls, keepAlive: true, maxSockets: 4 });
  const url = new URL("/app/automotive/supplierKeyProvisioning", servers.kms);
  const answered: string[] = [];
  let next = first;
  const ask = () =>
    new Promise<void>((resolve, reject) => {
      const EcuID = `01020304050607080102030400030001${(next++).toString(16).padStart(22, "0")}`;
      const headers = { "content-type": "application/json; charset=UTF-8" };
      const sent = request(url, { method: "POST", agent, headers }, (answer) => {
        const id = answer.headers["x-correlation-id"];
        answer.resume().on("error", reject);
        answer.on("end", () => {
          if (typeof id === "string") answered.push(id);
          resolve();
        });
      });
      sent.on("error", reject);
      sent.end(JSON.stringify({ ProvisioningType: "EcuMasterKey", EcuID, KeyID: "1" }));
    });
  const worker = async () => {
    try {
      for (;;) {
        await ask();
        if (answered.length === 25) enough();
      }
    } catch {
      // The server was killed.
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  agent.destroy();
  return answered;
}

describe("a KMS that is killed under load", () => {
  it("has every answer that it gave in its chain, and the chain holds, time after time", async () => {
    const data = tempFolder();
    const given: string[] = [];
    let known = 0;
    for (let round = 0; round < 8; round++) {
      const servers = await startServers(["--data", data]);
      given.push(...(await load(servers, round * 100_000, () => void servers.kill())));
      await servers.finished;

      const { code, chains } = await verify(data);
      expect([code, chains.map(({ bad }) => bad)]).toEqual([0, [null, null]]);
      const issued = rows<{ set: string }>(
        kmsFile(data),
        "SELECT json_extract(details, '$.set') AS \"set\" FROM audit WHERE outcome = 'issued'",
      ).map((row) => row.set);
      const sets = rows<{ id: string }>(kmsFile(data), "SELECT id FROM sets").map(({ id }) => id);
      // Neither a set without its row nor a row without its set, and nothing that was answered is lost.
      expect(issued.sort()).toEqual(sets.sort());
      expect(given.filter((id) => !issued.includes(id))).toEqual([]);
      expect(given.length).toBeGreaterThanOrEqual(known + 25);
      known = given.length;
    }
    expect(readFileSync(join(data, "servers/kms/kms.sqlite.head"), "utf8")).toMatch(/^\d{16} [0-9a-f]{64}\n$/);
  });
});
