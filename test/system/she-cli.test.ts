import { join } from "node:path";
import { describe, expect, it } from "vitest";
import published from "../vectors/she-published.json" with { type: "json" };
import { callBuilt, type Running, run, start, tempFolder } from "./harness.js";

const { vectors } = published;
const V1 = vector("V1");

function vector(id: string) {
  const found = vectors.find((entry) => entry.id === id);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return found;
}

type Vector = ReturnType<typeof vector>;

/** M1–M5; M4 is M1 (its UID the device's), then M4*. */
function messages({ m1, m2, m3, m4star, m5 }: Vector) {
  return { M1: m1, M2: m2, M3: m3, M4: `${m1}${m4star}`, M5: m5 };
}

const she = (...args: readonly string[]) => run("ecustation", ["she", ...args]);
const update = ({ m1, m2, m3 }: Vector) => [m1, m2, m3];

describe("she generate", () => {
  it("makes every published vector in one call, one line each, in order", async () => {
    const lines = vectors.map(({ uid, authId, authKey, keyId, newKey, counter, flags }) =>
      JSON.stringify({ uid, authKeyId: authId, authKey, keyId, newKey, counter, flags }),
    );
    const done = await run("ecustation", ["she", "generate", "--jsonl"], { input: `${lines.join("\n")}\n` });
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toBe(vectors.map((entry) => `${JSON.stringify(messages(entry))}\n`).join(""));
    expect(vectors.length).toBeGreaterThanOrEqual(4);
  });

  it("answers each line before the next one comes, as a program wants that waits for its answer", async () => {
    const making = start("ecustation", ["she", "generate", "--jsonl"]);
    for (const entry of vectors) {
      const { uid, authId, authKey, keyId, newKey, counter, flags } = entry;
      making.child.stdin.write(
        `${JSON.stringify({ uid, authKeyId: authId, authKey, keyId, newKey, counter, flags })}\n`,
      );
      const answer = JSON.stringify(messages(entry));
      await making.line((line) => line === answer);
    }
    making.child.stdin.end();
    expect(await making.finished).toMatchObject({ code: 0, stderr: "" });
  });

  it("makes one set from options, its keys from standard input", async () => {
    const args = ["--uid", V1.uid, "--auth-key-id", "1", "--auth-key", "-", "--key-id", "4", "--new-key", "-"];
    const input = `${V1.authKey}\n${V1.newKey}\n`;
    const done = await run("ecustation", ["she", "generate", ...args, "--counter", "1", "--json"], { input });
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(done.stdout)).toEqual(messages(V1));
  });
});

describe("counter 0", () => {
  it("is made for every slot, as the help says, and judged as a device does: for RAM_KEY alone", async () => {
    const help = (await she("generate", "--help")).stdout.replace(/\s+/g, " ");
    expect(help).toContain("update counter, 1–268435455; also 0, which a device takes for RAM_KEY alone");
    for (const [slot, authoriser, code] of [
      ["1", "1", 1],
      ["4", "1", 1],
      ["E", "4", 0],
    ] as const) {
      const keys = ["--auth-key-id", authoriser, "--auth-key", V1.authKey, "--key-id", slot, "--new-key", V1.newKey];
      const made = await she("generate", "--uid", V1.uid, ...keys, "--counter", "0", "--json");
      expect(made).toMatchObject({ code: 0, stderr: "" });
      const { M1, M2, M3 } = JSON.parse(made.stdout) as Record<"M1" | "M2" | "M3", string>;
      const judged = await she("verify", M1, M2, M3, "--auth-key", V1.authKey);
      expect(judged.code, judged.stdout).toBe(code);
    }
  });
});

describe("she decode", () => {
  it("shows slot, authoriser, counter and flags of a vector, and hides the key unless asked", async () => {
    const v6 = vector("V6");
    const done = await she("decode", ...update(v6), "--auth-key", v6.authKey);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toMatch(/^slot +5 KEY_2$/m);
    expect(done.stdout).toMatch(/^authoriser +1 MASTER_ECU_KEY$/m);
    expect(done.stdout).toMatch(/^uid +000300010000000000000000000002$/m);
    expect(done.stdout).toMatch(/^counter +1$/m);
    expect(done.stdout).toMatch(/^flags +15 BOOT_PROTECTION DEBUGGER_PROTECTION KEY_USAGE WILDCARD$/m);
    expect(done.stdout).toMatch(/^M3 +right$/m);
    expect(done.stdout).not.toContain(v6.newKey);
    const open = await she("decode", ...update(v6), "--auth-key", v6.authKey, "--show-key", "--json");
    expect(JSON.parse(open.stdout)).toMatchObject({ slot: 5, authKeyId: 1, counter: 1, flags: 15, newKey: v6.newKey });
  });
});

