import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeName, encodeName, fillSubject, formatDn, parseDn, sameName } from "../../../src/pki/names.js";
import { fromHex, toHex } from "../../../src/shared/bytes.js";

const PROVISIONING = ["DC=OEM", "O=HKMC", "OU=ECC", "OU=C001", "OU=P001", "CN=$" + "{pcid}"];
/** Subject of the source's first certificate (3.1.3), as it stands there. */
const SAMPLE =
  "306d31133011060a0992268993f22c6401191603" +
  "4f454d310d300b060355040a0c04484b4d43310c300a060355040b0c03454343310d300b060355040b0c0443303031310d300b" +
  "060355040b0c0450303031311b301906035504030c124b4d3850323834344139544438344852" +
  "3931";

describe("distinguished names", () => {
  it("encodes the sample's subject to the byte", () => {
    expect(toHex(encodeName(fillSubject(PROVISIONING, { pcid: "KM8P2844A9TD84HR91" })))).toBe(SAMPLE);
  });

  it("writes the sample's subject leaf first, in lower case, without spaces", () => {
    expect(formatDn(decodeName(fromHex(SAMPLE)))).toBe("cn=KM8P2844A9TD84HR91,ou=P001,ou=C001,ou=ECC,o=HKMC,dc=OEM");
  });

  it("writes the country as a PrintableString", () => {
    expect(toHex(encodeName([{ type: "C", value: "KR" }]))).toBe("300d310b3009060355040613024b52");
  });

  it("names the input that a template lacks", () => {
    expect(() => fillSubject(PROVISIONING, {})).toThrow("the subject needs pcid");
    expect(() => fillSubject(PROVISIONING, { pcid: "" })).toThrow("the subject needs pcid");
    expect(() => fillSubject(["NONSENSE"], {})).toThrow('subject item "NONSENSE"');
  });

  it.each([
    ["CN = a , OU=b", "cn=a,ou=b"],
    ["Cn=a\\,b,O=\\20x\\20", "cn=a\\,b,o=\\ x\\ "],
    ["2.5.4.3=a,OID.2.5.4.11=b", "cn=a,ou=b"],
    ["cn=\\eb\\82\\a8", "cn=남"],
    ["cn=#0c0161", "cn=a"],
    ["cn=a=b", "cn=a=b"],
    ["cn=", "cn="],
    ["cn=\\#a\\+", "cn=\\#a\\+"],
  ])("reads %s as %s", (text, normal) => {
    expect(formatDn(parseDn(text))).toBe(normal);
  });

  it.each(["", "cn", "cn=a,", "cn=a+ou=b", "cn=a;ou=b", "foo=a", "cn=\\", "cn=\\zz", "cn=#0", "cn=\\ff", "=a"])(
    "refuses %j",
    (text) => {
      expect(() => parseDn(text)).toThrow(expect.objectContaining({ code: "PKI_UNREADABLE" }));
    },
  );

  it("compares by attribute: letter case and spacing make no difference, order and type do", () => {
    expect(sameName(parseDn("CN=Ab  c, O=x"), parseDn("cn=aB c,o=X"))).toBe(true);
    expect(sameName(parseDn("cn=a,o=x"), parseDn("o=x,cn=a"))).toBe(false);
    expect(sameName(parseDn("cn=a"), parseDn("ou=a"))).toBe(false);
  });

  it("reads back every name that it writes, in DER and as text", () => {
    const types = fc.constantFrom("CN", "OU", "O", "ST", "UID", "2.5.4.97");
    const value = fc.string({ unit: "binary", maxLength: 20 }).filter((text) => !/\p{Surrogate}/u.test(text));
    fc.assert(
      fc.property(fc.array(fc.record({ type: types, value }), { minLength: 1, maxLength: 6 }), (attributes) => {
        expect(decodeName(encodeName(attributes))).toEqual(attributes);
        expect(parseDn(formatDn(attributes))).toEqual(attributes);
      }),
    );
  });

  it("takes names of up to 64 attributes, in DER and as text", () => {
    const of = (count: number) => Array.from({ length: count }, () => ({ type: "OU", value: "x" }));
    expect(parseDn(formatDn(of(64)))).toEqual(decodeName(encodeName(of(64))));
    const refused = expect.objectContaining({ code: "PKI_UNREADABLE" });
    expect(() => parseDn(formatDn(of(65)))).toThrow(refused);
    expect(() => decodeName(encodeName(of(65)))).toThrow(refused);
  });

  it("answers any text and any bytes with a name or with PKI_UNREADABLE", () => {
    const fragments = fc.array(
      fc.constantFrom("cn", "=", ",", "\\", "#", " ", "0c", "+", "a", '"', "\0", "남", "\ud800"),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fragments.map((parts) => parts.join("")),
        ),
        (text) => {
          try {
            parseDn(text);
          } catch (error) {
            expect(error).toMatchObject({ code: "PKI_UNREADABLE" });
          }
        },
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(SAMPLE.length / 2 - 1), fc.nat(255), (bytes, at, byte) => {
        const bent = fromHex(SAMPLE);
        bent[at] = byte;
        for (const input of [bytes, bent]) {
          try {
            decodeName(input);
          } catch (error) {
            expect(error).toMatchObject({ code: "PKI_UNREADABLE" });
          }
        }
      }),
    );
  });
});
