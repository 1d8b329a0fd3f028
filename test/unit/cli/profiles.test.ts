import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  assertProfileAllowed,
  DEFAULT_PROFILE_DIRS,
  findAnyProfile,
  findProfile,
  readSecurityKey,
} from "../../../src/cli/profiles.js";
import { isStationError } from "../../../src/shared/errors.js";

const HEX = '{ hex: "00112233445566778899aabbccddeeff" }';
let folder = "";
let evcc = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "profiles-"));
  evcc = await readFile((await findProfile("evcc")).file, "utf8");
});
afterAll(() => rm(folder, { recursive: true }));

async function withKey(name: string, key: string) {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, evcc.replace(HEX, key));
  return findProfile(file);
}

const code = (work: Promise<unknown>) =>
  work.then(
    () => "none",
    (error: unknown) => (isStationError(error) ? error.code : error),
  );

describe("a profile", () => {
  it("is found by name, and in the plant's folder first", async () => {
    await writeFile(join(folder, "evcc.yaml"), evcc.replace("version: 1", "version: 7"));
    expect((await findProfile("evcc")).profile.version).toBe(1);
    expect((await findProfile("evcc", [folder, ...DEFAULT_PROFILE_DIRS])).profile.version).toBe(7);
    expect((await findProfile("ccu", [folder, ...DEFAULT_PROFILE_DIRS])).profile.name).toBe("ccu");
  });

  it("of a plain UDS ECU is found, and refused where there is to be something to provision", async () => {
    expect((await findAnyProfile("generic-uds")).profile.target).toBe("none");
    expect(await code(findProfile("generic-uds"))).toBe("PROFILE_FORBIDDEN");
  });

  it("that is wrong is not passed over for the next folder's", async () => {
    await writeFile(join(folder, "ccu.yaml"), "schema: 2\n");
    expect(await code(findProfile("ccu", [folder, ...DEFAULT_PROFILE_DIRS]))).toBe("PROFILE_INVALID");
    await rm(join(folder, "ccu.yaml"));
  });
});

describe("outside simulator mode", () => {
  it("the simulator's security key is refused in a profile", async () => {
    const { profile } = await findProfile("evcc");
    expect(() => assertProfileAllowed(profile, "simulator")).not.toThrow();
    expect(() => assertProfileAllowed(profile, "plant")).toThrow(/evcc has the simulator's security key/);
    const upper = await withKey("upper", HEX.toUpperCase().replace("HEX", "hex"));
    expect(() => assertProfileAllowed(upper.profile, "plant")).toThrow(/simulator's/);
  });

  it("and in a key file", async () => {
    await writeFile(join(folder, "public.key"), "0011223344556677 8899AABBCCDDEEFF\n");
    const found = await withKey("public", "{ file: public.key }");
    expect(await code(readSecurityKey(found, "plant"))).toBe("PROFILE_FORBIDDEN");
    expect(await code(readSecurityKey(found, "simulator"))).toBe("none");
  });

  it("any other key in the clear is refused too", async () => {
    const found = await withKey("clear", '{ hex: "ff112233445566778899aabbccddeeff" }');
    expect(await code(readSecurityKey(found, "plant"))).toBe("PROFILE_FORBIDDEN");
  });
});

describe("a key file", () => {
  it("counts from the profile's folder", async () => {
    await writeFile(join(folder, "own.key"), `${"a5".repeat(16)}\n`);
    const key = await readSecurityKey(await withKey("own", "{ file: own.key }"), "plant");
    expect(key.use((bytes) => [...bytes])).toEqual(new Array(16).fill(0xa5));
  });

  it.each([
    ["that is not there", undefined],
    ["of another length", "a5".repeat(15)],
    ["that holds no hex", "not a key"],
  ])("%s is a mistake of the configuration", async (_, text) => {
    if (text === undefined) await rm(join(folder, "bad.key"), { force: true });
    else await writeFile(join(folder, "bad.key"), text);
    const found = await withKey("bad", "{ file: bad.key }");
    expect(await code(readSecurityKey(found, "plant"))).toBe("CONFIG_INVALID");
  });
});
