/** The log of a service as the journal takes it: each line with its priority, and none where nobody would take it off again. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, tempFolder } from "./harness.js";

const folder = tempFolder("journal");
const config = join(folder, "station.yaml");
writeFileSync(config, `schema: 1\nmode: simulator\ndata: data\nservers: { embedded: { access: access.yaml } }\n`);

/** What servers write on standard error that take a list of clients and then cannot read it any more. @param stream of standard error */
async function log(name: string, stream: (stats: { dev: number; ino: number }) => string): Promise<string[]> {
  writeFileSync(join(folder, "access.yaml"), "schema: 1\nroles: {}\nclients: []\n");
  const file = join(folder, name);
  const stderr = openSync(file, "w");
  const env = { ...process.env, JOURNAL_STREAM: stream(fstatSync(stderr)) };
  const args = [join(root, "bin/ecustation.js"), "servers", "--config", config, "--log"];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", stderr] });
  closeSync(stderr);
  await once(child.stdout ?? child, "data");
  writeFileSync(join(folder, "access.yaml"), "schema: 2\n");
  child.kill("SIGHUP");
  while (!readFileSync(file, "utf8").includes("not taken")) await new Promise((resolve) => setImmediate(resolve));
  child.kill("SIGTERM");
  await once(child, "exit");
  return readFileSync(file, "utf8").trim().split("\n");
}

const levelOf = (line: string): string => JSON.parse(line.replace(/^<\d>/, "")).level;

it("has the priorities of syslog where standard error goes to the journal", async () => {
  const lines = await log("journal", ({ dev, ino }) => `${dev}:${ino}`);
  expect(new Set(lines.map(levelOf))).toEqual(new Set(["info", "error"]));
  for (const line of lines) expect(line.slice(0, 3)).toBe(levelOf(line) === "error" ? "<3>" : "<6>");
});

it("is plain JSON where standard error was led elsewhere", async () => {
  const lines = await log("elsewhere", ({ dev, ino }) => `${dev}:${ino + 1}`);
  for (const line of lines) expect(line).toMatch(/^\{/);
});
