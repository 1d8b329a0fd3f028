/** The built programs, and the codecs' own tests, on later versions of Node; the npm package `node` brings them. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { requireTool } from "../require.js";
import { root, run, start, startServers, tempFolder } from "../system/harness.js";

const VERSIONS = [22, 24];

/** Folders of the tests that stand on what differs between versions of Node: crypto, buffers, timers, worker threads, native modules. */
const FOLDERS = ["she", "pki", "shared", "contract", "db", "ecu/isotp", "ecu/uds", "ecu/link"];

/** The program of a version; undefined where it is neither cached nor to be had from a registry. */
function nodeOf(version: number): string | undefined {
  const args = ["exec", "--yes", `--package=node@${version}`, "--", "node", "-p", "process.execPath"];
  const { status, stdout } = spawnSync("npm", args, { cwd: tempFolder(), encoding: "utf8", timeout: 180_000 });
  return status === 0 ? stdout.trim() : undefined;
}

function statusOf(url: string, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(url, { ca: readFileSync(ca) }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on("error", reject).end();
  });
}

/** What is read of vitest's report in JSON. */
interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: string[];
    }[];
  }[];
}

/** Files and tests that failed, with their messages. */
function failuresOf({ testResults }: Report): string[] {
  return testResults
    .filter(({ status }) => status === "failed")
    .flatMap(({ name, assertionResults }) => [
      name,
      ...assertionResults
        .filter(({ status }) => status === "failed")
        .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join("; ")}`),
    ]);
}

for (const version of VERSIONS) {
  const node = nodeOf(version);
  const there = requireTool(
    `Node ${version}`,
    () => node !== undefined,
    `npm exec --package=node@${version} -- node -v`,
  );
  describe.runIf(there && node !== undefined)(`on Node ${version}`, () => {
    const options = { node: node ?? "", limit: 120_000 };

    it("the tests of crypto, codecs, transport, links and stores pass", () => {
      const report = join(tempFolder(), "report.json");
      const folders = FOLDERS.map((folder) => `test/unit/${folder}`);
      const args = ["node_modules/vitest/vitest.mjs", "run", "--project", "unit", ...folders];
      // The counts of this stage are its own tests'.
      const { STATION_REPORTS: _, ...env } = process.env;
      const done = spawnSync(options.node, [...args, "--reporter=json", `--outputFile=${report}`], {
        ...{ cwd: root, env, encoding: "utf8", timeout: 300_000 },
      });
      const results = JSON.parse(readFileSync(report, "utf8")) as Report;
      expect(failuresOf(results)).toEqual([]);
      expect(done.status, done.stderr).toBe(0);
      expect(results.numPassedTests).toBeGreaterThan(1_000);
    });

    it("a unit passes, and its record stands in the store", async () => {
      const data = tempFolder();
      const done = await run("ecustation", ["demo", "--once", "--data", data], options);
      expect(done.code, done.stdout + done.stderr).toBe(0);
      expect(done.stderr).toBe("");
      expect(done.stdout).toMatch(/^PASS /m);
      const listed = await run("ecustation", ["records", "list", "--json", "--data", data], options);
      expect(JSON.parse(listed.stdout)).toMatchObject({ runs: [{ outcome: "PASS" }] });
    });

    it("both servers are ready over TLS, and end by SIGTERM", async () => {
      const servers = await startServers(["--data", tempFolder()], options);
      for (const url of [servers.vpki, servers.kms]) expect(await statusOf(`${url}/readyz`, servers.ca)).toBe(200);
      expect((await servers.stop()).code).toBe(0);
    });

    it("the operator page answers", async () => {
      const demo = start("ecustation", ["demo", "--data", tempFolder()], options);
      const line = await demo.line((text) => text.startsWith("Operator page: "));
      const page = await fetch(/http:\S+/.exec(line)?.[0] ?? "");
      expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
      expect((await demo.stop()).code).toBe(0);
    });

    it("doctor knows the version, and the native modules load", async () => {
      const done = await run("ecustation", ["doctor", "--data", tempFolder()], options);
      expect(done.stdout).toMatch(new RegExp(`^OK {6}node +Node ${version}\\.`, "m"));
      for (const name of ["sqlite", "serialport"]) expect(done.stdout).toMatch(new RegExp(`^OK {6}${name} `, "m"));
      // The one module that is bound to the Node that it was built with.
      expect(done.stdout).toMatch(/^MISSING socketcan .*(?:run npm rebuild socketcan|is not installed)/m);
      expect(done.code).toBe(0);
    });
  });
}
