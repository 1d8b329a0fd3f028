/** Profiles from YAML: the schema, then what a schema cannot say, each mistake with its line. Pure: text in, profile out. */
import { Type } from "typebox";
import { isStationError, StationError } from "../shared/errors.js";
import { parseYaml, type YamlPath } from "../shared/yaml.js";
import { contentHash } from "./hash.js";
import { inputMatches, referencedInputs, sampleValue } from "./inputs.js";
import { type CertificateType, type KeyType, type Profile, type ProfileCan, ProfileSchema } from "./schema.js";
import { checkServer } from "./server-checks.js";
import { type TestEcuProfile, TestEcuSchema } from "./server-schema.js";
import { tokenFault } from "./token.js";

/** What a station provisions, or a plain UDS ECU that only ecu-sim plays. */
export type EcuProfile = Profile | TestEcuProfile;

export interface LoadedProfile<P extends EcuProfile = Profile> {
  readonly profile: P;
  /** SHA-256 of the content, lower-case hex; the same for a file that was only laid out anew. */
  readonly hash: string;
  /** The file's text as the station may keep and show it: a security key in the clear is blotted out. */
  readonly text: string;
}

/**
 * Reads a profile that a station provisions.
 * @throws StationError PROFILE_INVALID with `file:line:column: path: what is wrong`, PROFILE_FORBIDDEN for a profile of target `none`
 */
export function loadProfile(text: string, file: string): LoadedProfile {
  return provisionable(loadAnyProfile(text, file));
}

/** The same profile, if a station provisions it. @throws StationError PROFILE_FORBIDDEN */
export function provisionable({ profile, ...rest }: LoadedProfile<EcuProfile>): LoadedProfile {
  if (profile.target !== "none") return { profile, ...rest };
  const what = `${profile.name} is an ECU for testers of diagnostics (target: none): there is nothing to provision`;
  throw new StationError("PROFILE_FORBIDDEN", { details: { what } });
}

/** Reads a profile of any target. @throws StationError PROFILE_INVALID */
export function loadAnyProfile(text: string, file: string): LoadedProfile<EcuProfile> {
  const code = "PROFILE_INVALID";
  if (parseYaml(Target, text, file, code).value.target !== "none") {
    const document = parseYaml(ProfileSchema, text, file, code);
    check(document.value, (path, what) => document.error(path, what));
    return { profile: document.value, hash: contentHash(document.value), text: withoutKey(text, document.value) };
  }
  const document = parseYaml(TestEcuSchema, text, file, code);
  const fault: Fault = (path, what) => document.error(path, what);
  checkWire(document.value, fault);
  checkServer(document.value.server, fault);
  return { profile: document.value, hash: contentHash(document.value), text };
}

const BLOT = "[redacted]";

function withoutKey(text: string, profile: Profile): string {
  const { securityAccess: how } = profile;
  if (how.kind === "certificate" || !("hex" in how.key)) return text;
  const blotted = text.replaceAll(new RegExp(how.key.hex, "gi"), BLOT);
  if (blotted !== text) return blotted;
  // YAML can write it in a way that is not its hex (escapes, folded lines).
  return JSON.stringify({ ...profile, securityAccess: { ...how, key: { hex: BLOT } } }, null, 2);
}

/**
 * Reads a text that was kept, with the security key of `today` where its own is blotted out; undefined where that is not the profile of
 * that hash: its key was another one, or this program reads the text in another way.
 */
export function loadKeptProfile(text: string, file: string, hash: string, today: Profile): LoadedProfile | undefined {
  const { securityAccess: how } = today;
  const whole = how.kind !== "certificate" && "hex" in how.key ? text.replaceAll(BLOT, how.key.hex) : text;
  try {
    const loaded = loadProfile(whole, file);
    return loaded.hash === hash ? loaded : undefined;
  } catch (error) {
    if (isStationError(error)) return undefined;
    throw error;
  }
}

/** Enough of a profile to know which kind it is. */
const Target = Type.Object({ target: Type.Optional(Type.Unknown()) });

type Fault = (path: YamlPath, what: string) => StationError;

/** KeyIDs that the KMS has for a type (kms.md). */
const KEY_IDS: Readonly<Record<KeyType, { first: number; last: number }>> = {
  EcuMasterKey: { first: 0x1, last: 0x1 },
  SecOCKey: { first: 0x4, last: 0xc },
  SupplierSymmKey: { first: 0xd, last: 0xd },
};

/** First attribute of a type's subject (vpki.md), which tells the types apart. */
const SUBJECT_STARTS: Readonly<Record<CertificateType, string>> = {
  "prov-15118-2": "DC=OEM",
  "prov-15118-20": "DC=OEM20",
  "vehicle-15118-20": "DC=EV",
  "ccu-sha256": "C=KR",
  "ccu-sha512": "C=KR",
};

