import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectRefused, refuses } from "./bad-input/refuses.js";
import { callBuilt, root } from "./harness.js";

const KEY = "000102030405060708090a0b0c0d0e0f";
const UID = "000000000000000000000000000001";
const GENERATE = `--uid ${UID} --auth-key-id 1 --auth-key ${KEY} --key-id 4 --new-key ${KEY} --counter 1`;
const without = (option: string) =>
  `she generate ${GENERATE.replace(new RegExp(`${option} \\S+`), "")
    .replace(/ +/g, " ")
    .trim()}`;
const having = (option: string, value: string) => `${without(option)} ${option} ${value}`;
const M1 = "00000000000000000000000000000141";
const M2 = "2b111e2d93f486566bcbba1d7f7a9797c94643b050fc5d4d7de14cff682203c3";
const M3 = "b9d745e5ace7d41860bc63c2b9f5bb46";
const DECODE = `she decode ${M1} ${M2} ${M3}`;

describe("ecustation she", () => {
  refuses("ecustation", [
    ["she generate", /--uid.* missing|missing/],
    ["she generate --slot 4", /unknown option '--slot'/],
    ["she generate 4", /too many arguments/],
    ["she generate --uid", /'--uid <hex>' argument missing/],
    [without("--uid"), /--uid is missing/],
    [without("--auth-key-id"), /--auth-key-id is missing/],
    [without("--auth-key"), /--auth-key\b.* missing/],
    [without("--key-id"), /--key-id is missing/],
    [without("--new-key"), /--new-key\b.* missing/],
    [without("--counter"), /--counter is missing/],
    [having("--uid", "00"), /--uid: 30 hex digits wanted, 2 characters given/],
    [having("--auth-key-id", "16"), /--auth-key-id: /],
    [having("--auth-key", "0011"), /--auth-key: 32 hex digits wanted\n/],
    [having("--key-id", "G"), /--key-id: /],
    [having("--new-key", "zz"), /--new-key: 32 hex digits wanted\n/],
    [having("--new-key", "-"), /--new-key: standard input ended before this key/, ""],
    [having("--counter", "268435456"), /--counter: an integer 0\.\.268435455 wanted/],
    [having("--counter", "-1"), /--counter/],
    [having("--counter", "1e3"), /--counter: an integer/],
    [`${having("--counter", "1")} --flags 32`, /--flags: an integer 0\.\.31 wanted/],
    [`${having("--counter", "1")} --flags FAST`, /--flags: no flag is called "FAST"/],
    [`${having("--counter", "1")} --bank 9`, /--bank: an integer 0\.\.8 wanted/],
    [`${having("--counter", "1")} --device-uid 1`, /--device-uid: 30 hex digits wanted/],
    [`${having("--counter", "1")} --auth-key-file {none}`, /exclude each other/],
    [`${without("--auth-key")} --auth-key-file {none}`, /--auth-key-file: .*none\.yaml/],
    [`${without("--new-key")} --new-key-file {brokenConfig}`, /holds neither 16 bytes nor 32 hex digits/],
    ["she decode", /M1 \(--m1\) is missing/],
    ["she decode --quick", /unknown option '--quick'/],
    ["she decode 00", /M1: 32 hex digits wanted, 2 characters given/],
    [`she decode ${M1}`, /M2 \(--m2\) is missing/],
    [`she decode ${M1} ${M2}`, /M3 \(--m3\) is missing/],
    [`she decode ${M1} ${M2} ${M3}00`, /M3: 32 hex digits wanted, 34 characters given/],
    [`${DECODE} 1 2 3`, /five messages at most, 6 given/],
    [`${DECODE} --m1 ${M1}`, /M1 is given twice/],
    [`${DECODE} --m4 00`, /M4: 64 hex digits wanted/],
    [`${DECODE} --m5 ${M3}`, /M4 and M5 are only checked together/],
    [`${DECODE} --auth-key xy`, /--auth-key: 32 hex digits wanted\n/],
    [`${DECODE} --auth-key-file {none}`, /--auth-key-file: /],
    [`${DECODE} --bank many`, /--bank: an integer 0\.\.8 wanted/],
    [`${DECODE} --uid 00`, /--uid: 30 hex digits wanted/],
    [`${DECODE} --counter x`, /--counter: an integer/],
    [`${DECODE} --stored-flags 99`, /--stored-flags: an integer 0\.\.31/],
    [`${DECODE} --key-id x`, /--key-id: an integer 0\.\.15/],
    [`${DECODE} --auth-key-id x`, /--auth-key-id: an integer 0\.\.15/],
    [`${DECODE} --flags x`, /--flags: no flag is called "x"/],
    ["she verify", /M1 \(--m1\) is missing/],
    ["she verify --quick", /unknown option '--quick'/],
    [`she verify ${M1} ${M2} ${M3} --counter x`, /--counter: an integer/],
  ]);

  const good = `{"uid":"${UID}","authKeyId":1,"authKey":"${KEY}","keyId":4,"newKey":"${KEY}","counter":1,"flags":0}`;
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["no JSON", "{", /line 3: not valid JSON\n/],
    ["an array", "[]", /line 3: not a JSON object\n/],
    ["no uid", "{}", /line 3: uid: missing\n/],
    ["a short key", good.replace(KEY, "00"), /line 3: authKey: 32 hex digits in a string wanted\n/],
    ["a slot too high", good.replace('"keyId":4', '"keyId":16'), /line 3: keyId: an integer 0\.\.15 wanted\n/],
    ["a counter in a string", good.replace('"counter":1', '"counter":"1"'), /line 3: counter: an integer/],
    ["six flags", good.replace('"flags":0', '"flags":32'), /line 3: flags: an integer 0\.\.31 wanted\n/],
    ["a name in another case", good.replace("newKey", "newkey"), /line 3: newkey: the field is called newKey\n/],
    ["a bad bank", good.replace("}", ',"bank":9}'), /line 3: bank: an integer 0\.\.8 wanted\n/],
    ["verifyOnly as a number", good.replace("}", ',"verifyOnly":1}'), /line 3: verifyOnly: true or false wanted\n/],
  ];
  it.each(bad)("answers the lines before one with %s, and names that one", async (_, line, complaint) => {
    const done = await callBuilt("ecustation", ["she", "generate", "--jsonl"], {
      input: `${good}\n\n${line}\n${good}\n`,
    });
    expect(done.stdout).toMatch(/^\{"M1":"[^\n]+\}\n$/);
    expectRefused(done, complaint, done.stdout);
    expect(done.stderr).not.toContain(KEY);
  });

  it("says in one line that it cannot read a folder as its input", () => {
    const folder = openSync(tmpdir(), "r");
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, "bin/ecustation.js"), "she", "generate", "--jsonl"],
      { stdio: [folder, "pipe", "pipe"], encoding: "utf8" },
    );
    closeSync(folder);
    expect([status, stdout, stderr]).toEqual([2, "", "ecustation: standard input: it is a folder\n"]);
  });
});
