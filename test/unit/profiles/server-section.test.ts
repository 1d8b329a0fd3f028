import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { loadAnyProfile, loadProfile } from "../../../src/profiles/loader.js";
import { TestEcuSchema } from "../../../src/profiles/server-schema.js";
import { packageRoot } from "../../../src/shared/paths.js";

const read = (name: string) => readFileSync(join(packageRoot(), "hw-profiles", `${name}.yaml`), "utf8");
const generic = read("generic-uds");

function said(text: string): string {
  try {
    loadAnyProfile(text, "p.yaml");
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("the plain UDS ECU that comes along", () => {
  const { profile } = loadAnyProfile(generic, "generic-uds.yaml");
  if (profile.target !== "none") throw new Error("has a target");
  const { server } = profile;

  it("has the link, the timers and the sessions that outside testers are told", () => {
    expect(profile.can).toMatchObject({ bitrate: 500_000, requestId: 0x7e0, responseId: 0x7e8, functionalId: 0x7df });
    expect(profile.uds).toEqual({ P2: 50, P2star: 5_000, S3: 5_000, resetTime: 0 });
    expect(server.sessions).toEqual([1, 2, 3]);
  });

  it("has F190, F195 and 0100, the routine FF00, a download of 20,000 bytes and one level of security", () => {
    const lengths = server.identifiers.map(({ id, value }) => [
      id,
      "text" in value ? value.text.length : value.hex.length / 2,
    ]);
    expect(lengths).toEqual([
      [0xf190, 17],
      [0xf195, 128],
      [0x0100, 32],
    ]);
    expect(server.identifiers.filter(({ write }) => write !== undefined).map(({ id }) => id)).toEqual([0x0100]);
    expect(server.services.find(({ sid }) => sid === 0x2e)?.sessions).toEqual([3]);
    expect(server.routines.map(({ id, start }) => [id, start.responsePending?.count])).toEqual([[0xff00, 3]]);
    expect(server.memory).toMatchObject([{ address: 0x08000000, length: 20_000, download: {} }]);
    expect(server.services.find(({ sid }) => sid === 0x34)?.sessions).toEqual([2]);
    expect(server.security?.levels).toEqual([{ level: 1, seedLength: 4, xor: "a5c35a3c" }]);
  });

  it("is refused where a profile to provision is wanted", () => {
    expect(() => loadProfile(generic, "generic-uds.yaml")).toThrow(
      expect.objectContaining({ code: "PROFILE_FORBIDDEN", message: expect.stringContaining("nothing to provision") }),
    );
  });
});

describe("a profile with keys and certificates", () => {
  const evcc = parse(read("evcc")) as { securityAccess: object };

  it.each([
    [
      "by its name",
      { ...evcc, securityAccess: { ...evcc.securityAccess, algorithm: "xor" } },
      "securityAccess.algorithm",
    ],
    ["as a constant", { ...evcc, securityAccess: { level: 1, seedLength: 4, xor: "a5c35a3c" } }, "securityAccess"],
    ["in a server section", { ...evcc, server: (parse(generic) as { server: object }).server }, "server: unknown key"],
  ])("does not take the test ECU's XOR, %s", (_, document, what) => {
    expect(said(stringify(document))).toContain(what);
  });
});

describe("mistakes in a server section are said in one line", () => {
  type Server = Record<string, unknown> & {
    services: Record<string, unknown>[];
    identifiers: object[];
    memory: object[];
    routines: object[];
    dtcs: object[];
  };
  const mistakes: readonly (readonly [string, (server: Server) => void, string])[] = [
    ["no default session", (s) => (s.sessions = [2, 3]), "lacks the default session"],
    ["a service twice", (s) => s.services.push({ sid: 0x10 }), "names 0x10 twice"],
    ["a service that ecu-sim has not", (s) => s.services.push({ sid: 0x24 }), "wrong value 36"],
    ["a service without its section", (s) => delete s.security, "needs a section security"],
    [
      "a session that is not there",
      (s) => Object.assign(s.services[0] ?? {}, { sessions: [4] }),
      "names 0x04, which server.sessions",
    ],
    [
      "a level that is not there",
      (s) => Object.assign(s.services[0] ?? {}, { security: [3] }),
      "names 0x03, which server.security",
    ],
    [
      "a sub-function that ecu-sim has not",
      (s) => Object.assign(s.services[1] ?? {}, { subFunctions: [{ id: 9 }] }),
      "is not one of",
    ],
    [
      "sub-functions of a service without",
      (s) => Object.assign(s.services[0] ?? {}, { subFunctions: [{ id: 1 }] }),
      "does not belong",
    ],
    ["an even level", (s) => (s.security = { levels: [{ level: 2, seedLength: 1, xor: "00" }] }), "is even"],
    [
      "a constant of another length",
      (s) => (s.security = { levels: [{ level: 1, seedLength: 2, xor: "00" }] }),
      "is not as long as a seed",
    ],
    ["an identifier twice", (s) => s.identifiers.push({ id: 0xf190, value: { hex: "00" } }), "names 0xF190 twice"],
    ["no ASCII", (s) => s.identifiers.push({ id: 1, value: { text: "ü" } }), "is not ASCII"],
    ["areas that overlap", (s) => s.memory.push({ address: 0x08000001, length: 1 }), "lies in memory[0] too"],
    ["an area beyond 32 bits", (s) => s.memory.push({ address: 0xffffffff, length: 2 }), "goes beyond"],
    [
      "a snapshot of nothing",
      (s) => s.dtcs.push({ code: 1, snapshot: { record: 1, identifiers: [1] } }),
      "names 0x01, which identifiers",
    ],
    ["an unknown key", (s) => (s.bogus = 1), "unknown key"],
  ];

  it.each(mistakes)("%s", (_, change, what) => {
    const document = parse(generic) as { server: Server };
    change(document.server);
    const message = said(stringify(document));
    expect(message).toMatch(/p\.yaml:\d+:\d+: server/);
    expect(message).toContain(what);
    expect(message).not.toContain("\n");
  });

  it("with any line taken away it loads or says one line", () => {
    const lines = generic.split("\n");
    for (const [i] of lines.entries()) expect(said(lines.filter((_, n) => n !== i).join("\n"))).not.toContain("\n");
  });
});

it("docs/profiles.md names every field", () => {
  const docs = readFileSync(join(packageRoot(), "docs", "profiles.md"), "utf8");
  const fields = (schema: unknown): string[] => {
    if (typeof schema !== "object" || schema === null) return [];
    const own = "properties" in schema ? Object.keys(schema.properties as object) : [];
    return [...own, ...Object.values(schema).flatMap(fields)];
  };
  const names = [...new Set(fields(TestEcuSchema))];
  expect(names).toContain("responsePending");
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(docs))).toEqual([]);
});