/** What every vPKI request carries besides the profile's own codes. */
const VPKI_INPUTS = ["vehicleCode", "localCode", "brandCode"];

/** Slots whose key makes a CMAC: only there a sync value can be checked. */
const MAC_SLOTS = { first: 0x4, last: 0xd };
const KEY_USAGE_MAC = 0x02;

function check(profile: Profile, fault: Fault): void {
  checkTarget(profile, fault);
  checkWire(profile, fault);
  checkAccess(profile, fault);
  checkInputSection(profile, fault);
  checkOrder(profile, fault);
  checkCertificates(profile, fault);
  checkKeys(profile, fault);
}

function checkWire({ can, kline, uds }: EcuProfile, fault: Fault): void {
  if (can === undefined && kline === undefined) throw fault(["can"], "is missing (expected can or kline or both)");
  if (can !== undefined) checkCan(can, (name, what) => fault(["can", name], what));
  if (kline !== undefined && kline.testerAddress === kline.ecuAddress)
    throw fault(["kline", "ecuAddress"], "is the testerAddress too (expected another)");
  if (uds.P2star < uds.P2) throw fault(["uds", "P2star"], "is shorter than P2");
}

function checkAccess({ securityAccess, uds, download, limits }: Profile, fault: Fault): void {
  if ("level" in securityAccess && securityAccess.level % 2 === 0)
    throw fault(["securityAccess", "level"], "is even (expected the odd requestSeed sub-function)");
  if ("delay" in securityAccess && securityAccess.delay >= limits.step)
    throw fault(["securityAccess", "delay"], "does not fit into a step (limits.step)");
  const { address, maxLength, addressBytes = 4, sizeBytes = 4 } = download;
  if (address >= 256 ** addressBytes) throw fault(["download", "address"], `does not fit ${addressBytes} bytes`);
  if (maxLength >= 256 ** sizeBytes) throw fault(["download", "maxLength"], `does not fit ${sizeBytes} bytes`);
  if (uds.requestLimit < uds.P2 + uds.margin) throw fault(["uds", "requestLimit"], "is shorter than P2 and margin");
}

function checkCan(can: ProfileCan, fault: (name: string, what: string) => StationError): void {
  if ("extendedIds" in can && !can.extendedIds) {
    for (const name of ["requestId", "responseId", "functionalId"] as const) {
      if (can[name] > 0x7ff) throw fault(name, "does not fit 11 bits (expected at most 0x7FF, or extendedIds: true)");
    }
  }
  if ("requestId" in can) {
    if (can.requestId === can.responseId) throw fault("responseId", "is the requestId too (expected another)");
    if (can.functionalId === can.responseId) throw fault("functionalId", "is the responseId too (expected another)");
  }
  if ("testerAddress" in can && can.testerAddress === can.ecuAddress)
    throw fault("ecuAddress", "is the testerAddress too (expected another)");
  if (can.addressing === "extended" && can.functionalId === can.requestId && can.functionalAddress === can.ecuAddress)
    throw fault("functionalAddress", "is the ecuAddress too, on the same identifier (expected another)");
  if (can.fd !== undefined && can.fd.dataBitrate < can.bitrate)
    throw fault("fd", "has a data phase slower than the bitrate");
}

function checkTarget(profile: Profile, fault: Fault): void {
  const found = tokenFault(profile);
  if (found !== undefined) throw fault(found.path, found.what);
}

function checkInputSection(profile: Profile, fault: Fault): void {
  unique(profile.inputs, "inputs", "name", fault);
  for (const [i, input] of profile.inputs.entries()) {
    try {
      new RegExp(input.pattern, "u");
    } catch {
      throw fault(["inputs", i, "pattern"], "is no regular expression");
    }
    if (input.default !== undefined && !inputMatches(input, input.default))
      throw fault(["inputs", i, "default"], `does not match the input's pattern ${input.pattern}`);
    for (const digit of [0, 9]) {
      if (
        !inputMatches(
          input,
          sampleValue(input, (below) => Math.min(digit, below - 1)),
        )
      )
        throw fault(["inputs", i, "sample"], `makes values that the pattern ${input.pattern} refuses`);
    }
  }
}

function checkOrder(profile: Profile, fault: Fault): void {
  const { order } = profile;
  const lists = { certificates: profile.certificates.length, keys: profile.keys.length, sync: 0 };
  lists.sync = profile.keys.filter((key) => key.syncValue).length;
  for (const [i, step] of order.entries()) {
    if (order.indexOf(step) !== i) throw fault(["order", i], `names ${step} twice`);
    if (step in lists && lists[step as keyof typeof lists] === 0) {
      const what = step === "sync" ? "no key has syncValue: true" : `the list ${step} is empty`;
      throw fault(["order", i], `names ${step}, but ${what}`);
    }
    if (step === "vin" && !profile.inputs.some((input) => input.name === "vin"))
      throw fault(["order", i], "names vin, but there is no input vin");
    if (step === "lock" && order.slice(i + 1).some((later) => later !== "power-cycle"))
      throw fault(["order", i], "names lock before the end");
  }
  for (const [list, count] of Object.entries(lists)) {
    if (count > 0 && !order.some((step) => step === list))
      throw fault(list === "sync" ? ["order"] : [list], `is not done: order does not name ${list}`);
  }
  if (order.includes("sync") && order.indexOf("sync") < order.indexOf("keys"))
    throw fault(["order", order.indexOf("sync")], "names sync before keys");
}

