import { readFileSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseUpdateLine } from "../../../src/cli/she/lines.js";
import { isStationError } from "../../../src/shared/errors.js";
import { runShe } from "./command-helper.js";

interface Vector {
  uid: string;
  authId: number;
  authKey: string;
  keyId: number;
  newKey: string;
  counter: number;
  flags: number;
  m1: string;
  m2: string;
  m3: string;
  m4star: string;
  m5: string;
}
const file = new URL("../../vectors/she-published.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: Vector[] };
const first = vectors[0] as Vector;
const AUTH = "000102030405060708090a0b0c0d0e0f";
const MESSAGES = [first.m1, first.m2, first.m3];

const request = ({ uid, authId, authKey, keyId, newKey, counter, flags }: Vector) => ({
  uid,
  authKeyId: authId,
  authKey,
  keyId,
  newKey,
  counter,
  flags,
});
const answer = (v: Vector) => ({ M1: v.m1, M2: v.m2, M3: v.m3, M4: v.m1 + v.m4star, M5: v.m5 });

function usageText(error: unknown): string {
  expect(isStationError(error, "USAGE")).toBe(true);
  const { message } = error as Error;
  expect(message).not.toContain("\n");
  return message;
}

describe("she generate", () => {
  it("--jsonl reproduces every published vector", async () => {
    const input = vectors.map((v) => JSON.stringify(request(v))).join("\n");
    const { out, error } = await runShe(["generate", "--jsonl"], input);
    expect(error).toBeUndefined();
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(vectors.map(answer));
  });

  it("--jsonl takes hex of either case, CRLF, blank lines, notes, and chunks cut anywhere", async () => {
    const line = JSON.stringify({ ...request(first), authKey: AUTH.toUpperCase(), note: "é" });
    const text = Buffer.from(`\n${line}\r\n\n${line}\n`);
    const { out } = await runShe(
      ["generate", "--jsonl"],
      [...text].map((byte) => Buffer.of(byte)),
    );
    expect(out).toBe(`${JSON.stringify(answer(first))}\n`.repeat(2));
  });

  it("--jsonl keeps pace with thousands of lines in order", async () => {
    const lines = Array.from({ length: 3000 }, (_, i) =>
      JSON.stringify({ ...request(first), counter: i, uid: i.toString(16).padStart(30, "0") }),
    );
    const { out } = await runShe(
      ["generate", "--jsonl"],
      lines.map((line) => `${line}\n`),
    );
    const uids = out
      .trimEnd()
      .split("\n")
      .map((line) => Number.parseInt(JSON.parse(line).M1.slice(0, 30), 16));
    expect(uids).toEqual(lines.map((_, i) => i));
  });

  it.each([
    [{ counter: 2 ** 28 }, "line 2: counter: an integer 0..268435455 wanted"],
    [{ counter: "1" }, "line 2: counter"],
    [{ uid: "00" }, "line 2: uid: 30 hex digits in a string wanted"],
    [{ newKey: undefined }, "line 2: newKey: missing"],
    [{ newKey: `${AUTH.slice(0, 31)}g` }, "line 2: newKey: 32 hex digits"],
    [{ flags: 32 }, "line 2: flags: an integer 0..31 wanted"],
    [{ bank: 9 }, "line 2: bank: an integer 0..8 wanted"],
    [{ verifyOnly: 1 }, "line 2: verifyOnly: true or false wanted"],
    [{ verifyonly: true }, "line 2: verifyonly: the field is called verifyOnly"],
  ])("--jsonl: %j is one line with line number and field, after the good lines", async (change, text) => {
    const good = JSON.stringify(request(first));
    const { out, error } = await runShe(
      ["generate", "--jsonl"],
      `${good}\n${JSON.stringify({ ...request(first), ...change })}\n`,
    );
    expect(usageText(error)).toContain(text);
    expect(usageText(error)).not.toContain(AUTH.slice(0, 16));
    expect(out).toBe(`${JSON.stringify(answer(first))}\n`);
  });

  it("a line of garbage is a RangeError, never another failure", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(() => parseUpdateLine(line)).toThrow(RangeError);
      }),
    );
  });

  it("takes its keys from a file and from standard input", async () => {
    const path = join(await mkdtemp(join(tmpdir(), "she-")), "auth.key");
    const rest = ["--uid", first.uid, "--auth-key-id", "1", "--key-id", "4", "--counter", "1", "--json"];
    await writeFile(path, `${AUTH}\n`);
    const fromFile = await runShe(
      ["generate", ...rest, "--auth-key-file", path, "--new-key", "-"],
      `${first.newKey}\n`,
    );
    expect(JSON.parse(fromFile.out)).toEqual(answer(first));
    await writeFile(path, Buffer.from(AUTH, "hex"));
    const raw = await runShe(["generate", ...rest, "--auth-key", "-", "--new-key-file", path], `${first.newKey}\n`);
    expect(JSON.parse(raw.out).M1).toBe(first.m1);
    const both = await runShe(["generate", ...rest, "--auth-key", "-", "--new-key", "-"], `${AUTH}\n${first.newKey}\n`);
    expect(JSON.parse(both.out)).toEqual(answer(first));
  });

  it.each([
    AUTH,
    `${AUTH.slice(0, 30)}.bin`,
    AUTH.replace(/(..)(?=.)/g, "$1:"),
    Buffer.from(AUTH, "hex").toString("base64"),
  ])("does not repeat what may be a key in place of its file's name", async (given) => {
    const { error } = await runShe(["decode", ...MESSAGES, "--auth-key-file", given]);
    expect(usageText(error)).toMatch(/^--auth-key-file: ENOENT: .* 'a file whose name looks like a key'$/);
  });

  it.each([
    [["generate"], "--uid is missing"],
    [["generate", "--uid", "12"], "--uid: 30 hex digits wanted"],
    [["decode"], "M1 (--m1) is missing"],
    [["decode", "00"], "M1: 32 hex digits wanted"],
    [["decode", ...MESSAGES, "--m1", first.m1], "M1 is given twice"],
    [["decode", ...MESSAGES, "--auth-key", "xyz"], "--auth-key: 32 hex digits wanted"],
    [["decode", ...MESSAGES, "--auth-key", "-"], "--auth-key: standard input ended"],
    [["decode", ...MESSAGES, "--auth-key-file", "/nowhere/key"], "--auth-key-file: ENOENT"],
    [["verify", ...MESSAGES, "--counter", "-1"], "--counter: an integer 0..268435455 wanted"],
    [["verify", ...MESSAGES, "--flags", ""], "--flags: names of flags or an integer 0..31 wanted"],
    [["verify", ...MESSAGES, "--flags", "SHINY"], '--flags: no flag is called "SHINY"'],
    [["verify", ...MESSAGES, "--m4", "00".repeat(32)], "M4 and M5 are only checked together"],
  ])("%j is one line of what is wrong", async (args, text) => {
    const { error, out } = await runShe(args);
    expect(usageText(error)).toContain(text);
    expect(out).toBe("");
  });
});

