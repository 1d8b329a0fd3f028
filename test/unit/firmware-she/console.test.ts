import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sheConsole } from "../../../firmware-sim/she/console.js";
import { toHex } from "../../../src/shared/bytes.js";
import { buildUpdate } from "../../../src/she/update/index.js";
import { BLANK, KEY, KEY_USAGE, MASTER, UID } from "./rig.js";

type Answer = Record<string, unknown>;

async function talk(lines: readonly (object | string)[], args: readonly string[] = []) {
  const out: string[] = [];
  const err: string[] = [];
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const code = await sheConsole(args, {
    stdin: Readable.from([text]),
    stdout: { write: (chunk: string) => out.push(chunk) },
    stderr: { write: (chunk: string) => err.push(chunk) },
  });
  const answers = out
    .join("")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Answer);
  return { code, answers, out: out.join(""), err: err.join("") };
}

const NEW = { cmd: "NEW", uid: toHex(UID), blankKey: toHex(BLANK), secretKey: toHex(KEY) };
function loadLine(keyId: number, authKey: Uint8Array, newKey: Uint8Array, counter: number, flags = 0) {
  const { m1, m2, m3 } = buildUpdate({ uid: UID, authKeyId: 1, authKey, keyId, newKey, counter, flags });
  return { cmd: "LOAD_KEY", M1: toHex(m1), M2: toHex(m2), M3: toHex(m3) };
}