function checkCertificates(profile: Profile, fault: Fault): void {
  const names = new Set(profile.inputs.map((input) => input.name));
  unique(profile.certificates, "certificates", "name", fault);
  unique(profile.certificates, "certificates", "slot", fault);
  for (const [i, certificate] of profile.certificates.entries()) {
    const at = ["certificates", i] as const;
    const templates: [YamlPath, string][] = [
      ...certificate.subject.map((part, n): [YamlPath, string] => [[...at, "subject", n], part]),
      ...(certificate.attributes ?? []).map((entry, n): [YamlPath, string] => [
        [...at, "attributes", n, "value"],
        entry.value,
      ]),
    ];
    for (const [path, template] of templates) {
      for (const name of referencedInputs(template)) {
        if (!names.has(name)) throw fault(path, `names the input "${name}", which inputs does not have`);
      }
    }
    for (const [n, part] of certificate.subject.entries()) {
      if (!/^(?:C|O|OU|CN|DC)=.+$/u.test(part))
        throw fault([...at, "subject", n], `is no attribute (expected C=, O=, OU=, CN= or DC= and a value)`);
    }
    const start = SUBJECT_STARTS[certificate.type];
    if (certificate.subject[0] !== start)
      throw fault([...at, "subject", 0], `does not fit the type ${certificate.type} (expected ${start})`);
    const codes = [`OU=${certificate.unitCode}`, `OU=${certificate.tierCode}`];
    for (const code of codes) {
      if (!certificate.subject.includes(code))
        throw fault([...at, "subject"], `lacks ${code}, which unitCode and tierCode ask for`);
    }
    for (const [n, entry] of (certificate.attributes ?? []).entries()) {
      if (!/^[0-2](?:\.(?:0|[1-9]\d*))+$/.test(entry.oid))
        throw fault([...at, "attributes", n, "oid"], "is no object identifier (expected e.g. 1.2.840.113549.1.9.7)");
    }
    for (const name of VPKI_INPUTS) {
      if (!names.has(name)) throw fault(["inputs"], `lacks ${name}, which every certificate request carries`);
    }
  }
}

function checkKeys(profile: Profile, fault: Fault): void {
  unique(profile.keys, "keys", "name", fault);
  unique(profile.keys, "keys", "slot", fault);
  const ids = new Set<number>();
  for (const [i, key] of profile.keys.entries()) {
    const id = Number.parseInt(key.keyId, 16);
    const range = KEY_IDS[key.type];
    if (id < range.first || id > range.last)
      throw fault(["keys", i, "keyId"], `does not fit the type ${key.type} (expected ${rangeText(range)})`);
    if (ids.has(id)) throw fault(["keys", i, "keyId"], "is another key's too");
    ids.add(id);
    if (key.type === "EcuMasterKey" && i > 0)
      throw fault(["keys", i], "comes after another key (a blank ECU takes none before its master key)");
    if (key.type === "SecOCKey" && key.secOC === undefined)
      throw fault(["keys", i, "secOC"], "is missing (expected supplierSecret, counter and challenge)");
    if (key.type !== "SecOCKey" && key.secOC !== undefined)
      throw fault(["keys", i, "secOC"], `does not belong to the type ${key.type} (expected none)`);
    if (key.syncValue && (key.slot < MAC_SLOTS.first || key.slot > MAC_SLOTS.last))
      throw fault(["keys", i, "syncValue"], `needs a slot that makes a CMAC (expected ${rangeText(MAC_SLOTS)})`);
    if (key.syncValue && (key.flags & KEY_USAGE_MAC) === 0)
      throw fault(["keys", i, "syncValue"], "needs the flag KEY_USAGE = MAC (0x02)");
  }
}

function rangeText(range: { first: number; last: number }): string {
  const [first, last] = [range.first, range.last].map((id) => id.toString(16).toUpperCase());
  return first === last ? `${first}` : `${first}–${last}`;
}

function unique<K extends string>(
  list: readonly Readonly<Record<K, string | number>>[],
  section: string,
  key: K,
  fault: Fault,
): void {
  const seen = new Map<string | number, number>();
  for (const [i, entry] of list.entries()) {
    const first = seen.get(entry[key]);
    if (first !== undefined) throw fault([section, i, key], `is that of ${section}[${first}] too (expected another)`);
    seen.set(entry[key], i);
  }
}