describe("she decode", () => {
  it("shows slot, authoriser, counter and flags, and the new key only when asked", async () => {
    const v6 = vectors[2] as Vector;
    const args = ["decode", "--m1", v6.m1, "--m2", v6.m2, "--m3", v6.m3, "--auth-key", v6.authKey];
    const { out, exitCode } = await runShe(args);
    expect(out).toContain("slot        5 KEY_2");
    expect(out).toContain("authoriser  1 MASTER_ECU_KEY");
    expect(out).toContain("counter     1");
    expect(out).toContain("flags       15 BOOT_PROTECTION DEBUGGER_PROTECTION KEY_USAGE WILDCARD");
    expect(out).toContain("M3          right");
    expect(out).not.toContain(v6.newKey);
    expect(exitCode).toBe(0);
    expect((await runShe([...args, "--show-key"])).out).toContain(v6.newKey);
    const json = JSON.parse((await runShe([...args, "--json"])).out);
    expect(json).toMatchObject({ slot: 5, authKeyId: 1, counter: 1, flags: 15, macOk: true, causes: [] });
    expect(JSON.stringify(json)).not.toContain(v6.newKey);
  });

  it("with a wrong key says which usual cause fits", async () => {
    const v7 = vectors[3] as Vector;
    const { out } = await runShe(["decode", v7.m1, v7.m2, v7.m3, "--auth-key", AUTH]);
    expect(out).toContain("BLANK_KEY_00: the set was made with the blank key 00…00 as authoriser");
    expect(out).toContain("counter     1");
    const wrong = await runShe(["decode", ...MESSAGES, "--auth-key", first.newKey, "--uid", "11".repeat(15)]);
    expect(wrong.out).toMatch(/WRONG_KEY: .*\n.*UID: M1 is for UID 0000/);
  });
});

describe("she verify", () => {
  it("exits 0 for an update that a device takes", async () => {
    const args = ["verify", ...MESSAGES, first.m1 + first.m4star, first.m5, "--auth-key", "-", "--counter", "0"];
    expect(await runShe([...args, "--uid", first.uid], `${AUTH}\n`)).toEqual({
      out: "accepted\n",
      error: undefined,
      exitCode: 0,
    });
  });

  it("exits 1 and says why for one that a device refuses", async () => {
    const { out, exitCode } = await runShe(["verify", ...MESSAGES, "--auth-key", AUTH, "--counter", "1"]);
    expect(exitCode).toBe(1);
    expect(out).toBe("refused with ERC_KEY_UPDATE_ERROR: COUNTER: counter 1 is not greater than the device's 1\n");
    const stored = await runShe(["verify", ...MESSAGES, "--auth-key", AUTH, "--stored-flags", "WRITE_PROTECTION"]);
    expect(stored.out).toContain("refused with ERC_KEY_WRITE_PROTECTED");
    const json = await runShe(["verify", ...MESSAGES, "--auth-key", first.newKey, "--json"]);
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ accepted: false, causes: [{ cause: "WRONG_KEY" }] });
  });
});

it.each(["generate", "decode", "verify"])("she %s --help has an example", async (name) => {
  expect((await runShe([name, "--help"])).out).toMatch(new RegExp(`Examples?:\\n  ecustation she ${name}`));
});
