import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/cli/config.js";
import { isStationError } from "../../../src/shared/errors.js";

const FILE = `schema: 1
mode: simulator
station: { id: line-1, bays: [{ name: A, link: "sim:" }, { name: B }] }
servers: { embedded: { kmsPort: 1 } }
secrets: { cluster-a: { file: a.hex } }
limits: { attempts: 2 }
`;
const read = (env: Record<string, string>, text = FILE) =>
  parseConfig(text, "/plant/station.yaml", undefined, { XDG_DATA_HOME: "/xdg", ...env });

function fault(env: Record<string, string>, text = FILE): string {
  try {
    read(env, text);
  } catch (error) {
    if (isStationError(error, "CONFIG_INVALID")) return String(error.details.what);
    throw error;
  }
  return "no error";
}

describe("a setting of the environment", () => {
  it("stands in place of the file's, and the file's others stay", () => {
    const config = read({ ECUSTATION_STATION__ID: "line-2", ECUSTATION_LIMITS__REQUEST: "5000" });
    expect(config.station.id).toBe("line-2");
    expect(config.station.bays.map(({ name }) => name)).toEqual(["A", "B"]);
    expect(config.limits).toMatchObject({ request: 5_000, attempts: 2 });
  });

  it("may divide the words of a name, and makes sections that the file has not", () => {
    const env = { ECUSTATION_SERVERS__EMBEDDED__KMS_PORT: "8444", ECUSTATION_PAGE__SCAN__CHECK_DIGIT: "true" };
    const { servers, page } = read(env);
    expect(servers).toMatchObject({ kind: "embedded", kmsPort: 8_444 });
    expect(page.scan.checkDigit).toBe(true);
  });

  it("reaches places of lists and names that are the file's own; paths count from the file's folder", () => {
    const config = read({
      ECUSTATION_STATION__BAYS__1__LINK: "socketcan:can0",
      ECUSTATION_SECRETS__CLUSTER_A__FILE: "secrets/other.hex",
      ECUSTATION_SECRETS__CLUSTER_B__FILE: "/run/b.hex",
      ECUSTATION_DATA: "data",
    });
    expect(config.station.bays[1]).toMatchObject({ name: "B", link: "socketcan:can0" });
    expect([...config.secrets]).toEqual([
      ["cluster-a", { file: "/plant/secrets/other.hex" }],
      ["cluster-b", { file: "/run/b.hex" }],
    ]);
    expect(config.dataDir).toBe("/plant/data");
  });

  it("is text where text is wanted, and YAML elsewhere", () => {
    const env = { ECUSTATION_STATION__ID: "0042", ECUSTATION_TRACES__FORMATS: "[log, asc]" };
    const config = read(env);
    expect(config.station.id).toBe("0042");
    expect(config.traces.formats).toEqual(["log", "asc"]);
  });

  it("that is empty is as if it were not there", () => {
    expect(read({ ECUSTATION_STATION__ID: "" }).station.id).toBe("line-1");
  });

  it.each([
    [
      "ECUSTATION_STATION__NAME",
      "x",
      "ECUSTATION_STATION__NAME: names no setting (expected ECUSTATION_, then a path as STATION__ID)",
    ],
    ["ECUSTATION_STATION__BAYS__9__NAME", "x", "ECUSTATION_STATION__BAYS__9__NAME: names no setting"],
    [
      "ECUSTATION_LIMITS__ATTEMPTS",
      "many",
      'ECUSTATION_LIMITS__ATTEMPTS: limits.attempts: wrong value "many" (expected a whole number 1–100)',
    ],
    ["ECUSTATION_TRACES__FORMATS", "[log", "ECUSTATION_TRACES__FORMATS: is no YAML value"],
    ["ECUSTATION_MODE", "other", 'ECUSTATION_MODE: mode: wrong value "other" (expected one of simulator, plant)'],
  ])("%s=%s is told by its name", (name, value, what) => {
    expect(fault({ [name]: value })).toContain(what);
  });

  it("that is of a list's first place leaves what else the default has there", () => {
    const text = "schema: 1\nmode: plant\n";
    const config = read({ ECUSTATION_STATION__BAYS__0__LINK: "socketcan:can0" }, text);
    expect(config.station.bays).toEqual([{ name: "1", link: "socketcan:can0" }]);
    const both = { ECUSTATION_STATION__BAYS__0__LINK: "socketcan:can0", ECUSTATION_STATION__BAYS__0__PROFILE: "evcc" };
    expect(read(both, text).station.bays).toEqual([{ name: "1", link: "socketcan:can0", profile: "evcc" }]);
    const whole = { ...both, ECUSTATION_STATION__BAYS: "[{ name: A }, { name: B }]" };
    expect(read(whole, text).station.bays).toEqual([
      { name: "A", link: "socketcan:can0", profile: "evcc" },
      { name: "B" },
    ]);
    const next = { ECUSTATION_STATION__BAYS__1__NAME: "B" };
    expect(read(next, text).station.bays).toEqual([{ name: "1" }, { name: "B" }]);
  });

  it("is named where what it begins lacks something, and the file where the file does", () => {
    expect(fault({ ECUSTATION_STATION__BAYS__2__LINK: "socketcan:can0" })).toMatch(
      /^ECUSTATION_STATION__BAYS__2__LINK: station\.bays\[2\]\.name: is missing/,
    );
    const server = { ECUSTATION_SERVERS__EXTERNAL__CA_FILE: "ca.pem" };
    expect(fault(server, "schema: 1\nmode: plant\n")).toMatch(
      /^ECUSTATION_SERVERS__EXTERNAL__CA_FILE: servers\.external\.(?:vpki|kms): is missing/,
    );
    const bays = "schema: 1\nmode: plant\nstation: { bays: [{ profile: evcc }] }\n";
    expect(fault({ ECUSTATION_STATION__BAYS__0__LINK: "socketcan:can0" }, bays)).toMatch(
      /^\/plant\/station\.yaml:3:\d+: station\.bays\[0\]\.name: is missing/,
    );
  });

  it("is told by its own name where several stand in one place", () => {
    const env = { ECUSTATION_STATION__BAYS__0__LINK: "socketcan:can0", ECUSTATION_STATION__BAYS__0__TAKT: "0" };
    expect(fault(env, "schema: 1\nmode: plant\n")).toMatch(/^ECUSTATION_STATION__BAYS__0__TAKT: station\.bays\[0\]/);
  });

  it("does not hide what is wrong in the file", () => {
    const text = FILE.replace("attempts: 2", "attempts: 0");
    expect(fault({ ECUSTATION_STATION__ID: "line-2" }, text)).toMatch(
      /^\/plant\/station\.yaml:6:\d+: limits\.attempts/,
    );
    expect(read({ ECUSTATION_LIMITS__ATTEMPTS: "3" }, text).limits.attempts).toBe(3);
  });

  it("is judged as the file is by what a schema cannot say", () => {
    expect(fault({ ECUSTATION_SERVERS__EMBEDDED__HOST: "0.0.0.0" })).toMatch(
      /^ECUSTATION_SERVERS__EMBEDDED__HOST: servers\.embedded\.host: opens the servers/,
    );
  });

  it("of any name and value gives a configuration or one line", () => {
    const part = fc.constantFrom(
      "STATION",
      "BAYS",
      "0",
      "LINK",
      "SECRETS",
      "X",
      "__PROTO__",
      "CONSTRUCTOR",
      "LIMITS",
      "",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.string(), (parts, value) => {
        expect(fault({ [`ECUSTATION_${parts.join("__")}`]: value })).not.toContain("\n");
      }),
    );
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});