describe("ecu-sim she", () => {
  it("makes a device, loads keys and uses them as design.md shows", async () => {
    const { code, answers } = await talk([
      NEW,
      loadLine(1, BLANK, MASTER, 1),
      loadLine(4, MASTER, KEY, 1),
      { cmd: "ENC_ECB", keyId: 4, data: "00".repeat(16) },
      { cmd: "GENERATE_MAC", keyId: 4, data: "" },
    ]);
    const { m4, m5 } = buildUpdate({
      uid: UID,
      authKeyId: 1,
      authKey: MASTER,
      keyId: 4,
      newKey: KEY,
      counter: 1,
      flags: 0,
    });
    expect(code).toBe(0);
    expect(answers[2]).toEqual({ erc: "ERC_NO_ERROR", M4: toHex(m4), M5: toHex(m5) });
    expect(answers[3]).toEqual({ erc: "ERC_NO_ERROR", result: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(answers[4]).toEqual({ erc: "ERC_KEY_INVALID", result: "00".repeat(16) });
  });

  it("knows every command, with the CMD_ prefix, any case and other usual names of arguments", async () => {
    const zero = "00".repeat(16);
    const names = [
      { cmd: "CMD_LOAD_PLAIN_KEY", KEY: "000102030405060708090A0B0C0D0E0F" },
      { cmd: "cmd_enc_cbc", slot: "0xE", IV: zero, plaintext: zero },
      { cmd: "DEC_CBC", key_id: 14, iv: zero, ciphertext: zero },
      { cmd: "DEC_ECB", keyId: 14, data: zero },
      { cmd: "VERIFY_MAC", keyId: 14, message: "", mac: zero, mac_length: 8 },
      { cmd: "EXPORT_RAM_KEY" },
      { cmd: "INIT_RNG" },
      { cmd: "EXTEND_SEED", entropy: zero },
      { cmd: "RND" },
      { cmd: "GET_STATUS" },
      { cmd: "GET_ID", challenge: zero },
      { cmd: "CANCEL" },
      { cmd: "DEBUG" },
      { cmd: "ENV", debugger: true, bootFailed: false },
      { cmd: "RESET" },
    ];
    const { answers } = await talk(names);
    expect(answers.map(({ erc }) => erc)).toEqual(names.map(() => "ERC_NO_ERROR"));
    const refused = await talk([
      { cmd: "SECURE_BOOT", data: "00" },
      { cmd: "BOOT_OK" },
      { cmd: "BOOT_FAILURE" },
      { cmd: "DEBUG", authorization: zero },
    ]);
    expect(refused.answers.map(({ erc }) => erc)).toEqual([
      "ERC_NO_SECURE_BOOT",
      "ERC_NO_SECURE_BOOT",
      "ERC_NO_SECURE_BOOT",
      "ERC_RNG_SEED",
    ]);
  });

  it("says what is wrong with a line and goes on", async () => {
    const { answers } = await talk([
      "{",
      "[]",
      {},
      { cmd: "FLY" },
      { cmd: "ENC_ECB", keyId: 4 },
      { cmd: "ENC_ECB", keyId: 4, data: "0" },
      { cmd: "NEW", uid: "00" },
      { cmd: "NEW", uid: "00".repeat(15) },
      { cmd: "GET_STATUS" },
    ]);
    expect(answers.map(({ error }) => error)).toEqual([
      "the line is not JSON",
      "the line is not a JSON object",
      expect.stringContaining("cmd: missing"),
      expect.stringContaining('"FLY"'),
      "data: missing",
      "data: whole bytes as hex wanted",
      "uid: 15 bytes as hex wanted",
      expect.stringContaining("wildcard"),
      undefined,
    ]);
  });

  it("answers every line, whatever it holds", async () => {
    const cmd = fc.constantFrom("NEW", "ENC_ECB", "LOAD_KEY", "VERIFY_MAC", "DEBUG", "ENV", "GET_ID");
    const line = fc.oneof(
      fc.record({ cmd, keyId: fc.jsonValue(), data: fc.jsonValue(), uid: fc.jsonValue(), debugger: fc.jsonValue() }),
      fc.jsonValue(),
      fc.string().filter((text) => !/[\n]/.test(text) && text.trim() !== ""),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
        const { code, answers } = await talk(lines.map((entry) => JSON.stringify(entry)));
        expect(code).toBe(0);
        expect(answers.length).toBe(lines.length);
        for (const answer of answers) expect(typeof (answer.erc ?? answer.error)).toBe("string");
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["EPIPE", 0, ""],
    ["ENOSPC", 3, "ecu-sim she: the answers cannot be written: ENOSPC\n"],
  ])("an output that fails with %s ends it with code %i", async (code, exit, line) => {
    const err: string[] = [];
    const broken = Object.assign(new Error(code), { code });
    const result = await sheConsole([], {
      stdin: Readable.from(Array.from({ length: 50 }, () => '{"cmd":"GET_STATUS"}\n')),
      stdout: new Writable({ write: (_chunk, _encoding, done) => done(broken) }),
      stderr: { write: (chunk: string) => err.push(chunk) },
    });
    expect([result, err.join("")]).toEqual([exit, line]);
  });

  it("with --state the device survives restarts", async () => {
    const path = join(await mkdtemp(join(tmpdir(), "she-console-")), "she.json");
    await talk([NEW, loadLine(1, BLANK, MASTER, 1), loadLine(5, MASTER, KEY, 9, KEY_USAGE)], ["--state", path]);
    const { answers } = await talk(
      [
        loadLine(5, MASTER, KEY, 9, KEY_USAGE),
        { cmd: "GENERATE_MAC", keyId: 5, data: "cafe" },
        { cmd: "GET_ID", challenge: "00".repeat(16) },
      ],
      ["--state", path],
    );
    expect(answers.map(({ erc }) => erc)).toEqual(["ERC_KEY_UPDATE_ERROR", "ERC_NO_ERROR", "ERC_NO_ERROR"]);
    expect(answers[2]?.uid).toBe(toHex(UID));
    expect(JSON.parse(await readFile(path, "utf8")).state.keys).toHaveLength(2);
  });

  it("a foreign state file or a wrong option is one line and exit 2", async () => {
    const path = join(await mkdtemp(join(tmpdir(), "she-console-")), "she.json");
    for (const text of ["hello", "{}", '{"settings":{},"state":{"prngSeed":"00","keys":[]}}']) {
      await writeFile(path, text);
      const { code, err } = await talk([], ["--state", path]);
      expect(code).toBe(2);
      expect(err).toMatch(/^ecu-sim she: .*no state of a SHE console.*\n$/);
      expect(await readFile(path, "utf8")).toBe(text);
    }
    expect((await talk([], ["--nonsense"])).code).toBe(2);
    expect((await talk([], ["--help"])).out).toContain("Example:");
  });
});