/** A set that differs from V1 by `made`, judged with what `given` says, and the cause that both commands must name. */
const CAUSES: readonly (readonly [string, made: object, given: readonly string[], cause: string])[] = [
  ["authorised by a blank key of 00", { authKey: "00".repeat(16) }, [], "BLANK_KEY_00"],
  ["authorised by a blank key of FF", { authKey: "ff".repeat(16) }, [], "BLANK_KEY_FF"],
  ["authorised by a key that fits nothing", { authKey: "5a".repeat(16) }, [], "WRONG_KEY"],
  ["made for another bank", { bank: 2 }, [], "BANK"],
  ["made for another device", {}, ["--uid", `${"00".repeat(14)}02`], "UID"],
  ["of a counter that the slot has reached", {}, ["--counter", "1"], "COUNTER"],
  ["with its flags a bit too low", { flags: 7 }, ["--flags", "14"], "FLAGS_SHIFTED"],
  ["with other flags", { flags: 16 }, ["--flags", "1"], "FLAGS"],
  ["for another slot", {}, ["--key-id", "5"], "SLOT"],
];

describe("she verify", () => {
  it("accepts a vector with its key, its proof and its device", async () => {
    const { M4, M5 } = messages(V1);
    const facts = ["--auth-key", V1.authKey, "--uid", V1.uid, "--counter", "0", "--key-id", "4", "--auth-key-id", "1"];
    const done = await she("verify", ...update(V1), M4, M5, ...facts, "--flags", "0");
    expect(done).toMatchObject({ code: 0, stdout: "accepted\n", stderr: "" });
  });

  it.each(CAUSES)("says which cause fits a set %s", async (_, made, given, cause) => {
    const args = [...(await messagesOf(made)), "--auth-key", V1.authKey, ...given];
    const verified = await callBuilt("ecustation", ["she", "verify", ...args]);
    expect(verified).toMatchObject({ code: 1, stderr: "" });
    expect(verified.stdout).toMatch(new RegExp(`: ${cause}: \\S`));
    const decoded = await callBuilt("ecustation", ["she", "decode", ...args]);
    expect(decoded).toMatchObject({ code: 0, stderr: "" });
    expect(decoded.stdout).toMatch(new RegExp(`^cause +${cause}: .*\\(ERC_`, "m"));
    expect(`${verified.stdout}${decoded.stdout}`).not.toContain(V1.newKey);
  });
});

/** M1–M3 of V1's values with some of them replaced. */
async function messagesOf(made: object): Promise<string[]> {
  const { uid, authKey, newKey } = V1;
  const line = { uid, authKeyId: 1, authKey, keyId: 4, newKey, counter: 1, flags: 0, ...made };
  const done = await callBuilt("ecustation", ["she", "generate", "--jsonl"], { input: `${JSON.stringify(line)}\n` });
  const { M1 = "", M2 = "", M3 = "" } = JSON.parse(done.stdout) as Record<string, string>;
  return [M1, M2, M3];
}

describe("ecu-sim she", () => {
  it("loads V1, and a device that was killed still holds it", async () => {
    const state = join(tempFolder(), "she.json");
    const first = new Console(start("ecu-sim", ["she", "--state", state]));
    expect(await first.ask({ cmd: "NEW", uid: V1.uid, blankKey: "00".repeat(16) })).toMatchObject({
      erc: "ERC_NO_ERROR",
    });
    const { M1, M2, M3, M4, M5 } = messages(V1);
    // The key that authorises V1 comes first, itself authorised by the empty slot.
    const line = { uid: V1.uid, authKeyId: 1, authKey: "00".repeat(16), keyId: 1, newKey: V1.authKey, counter: 1 };
    const made = await run("ecustation", ["she", "generate", "--jsonl"], {
      input: `${JSON.stringify({ ...line, flags: 0 })}\n`,
    });
    const master = JSON.parse(made.stdout) as Record<string, string>;
    expect(await first.ask({ cmd: "LOAD_KEY", M1: master.M1, M2: master.M2, M3: master.M3 })).toEqual({
      erc: "ERC_NO_ERROR",
      M4: master.M4,
      M5: master.M5,
    });
    expect(await first.ask({ cmd: "LOAD_KEY", M1, M2, M3 })).toEqual({ erc: "ERC_NO_ERROR", M4, M5 });
    const block = { cmd: "ENC_ECB", keyId: 4, data: "00112233445566778899aabbccddeeff" };
    const encrypted = await first.ask(block);
    expect(encrypted).toMatchObject({ erc: "ERC_NO_ERROR" });
    expect((await first.program.kill()).signal).toBe("SIGKILL");

    const second = new Console(start("ecu-sim", ["she", "--state", state]));
    expect(await second.ask(block)).toEqual(encrypted);
    // Its counter is kept too: the same set again is refused.
    expect(await second.ask({ cmd: "LOAD_KEY", M1, M2, M3 })).toMatchObject({ erc: "ERC_KEY_UPDATE_ERROR" });
    second.program.child.stdin.end();
    expect(await second.program.finished).toMatchObject({ code: 0, stderr: "" });
  });
});

/** A SHE console: one line in, its answer out. */
class Console {
  readonly program: Running;
  #answers = 0;

  constructor(program: Running) {
    this.program = program;
  }

  async ask(line: object): Promise<Record<string, unknown>> {
    const wanted = this.#answers++;
    let seen = 0;
    this.program.child.stdin.write(`${JSON.stringify(line)}\n`);
    return JSON.parse(await this.program.line(() => seen++ === wanted)) as Record<string, unknown>;
  }
}
