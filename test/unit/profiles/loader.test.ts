import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { loadProfile } from "../../../src/profiles/loader.js";
import { isStationError } from "../../../src/shared/errors.js";
import { packageRoot } from "../../../src/shared/paths.js";

const text = (name: string) => readFileSync(join(packageRoot(), "hw-profiles", `${name}.yaml`), "utf8");
const evcc = text("evcc");

function fault(source: string): string {
  try {
    loadProfile(source, "p.yaml");
  } catch (error) {
    if (isStationError(error, "PROFILE_INVALID")) return String(error.details.what);
    throw error;
  }
  return "no error";
}

/** The EVCC's profile with one change, and the line that the change stands in. */
function changed(from: string | RegExp, to: string): { source: string; line: number } {
  const source = evcc.replace(from, to);
  if (source === evcc) throw new Error(`nothing changed: ${from}`);
  const at = typeof from === "string" ? evcc.indexOf(from) : evcc.search(from);
  return { source, line: evcc.slice(0, at).split("\n").length };
}

describe("a mistake that no schema can say is told with its line", () => {
  it.each([
    ["an input that is not there", "CN=${evccid}", "CN=${evcid}", /subject\[5\]: names the input "evcid"/],
    ["a name twice", "name: prov-20", "name: prov-2", /certificates\[1\]\.name: is that of certificates\[0\] too/],
    ["a certificate slot twice", "slot: 2", "slot: 0", /certificates\[2\]\.slot: is that of certificates\[0\] too/],
    ["a key slot twice", "slot: 0x5", "slot: 0x4", /keys\[2\]\.slot: is that of keys\[1\] too/],
    ["a KeyID twice", 'keyId: "5"', 'keyId: "4"', /keys\[2\]\.keyId: is another key's too/],
    ["a KeyID of another type", 'keyId: "C"', 'keyId: "D"', /keyId: does not fit the type SecOCKey \(expected 4–C\)/],
    ["a master key with another KeyID", 'keyId: "1"', 'keyId: "2"', /type EcuMasterKey \(expected 1\)/],
    [
      "the master key behind another",
      '- { name: master, type: EcuMasterKey, keyId: "1"',
      '- { name: other, type: SupplierSymmKey, keyId: "D"',
      /keys\[10\]/,
    ],
    ["SecOC without its section", /secOC: \{ supplierSecret[^\n]*\n/, "\n", /keys\[1\]\.secOC: is missing/],
    ["an order that names an empty list", "syncValue: true", "syncValue: false", /order\[4\]: names sync, but no key/],
    [
      "a list that the order forgets",
      "certificates, keys, sync",
      "certificates, sync",
      /order does not name keys|names sync before keys/,
    ],
    ["a step twice", "keys, sync", "keys, keys, sync", /names keys twice/],
    ["lock before the end", "sync, lock", "lock, sync", /names lock before the end/],
    [
      "a subject of another type",
      "[DC=OEM20,",
      "[DC=OEM,",
      /subject\[0\]: does not fit the type prov-15118-20 \(expected DC=OEM20\)/,
    ],
    ["a subject without the tier code", "tierCode: P001", "tierCode: P002", /lacks OU=P002/],
    ["an unknown attribute type", "O=HKMC", "X=HKMC", /subject\[1\]: is no attribute/],
    ["a pattern that is none", '"[A-Z0-9]{20}"', '"[A-Z"', /inputs\[2\]\.pattern: is no regular expression/],
    ["a default that its pattern refuses", "default: SX2", "default: sx2", /inputs\[3\]\.default: does not match/],
    ["a sample that its pattern refuses", "sample: KM7@@", "sample: KM7@", /inputs\[2\]\.sample: makes values/],
    [
      "a 29-bit id without extendedIds",
      "requestId: 0x7E0",
      "requestId: 0x18DA10F1",
      /can\.requestId: does not fit 11 bits/,
    ],
    ["the same id both ways", "responseId: 0x7E8", "responseId: 0x7E0", /can\.responseId: is the requestId too/],
    [
      "CAN FD with a data phase slower than the bitrate",
      "bitrate: 500000\n",
      "bitrate: 1000000\n  fd: { dataBitrate: 500000 }\n",
      /can\.fd: has a data phase slower/,
    ],
    ["an even security level", "level: 0x11", "level: 0x12", /securityAccess\.level: is even/],
    ["a delay longer than a step", "level: 0x11", "level: 0x11\n  delay: 60000", /securityAccess\.delay: does not fit/],
    ["P2* below P2", "P2star: 5000", "P2star: 10", /uds\.P2star: is shorter than P2/],
  ])("%s", (_, from, to, expected) => {
    const { source } = changed(from, to);
    expect(fault(source)).toMatch(expected);
    expect(fault(source)).toMatch(/^p\.yaml:\d+:\d+: [^\n]+$/);
  });

  it("and with the very line", () => {
    const { source, line } = changed("CN=${evccid}", "CN=${evcid}");
    const column = (source.split("\n")[line - 1] ?? "").indexOf('"CN=$') + 1;
    expect(fault(source)).toMatch(new RegExp(`^p\\.yaml:${line}:${column}: certificates\\[2\\]\\.subject\\[5\\]: `));
  });

  it("such as a profile without any link", () => {
    expect(fault(evcc.replace(/^can:\n(?: .*\n)+/m, ""))).toMatch(/can: is missing \(expected can or kline or both\)/);
  });

  it("such as a certificate whose request lacks an input of every request", () => {
    expect(fault(evcc.replace("name: brandCode", "name: brand"))).toMatch(/inputs: lacks brandCode/);
  });
});

describe("the hash of a profile", () => {
  const { hash } = loadProfile(evcc, "evcc.yaml");

  it("is 64 hex digits and the same for a file that was laid out anew", () => {
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(loadProfile(stringify(parse(evcc), { indent: 4 }), "other.yaml").hash).toBe(hash);
    expect(loadProfile(JSON.stringify(parse(evcc)), "json.yaml").hash).toBe(hash);
  });

  it("does not depend on the order of keys, or on defaults being written out", () => {
    const turned = Object.fromEntries(Object.entries(parse(evcc) as Record<string, unknown>).reverse());
    expect(loadProfile(stringify(turned), "x.yaml").hash).toBe(hash);
    expect(loadProfile(evcc.replace("  extendedIds: false\n", ""), "x.yaml").hash).toBe(hash);
  });

  it("changes with every value", () => {
    expect(loadProfile(evcc.replace("P2: 50", "P2: 51"), "x.yaml").hash).not.toBe(hash);
    expect(loadProfile(evcc.replace("version: 1", "version: 2"), "x.yaml").hash).not.toBe(hash);
  });
});

it("a profile with any line taken away either loads or says one line", () => {
  const lines = evcc.split("\n");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: lines.length - 1 }), (at) => {
      const source = lines.filter((_, i) => i !== at).join("\n");
      expect(fault(source)).toMatch(/^(?:no error|p\.yaml:\d+:\d+: [^\n]+)$/);
    }),
    { numRuns: 150 },
  );
});

