/** The operator page's server in the built programs: what `npm start` and `serve` show, and what a person does there. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Browser, Events } from "../unit/hmi/bench.js";
import { type Running, run, start, tempFolder, writePlantRegistry } from "./harness.js";

/** Long enough not to be among the digits of hashes by chance. */
const PIN = "471108150912";

async function demo(): Promise<{ program: Running; browser: Browser; port: number; data: string }> {
  const data = tempFolder();
  const program = start("ecustation", ["demo", "--data", data], { limit: 150_000 });
  const line = await program.line((text) => text.startsWith("Operator page: http://127.0.0.1:"));
  const port = Number(/:(\d+)\//.exec(line)?.[1]);
  const browser = new Browser(port);
  await browser.session();
  return { program, browser, port, data };
}

const verdictOf = (bay: string, outcome: string) => (data: { bay?: { name: string; verdict?: { outcome: string } } }) =>
  data.bay?.name === bay && data.bay.verdict?.outcome === outcome;

describe("npm start", () => {
  it("shows a unit pass, a fault fail, a server away and back, the unit's record, its messages and its trace", async () => {
    const { program, browser, port } = await demo();
    const events = await Events.open(port, "/api/events", {});
    const { data: first } = await events.next("state");
    expect(first.bays.map(({ name }: { name: string }) => name)).toEqual(["1", "2"]);
    const lines = await Events.open(port, "/api/bays/2/trace", {});

    expect((await browser.post("/api/bays/2/simulate", { fault: null })).status).toBe(204);
    const passed = await events.next("change", verdictOf("2", "PASS"));
    const { runId, vin } = passed.data.bay.verdict;
    expect((await lines.next("line", ({ kind }) => kind === "response")).data.hex).toMatch(/^[0-9a-f]+$/);
    const detail = (await browser.get(`/api/runs/${runId}`)).json;
    expect(detail).toMatchObject({ runId, vin, outcome: "PASS", traces: ["pcapng"] });
    expect([detail.certificates.length, detail.receipts.length]).toEqual([3, 11]);
    const messages = (await browser.get(`/api/runs/${runId}/messages?step=identify`)).json;
    expect(messages.map(({ kind }: { kind: string }) => kind)).toContain("response");
    const trace = await browser.get(`/api/runs/${runId}/trace/pcapng`);
    expect([trace.status, trace.headers["content-type"]]).toEqual([200, "application/octet-stream"]);
    expect((await browser.get(`/api/runs/${runId}/trace/..%2f..%2frecords`)).status).toBe(404);
    expect((await browser.get(`/api/runs/${runId}/record`)).json.outcome).toBe("PASS");
    expect((await browser.get("/api/runs-export")).text).toContain(runId);

    expect((await browser.post("/api/bays/2/simulate", { fault: "wrong-kind" })).status).toBe(204);
    const failed = await events.next("change", verdictOf("2", "FAIL"));
    expect(failed.data.bay.verdict.failure).toMatchObject({ code: "ECU_WRONG_KIND", step: "identify" });

    await browser.post("/api/simulator/servers", { server: "KMS", broken: true });
    await events.next("change", ({ servers }) => servers?.[1]?.state === "down");
    await browser.post("/api/bays/2/simulate", { fault: null });
    const refused = await events.next("change", verdictOf("2", "ERROR"));
    expect(refused.data.bay.verdict.failure.code).toBe("KMS_UNREACHABLE");
    await browser.post("/api/simulator/servers", { server: "KMS", broken: false });

    const { units, byCode } = (await browser.get(`/api/yield?from=0&to=${Date.now() + 60_000}`)).json;
    expect(units).toBeGreaterThanOrEqual(2);
    expect(byCode.map(({ code }: { code: string }) => code)).toContain("ECU_WRONG_KIND");
    expect((await browser.get("/api/profiles")).json.map(({ name }: { name: string }) => name)).toContain("evcc");
    expect((await program.stop()).code).toBe(0);
  }, 150_000);
});

describe("serve in mode: plant", () => {
  it("lets nobody do anything who is not signed in; users come from the command line; the address stays", async () => {
    const data = tempFolder();
    const config = join(data, "station.yaml");
    writeFileSync(
      config,
      "schema: 1\nmode: plant\nservers: { embedded: { registry: registry.yaml } }\nstation: { bays: [{ name: A, link: slcan:/dev/none, profile: evcc }] }\n",
    );
    writePlantRegistry(data);
    const args = ["--config", config, "--data", data];
    const added = await run("ecustation", ["users", "add", "kim", "--role", "engineer", ...args], {
      input: `${PIN}\n`,
    });
    expect([added.code, added.stdout]).toEqual([0, "kim may sign in as engineer\n"]);
    const twice = await run("ecustation", ["users", "add", "kim", ...args], { input: `${PIN}\n` });
    expect([twice.code, twice.stderr.trim().split("\n").length]).toEqual([2, 1]);
    const serve = start("ecustation", ["serve", ...args]);
    const { page } = JSON.parse(await serve.line((line) => line.startsWith("{"))) as { page: string };
    const port = Number(new URL(page).port);
    const browser = new Browser(port);
    expect(await browser.session()).toEqual({ csrf: expect.any(String), users: true });
    expect((await browser.post("/api/bays/A/start", { unit: "next" })).status).toBe(401);
    expect((await browser.signIn({ name: "kim", pin: "0000" })).status).toBe(401);
    expect((await browser.signIn({ name: "kim", pin: PIN })).status).toBe(200);
    expect((await browser.get("/api/adapters")).json.length).toBeGreaterThan(5);
    const locked = await run("ecustation", ["users", "lock", "kim", ...args]);
    expect(locked.code).toBe(0);
    expect((await browser.get("/api/runs")).status).toBe(401);
    await serve.stop();
    expect(Number(readFileSync(join(data, "page-port"), "utf8"))).toBe(port);
    for (const file of ["records.sqlite", "records.sqlite-wal"])
      expect(readFileSync(join(data, file), { flag: "a+" }).includes(PIN)).toBe(false);
  }, 60_000);
});
