import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ownAccount, personOf } from "../../../src/cli/person.js";
import { findProfile } from "../../../src/cli/profiles.js";
import { ran } from "./io-helper.js";

let folder = "";
let bms = "";
const profile = (...words: string[]) =>
  ran(["profile", ...words, "--config", join(folder, "station.yaml"), "--data", join(folder, "data")]);
const configure = (profiles: string) =>
  writeFile(join(folder, "station.yaml"), `schema: 1\nmode: plant\nprofiles: ${profiles}\n`);
/** The hash of the profile with that text. */
const write = async (text: string) => {
  await writeFile(join(folder, "bms.yaml"), text);
  return (await profile("hash", "bms")).out.slice(0, 64);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "approvals-"));
  bms = (await readFile((await findProfile("evcc")).file, "utf8")).replace("name: evcc", "name: bms");
  await configure("{ folder: ., approvals: 2 }");
});
afterAll(() => rm(folder, { recursive: true }));

describe("profile approve", () => {
  it("approves by the account that runs it, once, and says what is still missing", async () => {
    const hash = await write(bms);
    const self = ownAccount().name.toLowerCase();
    const line = new RegExp(`^bms version 1 {2}${hash} {2}since \\S+ {2}approvals 1 of 2: ${self} \\S+\n$`);
    const first = await profile("approve", "bms");
    expect(first).toMatchObject({ code: 0, err: "", out: expect.stringMatching(line) });
    const again = await profile("approve", "bms", "--by", self);
    expect(again).toMatchObject({ code: 0, out: `${self} had approved it already\n${first.out}` });
    expect((await profile("approvals", "bms")).out).toBe(first.out);
  });

  it("refuses a profile that there is nothing to provision by", async () => {
    expect(await profile("approve", "generic-uds")).toMatchObject({ code: 2, out: "" });
  });
});

describe("profile diff", () => {
  it("tells line by line what changed, by hash, name and file; keys are blotted out", async () => {
    const former = await write(bms);
    await profile("approve", "bms");
    const present = await write(bms.replace("P2star: 5000", "P2star: 5001"));
    await profile("approve", "bms");
    expect(present).not.toBe(former);
    const byHash = await profile("diff", former.slice(0, 8), present);
    expect(byHash.out).toMatch(new RegExp(`^- bms version 1 \\(${former}\\)\n\\+ bms version 1 \\(${present}\\)\n`));
    expect(byHash.out.split("\n").filter((line) => /^ *\d* +\d* [-+] /.test(line))).toEqual([
      expect.stringMatching(/^ *\d+ +- .*P2star: 5000/),
      expect.stringMatching(/^ *\d+ \+ .*P2star: 5001/),
    ]);
    expect((await profile("diff", former, "bms")).out).toBe(byHash.out);
    expect((await profile("diff", former, join(folder, "bms.yaml"))).out).toBe(byHash.out);
    await write(bms.replace("00112233445566778899aabbccddeeff", "11112233445566778899AABBCCDDEEFF"));
    const keys = await profile("diff", former, "bms");
    expect(keys.out).not.toMatch(/22334455/);
  });

  it("calls it the same content where only the layout differs", async () => {
    const former = await write(bms);
    await write(bms.replace("P2star: 5000", "P2star:   5000 # ms"));
    const { out } = await profile("diff", former, "bms");
    expect(out).toMatch(/\nthe same content\n…\n/);
  });

  it("knows no version of a hash that was never used or approved", async () => {
    const { code, err } = await profile("diff", "00000000", "bms");
    expect([code, err]).toEqual([2, expect.stringMatching(/00000000 \(no version of this hash is kept\)/)]);
  });
});

describe("profiles in the configuration", () => {
  it.each([
    ["{ folder: ., approvals: 0 }", /approvals/],
    ["{ approvals: two }", /approvals/],
    ["{ approval: 2 }", /approval/],
  ])("may not be %s", async (section, what) => {
    await configure(section);
    const { code, err } = await profile("approvals");
    expect([code, err]).toEqual([2, expect.stringMatching(/station\.yaml:3:\d+: /)]);
    expect(err).toMatch(what);
  });
});

describe("the person who approves on the command line", () => {
  const kim = { name: "kim", isRoot: false };
  const root = { name: "root", isRoot: true };

  it("is the account's own", () => {
    expect(personOf(undefined, {}, kim)).toEqual({ person: "kim", proof: "account kim" });
    expect(personOf("Kim", {}, kim)).toEqual({ person: "kim", proof: "account kim" });
    expect(() => personOf("lee", {}, kim)).toThrow(/--by lee: this command runs as kim/);
  });

  it("is the one that called sudo, whom sudo does not let be another", () => {
    const env = { SUDO_USER: "kim" };
    expect(personOf(undefined, env, root)).toEqual({ person: "kim", proof: "account kim, by sudo" });
    expect(() => personOf("lee", env, root)).toThrow(/--by lee: this command runs as kim/);
  });

  it("is whom root names, and the log says so", () => {
    expect(personOf("lee", {}, root)).toEqual({ person: "lee", proof: "named by root" });
    expect(personOf(undefined, {}, root)).toEqual({ person: "root", proof: "account root" });
  });
});