describe("addressing formats", () => {
  const ids = "requestId: 0x6F1\n  responseId: 0x640\n  functionalId: 0x6F1";
  const addresses = "testerAddress: 0xF1\n  ecuAddress: 0x40\n  functionalAddress: 0x33";
  const addressed = (lines: string) =>
    evcc.replace(/ {2}addressing: normal\n {2}extendedIds: false\n(?: {2}\w+Id: 0x7..\n){3}/, `  ${lines}\n`);

  it.each([
    ["normal", `addressing: normal\n  ${ids}`, { extendedIds: false, requestId: 0x6f1 }],
    ["normal-fixed", `addressing: normal-fixed\n  ${addresses}`, { testerAddress: 0xf1 }],
    ["extended", `addressing: extended\n  ${ids}\n  ${addresses}`, { extendedIds: false, ecuAddress: 0x40 }],
    ["mixed", `addressing: mixed\n  ${ids}\n  addressExtension: 0x20`, { addressExtension: 0x20 }],
    ["mixed-29", `addressing: mixed-29\n  ${addresses}\n  addressExtension: 1\n  priority: 3`, { priority: 3 }],
    [
      "CAN FD",
      `addressing: normal-fixed\n  ${addresses}\n  fd: { dataBitrate: 2000000, TX_DL: { ecu: 32 } }`,
      {
        fd: { dataBitrate: 2_000_000, bitRateSwitch: true, TX_DL: { station: 64, ecu: 32 } },
      },
    ],
  ])("%s", (_, lines, can) => {
    expect(loadProfile(addressed(lines), "p.yaml").profile.can).toMatchObject(can);
  });

  it.each([
    ["without its addresses", "addressing: normal-fixed", /can\.testerAddress: is missing/],
    [
      "with identifiers that it makes itself",
      `addressing: normal-fixed\n  ${ids}\n  ${addresses}`,
      /can\.requestId: unknown key/,
    ],
    ["mixed without its extension", `addressing: mixed\n  ${ids}`, /can\.addressExtension: is missing/],
    [
      "mixed with 29 bits of its own",
      `addressing: mixed\n  ${ids.replace("0x640", "0x18DA40F1")}\n  addressExtension: 1`,
      /can\.responseId: wrong value .* 0–2047/,
    ],
    [
      "the same address twice",
      `addressing: normal-fixed\n  ${addresses.replace("0x40", "0xF1")}`,
      /can\.ecuAddress: is the testerAddress too/,
    ],
    [
      "extended, functional and physical alike",
      `addressing: extended\n  ${ids}\n  ${addresses.replace("0x33", "0x40")}`,
      /can\.functionalAddress: is the ecuAddress too, on the same identifier/,
    ],
    [
      "an unknown format",
      `addressing: enhanced\n  ${ids}`,
      /can\.addressing: wrong value "enhanced" \(expected one of normal, normal-fixed, extended, mixed, mixed-29\)/,
    ],
    [
      "a TX_DL that no frame has",
      `addressing: normal\n  ${ids}\n  fd: { dataBitrate: 2000000, TX_DL: { ecu: 10 } }`,
      /can\.fd\.TX_DL\.ecu: wrong value 10 \(expected one of 8, 12, 16/,
    ],
  ])("%s is refused", (_, lines, expected) => {
    expect(fault(addressed(lines))).toMatch(expected);
  });
});
