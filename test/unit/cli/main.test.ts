import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../../src/cli/commands.js";
import { ran } from "./io-helper.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("bad input is one line on standard error and exit code 2", () => {
  it.each([
    ["nothing at all", [], /a command is missing/],
    ["an unknown command", ["provision"], /unknown command 'provision'/],
    ["a misspelt command", ["profle"], /unknown command 'profle'.*profile/],
    ["an unknown option before the command", ["--colour", "profile"], /unknown option '--colour'/],
    ["an unknown option behind it", ["profile", "check", "evcc", "--colour"], /unknown option '--colour'/],
    ["a group without its subcommand", ["profile"], /subcommand is missing/],
    ["an unknown subcommand", ["profile", "paint"], /unknown command 'paint'/],
    ["a missing argument", ["profile", "check"], /missing required argument 'profile'/],
    ["an argument too many", ["config", "check", "a", "b"], /too many arguments/],
    ["an option without its value", ["config", "check", "--config"], /'--config <file>' argument missing/],
    [
      "a profile that is not there",
      ["profile", "check", "nosuch"],
      /no such profile: nosuch \(there are body-she, ccu, ccu-pkcs11, evcc, generic-uds\)/,
    ],
    ["a profile file that is not there", ["profile", "hash", "./nosuch.yaml"], /nosuch\.yaml: there is no such file/],
    ["a folder as a profile", ["profile", "check", "./src"], /src: it is a folder/],
    [
      "a configuration that is not there",
      ["doctor", "--config", "/nosuch.yaml"],
      /nosuch\.yaml: there is no such file/,
    ],
    ["a number out of range", ["records", "list", "--limit", "501"], /from 1 to 500/],
    [
      "a word that is none of the choices",
      ["records", "list", "--outcome", "GOOD"],
      /PASS, FAIL, ERROR, TIMEOUT, ABORTED/,
    ],
    ["a date that is none", ["records", "list", "--from", "soon"], /expected a date/],
    ["help for a command that is not there", ["provision", "--help"], /unknown command 'provision'/],
  ])("%s", async (_, argv, text) => {
    const { code, out, err } = await ran([
      ...argv,
      ...(argv.length > 0 && argv.at(-1) !== "--config" ? ["--data", folder] : []),
    ]);
    expect(err).toMatch(/^ecustation: [^\n]+\n$/);
    expect(err).toMatch(text);
    expect(out).toBe("");
    expect(code).toBe(2);
  });

  it("with file, line and column where a file is wrong", async () => {
    const file = join(folder, "bad.yaml");
    await writeFile(file, "schema: 1\nmode: simulater\n");
    const { code, err } = await ran(["config", "check", file]);
    expect(err).toBe(
      `ecustation: Configuration error: ${file}:2:7: mode: wrong value "simulater" (expected one of simulator, plant)\n`,
    );
    expect(code).toBe(2);
  });

  it("that gives the terminal no orders, whatever stands in the file", async () => {
    const file = join(folder, "coloured.yaml");
    await writeFile(file, 'schema: 1\nmode: simulator\n"\\e[31mred\\u0007\\u202e": 1\n');
    const { code, err } = await ran(["config", "check", file]);
    expect(err).toContain(`${file}:3:1: \\u{1b}[31mred\\u{7}\\u{202e}: unknown key`);
    expect(code).toBe(2);
  });
});

describe("help", () => {
  it("lists every command", async () => {
    const { code, out, err } = await ran(["--help"]);
    for (const row of COMMANDS) expect(out).toMatch(new RegExp(`^ {2}${row.name} `, "m"));
    expect([code, err]).toEqual([0, ""]);
  });

  it.each(COMMANDS.map((row) => row.name))("of %s has an example and the options of every command", async (name) => {
    const { code, out } = await ran([name, "--help"]);
    expect(out).toMatch(new RegExp(`^Usage: ecustation ${name}`));
    expect(out).toMatch(/Examples?:\n {2}ecustation /);
    expect(out).toContain("--config <file>");
    expect(out).toContain("--data <dir>");
    expect(code).toBe(0);
  });

  it.each([
    ["profile", "hash"],
    ["config", "check"],
    ["records", "show"],
    ["she", "generate"],
  ])("of %s %s has an example of its own", async (...words) => {
    const { code, out } = await ran([...words, "--help"]);
    expect(out).toMatch(new RegExp(`Examples?:\\n {2}ecustation ${words.join(" ")} `));
    expect(code).toBe(0);
  });

  it("is given by the help command too", async () => {
    expect((await ran(["help", "profile"])).out).toMatch(/^Usage: ecustation profile/);
  });
});

describe("the options of every command", () => {
  it("may stand before and behind it", async () => {
    const before = await ran(["--data", folder, "config", "check"]);
    const behind = await ran(["config", "check", "--data", folder]);
    expect(before.out).toContain(`data ${folder}`);
    expect(behind.out).toBe(before.out);
  });
});

it("a stack is shown with DEBUG alone", async () => {
  const argv = ["profile", "check", "nosuch"];
  expect((await ran(argv)).err).not.toMatch(/\n\s+at /);
  expect((await ran(argv, { DEBUG: "1" })).err).toMatch(/\n\s+at /);
});

it("a failure that is no bad input says its code in both languages and exits with 3", async () => {
  await writeFile(
    join(folder, "records.sqlite"),
    "this is no database, and long enough to be seen as none\n".repeat(40),
  );
  const { code, err } = await ran(["records", "list", "--data", folder]);
  expect(err).toMatch(/^ecustation: [A-Z_]+: [^\n]*[가-힣][^\n]* \/ [^\n]+\n$/);
  expect(code).toBe(3);
});

it("the version is the package's", async () => {
  expect((await ran(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});
