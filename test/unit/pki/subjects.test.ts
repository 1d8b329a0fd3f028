import { describe, expect, it } from "vitest";
import { parseDn } from "../../../src/pki/names.js";
import { type CertificateType, certificateTypes, checkSubject, sampleSubject } from "../../../src/pki/types.js";
import { SUBJECTS } from "./helpers.js";

const fits = { ok: true };
const doesNotFit = { ok: false, parameter: undefined };
const codesOf = (type: CertificateType) => {
  const [, tierCode = "", unitCode = ""] = /ou=(P\d+),ou=(C\d+)/.exec(SUBJECTS[type]) ?? [];
  return { unitCode, tierCode };
};
const check = (type: CertificateType, dn: string, codes = codesOf(type)) => checkSubject(type, parseDn(dn), codes);
const withCn = (type: CertificateType, cn: string) => SUBJECTS[type].replace(/^cn=[^,]*/, `cn=${cn}`);

describe.each(certificateTypes)("the subject of a request for %s", (type) => {
  const sample = SUBJECTS[type];

  it("is the one that the type has, attribute by attribute and in its order", () => {
    expect(check(type, sample)).toEqual(fits);
    expect(checkSubject(type, sampleSubject(type), { unitCode: "C001", tierCode: "P001" })).toEqual(fits);
    const parts = sample.split(",");
    for (const [i, part] of parts.entries()) {
      const without = parts.filter((_, n) => n !== i);
      expect(check(type, without.join(",")), `without ${part}`).toEqual(doesNotFit);
      expect(check(type, [...parts.slice(0, i), part, ...parts.slice(i)].join(",")), `${part} twice`).toEqual(
        doesNotFit,
      );
      const [name = "", value = ""] = part.split("=");
      expect(check(type, parts.with(i, `st=${value}`).join(",")), `${name} as another type`).toEqual(doesNotFit);
    }
    for (let i = 1; i < parts.length; i++) {
      const swapped = parts.with(i, parts[i - 1] ?? "").with(i - 1, parts[i] ?? "");
      expect(check(type, swapped.join(",")), swapped.join(",")).not.toEqual(fits);
    }
  });

  it("has the fixed values letter by letter", () => {
    for (const [from, to] of [
      ["o=HKMC", "o=hkmc"],
      ["o=HKMC", "o=HKMC "],
      ["ou=ECC", "ou=ECC1"],
      [/(dc|c)=\w+$/, "$1=X"],
    ] as const)
      expect(check(type, sample.replace(from, to)), to).toEqual(to === "o=HKMC " ? fits : doesNotFit);
  });

  it("repeats both codes; the first that differs is named", () => {
    const codes = codesOf(type);
    expect(check(type, sample, { ...codes, unitCode: "C009" })).toEqual({ ok: false, parameter: "unitCode" });
    expect(check(type, sample, { ...codes, tierCode: "P009" })).toEqual({ ok: false, parameter: "tierCode" });
    expect(check(type, sample, { unitCode: "C009", tierCode: "P009" })).toEqual({ ok: false, parameter: "unitCode" });
    expect(check(type, sample, { ...codes, unitCode: codes.unitCode.toLowerCase() })).toEqual({
      ok: false,
      parameter: "unitCode",
    });
  });

  it("has no code that a name attribute cannot hold", () => {
    for (const code of ["C".repeat(65), "C\u00011", "\\ "]) {
      const value = code === "\\ " ? " " : code;
      const dn = sample.replace(/ou=C\d+/, `ou=${code}`);
      expect(check(type, dn, { ...codesOf(type), unitCode: value })).toEqual(doesNotFit);
    }
    const longest = "C".repeat(64);
    expect(check(type, sample.replace(/ou=C\d+/, `ou=${longest}`), { ...codesOf(type), unitCode: longest })).toEqual(
      fits,
    );
  });
});

describe("the common name of a request", () => {
  const PCID = ["KM8P2844A9TD84HR9", "KM8P2844A9TD84HR91", "km8p2844a9td84hr91"];
  const NO_PCID = [
    "",
    "KM8P2844A9TD84HR",
    "KM8P2844A9TD84HR911",
    "KM8P2844A9TD84HR-1",
    "KM8P2844A9TD84HR9 1",
    "KM8P2844A9TD84HR9é",
  ];
  const HOSTS = ["a", "test20230207091007.com", "ccu-1.example", "1.2.3.4", "a".repeat(63), `${"a".repeat(60)}.com`];
  const NO_HOSTS = [
    "",
    " ",
    "a b",
    "-a",
    "a-",
    "a..b",
    ".a",
    "a.",
    "a_b",
    "남",
    "a".repeat(64),
    `${"a".repeat(61)}.com`,
    "*.example",
  ];
  const table: readonly [CertificateType, readonly string[], readonly string[]][] = [
    ["prov-15118-2", PCID, NO_PCID],
    ["prov-15118-20", PCID, NO_PCID],
    [
      "vehicle-15118-20",
      ["KM7V200DA343BEMZEG80"],
      ["KM7V200DA343BEMZEG8", "KM7V200DA343BEMZEG801", "KM7V200DA343BEMZEG8_"],
    ],
    ["ccu-sha256", HOSTS, NO_HOSTS],
    ["ccu-sha512", HOSTS, NO_HOSTS],
  ];
  it.each(table)("is of the form that %s has", (type, right, wrong) => {
    for (const cn of right) expect(check(type, withCn(type, cn)), cn).toEqual(fits);
    for (const cn of wrong) {
      const name = parseDn(withCn(type, "x")).map((part) => (part.type === "CN" ? { ...part, value: cn } : part));
      expect(checkSubject(type, name, codesOf(type)), cn).toEqual(doesNotFit);
    }
  });
});
