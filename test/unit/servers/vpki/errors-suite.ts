/** Every status and text of the vPKI's endpoints, whatever its store is and however many servers stand behind the address. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VPKI_PATHS } from "../../../../src/contract/vpki.js";
import { CERTIFICATE_TYPES, certificateTypes } from "../../../../src/pki/types.js";
import { pair } from "../../pki/helpers.js";
import { type CsrOptions, csrPem, freshDn, issueBody, type Served } from "./helpers.js";

const FIELDS = [
  ["csr", "Csr is empty"],
  ["unitCode", "UnitCode is empty"],
  ["tierCode", "TierCode is empty"],
  ["vehicleCode", "VehicleCode is empty"],
  ["localCode", "LocalCode is empty"],
  ["brandCode", "BrandCode is empty"],
] as const;

/** Paths of the source; the contract's and the profiles' tables must both have them. */
export const PATHS = {
  "prov-15118-2": "/api/v1/prov",
  "prov-15118-20": "/api/v2/prov",
  "vehicle-15118-20": "/api/v2/vehicle",
  "ccu-sha256": "/api/v1/est",
  "ccu-sha512": "/api/v2/est",
};

export function everyVpkiAnswer(open: () => Promise<Pick<Served, "post" | "end">>): void {
  let served: Pick<Served, "post" | "end">;
  beforeAll(async () => {
    served = await open();
  });
  afterAll(() => served?.end());

  describe.each(certificateTypes)("the endpoints of %s", (type) => {
    const base = PATHS[type];
    const { curve, hash } = CERTIFICATE_TYPES[type];
    const issue = async (options: CsrOptions = {}, change: Record<string, unknown> = {}, path = `${base}/issue`) =>
      served.post(path, issueBody(type, await csrPem(type, options), change));

    it("are at the source's paths", () => {
      expect(VPKI_PATHS[type]).toBe(base);
      expect(CERTIFICATE_TYPES[type].basePath).toBe(base);
    });

    describe.each(["issue", "reissue"])("%s", (operation) => {
      const path = `${base}/${operation}`;

      it.each(FIELDS)("answers 400 when %s is missing, null or empty", async (field, text) => {
        const body = issueBody(type, "csr");
        for (const value of [undefined, null, "", "  "])
          expect(await served.post(path, { ...body, [field]: value })).toEqual({
            status: 400,
            body: { resultMessage: text },
          });
        expect(await served.post(path, { ...body, [field]: 5 })).toMatchObject({ status: 400 });
      });

      it("names the first of several missing fields in the table's order", async () => {
        const first = await served.post(path, { csr: "x", brandCode: "HMC" });
        expect(first).toEqual({ status: 400, body: { resultMessage: "UnitCode is empty" } });
        expect(await served.post(path, {})).toEqual({ status: 400, body: { resultMessage: "Csr is empty" } });
      });

      it.each(["{", "[]", '"text"', "null", ""])("answers 400 to the body %j", async (body) => {
        expect(await served.post(path, body)).toEqual({
          status: 400,
          body: { resultMessage: "Request body is not a JSON object" },
        });
      });

      it("answers 406 when the name does not repeat a code, naming the first that differs", async () => {
        const dn = freshDn(type);
        expect(await issue({ dn }, { tierCode: "P777" }, path)).toEqual({
          status: 406,
          body: { resultMessage: `DN Format Error: ${dn} (Request TierCode: P777)` },
        });
        expect(await issue({ dn }, { unitCode: "C777", tierCode: "P777" }, path)).toEqual({
          status: 406,
          body: { resultMessage: `DN Format Error: ${dn} (Request UnitCode: C777)` },
        });
      });

      it("answers 406 when the name is not the type's", async () => {
        const dn = freshDn(type);
        for (const wrong of [
          dn.replace(/(dc|c)=[^,]*$/, "dc=ELSE"),
          dn.replace("o=HKMC", "o=hkmc"),
          dn.replace(",ou=ECC", ""),
          `${dn},dc=more`,
          dn.replace("cn=", "uid="),
          dn.replace(/cn=[^,]*/, "cn="),
          dn.replace(/cn=[^,]*/, "cn=host\\00.example"),
          dn.replace(/cn=[^,]*/, "cn=host\t.example"),
          dn.replace(/cn=[^,]*/, "cn=\\ \\ "),
        ])
          expect(await issue({ dn: wrong }, {}, path)).toEqual({
            status: 406,
            body: { resultMessage: `DN Format Error: ${wrong}` },
          });
      });

      it("answers 406 to an unreadable CSR, another curve, another hash and a bad proof of possession", async () => {
        const other = curve === "P-256" ? "P-521" : "P-256";
        const otherHash = hash === "sha256" ? "sha512" : "sha256";
        expect(await served.post(path, issueBody(type, "no PEM"))).toEqual({
          status: 406,
          body: { resultMessage: "CSR Format Error: not a certificate request in PEM" },
        });
        expect(await issue({ pair: pair(other) }, {}, path)).toEqual({
          status: 406,
          body: { resultMessage: `CSR Key Error: ${other} instead of ${curve}` },
        });
        expect(await issue({ hash: otherHash }, {}, path)).toEqual({
          status: 406,
          body: { resultMessage: `CSR Hash Error: ${otherHash} instead of ${hash}` },
        });
        expect(await issue({ sign: async () => Uint8Array.of(0x30, 0) }, {}, path)).toEqual({
          status: 406,
          body: { resultMessage: "CSR Signature Error: the signature is not by the request's key" },
        });
      });

      it("answers 403 to a key that was used before, under this name or another", async () => {
        const [dn, keys] = [freshDn(type), pair(curve)];
        expect(await issue({ dn, pair: keys })).toMatchObject({ status: 200 });
        const used = { status: 403, body: { resultMessage: "Same key already used" } };
        expect(await issue({ dn, pair: keys }, {}, path)).toEqual(used);
        expect(await issue({ pair: keys }, {}, path)).toEqual(used);
      });

      it("checks in the order 400, 406, 403", async () => {
        const keys = pair(curve);
        expect(await issue({ pair: keys })).toMatchObject({ status: 200 });
        expect(await issue({ pair: keys }, { tierCode: "P777", brandCode: "" }, path)).toMatchObject({ status: 400 });
        expect(await issue({ pair: keys }, { tierCode: "P777" }, path)).toMatchObject({ status: 406 });
      });
    });

    it("reissue answers 404 for a name that nothing was issued for", async () => {
      expect(await issue({}, {}, `${base}/reissue`)).toEqual({
        status: 404,
        body: { resultMessage: "No certificates on this DN. Please issue first." },
      });
    });

    it("reissue and a second issue for a known name answer 200 with a certificate", async () => {
      const dn = freshDn(type);
      for (const path of ["issue", "reissue", "issue"]) {
        const answer = await issue({ dn }, {}, `${base}/${path}`);
        expect(answer).toEqual({ status: 200, body: { cert: expect.stringContaining("BEGIN CERTIFICATE") } });
      }
    });

    describe("revoke", () => {
      const path = `${base}/revoke`;

      it.each([{}, { dn: null }, { dn: "" }, { dn: 7 }])("answers 400 to %j", async (body) => {
        expect(await served.post(path, body)).toEqual({
          status: 400,
          body: { resultMessage: "dn parameter cannot be null" },
        });
      });

      it("answers 404 with the name as asked, readable or not", async () => {
        for (const dn of [freshDn(type), "CN = Nobody, O=x", "no name", "cn=a+ou=b"])
          expect(await served.post(path, { dn })).toEqual({
            status: 404,
            body: { resultMessage: `no cert exists on dn ${dn}` },
          });
      });

      it("answers 200 {} once, then 403; in any letter case and spacing", async () => {
        const dn = freshDn(type);
        expect(await issue({ dn })).toMatchObject({ status: 200 });
        const spaced = dn.toUpperCase().replaceAll(",", " , ");
        expect(await served.post(path, { dn: spaced })).toEqual({ status: 200, body: {} });
        for (const again of [dn, spaced])
          expect(await served.post(path, { dn: again })).toEqual({
            status: 403,
            body: { resultMessage: "already revoked" },
          });
      });

      it("is possible again after a reissue", async () => {
        const dn = freshDn(type);
        expect(await issue({ dn })).toMatchObject({ status: 200 });
        expect(await served.post(path, { dn })).toMatchObject({ status: 200 });
        expect(await issue({ dn }, {}, `${base}/reissue`)).toMatchObject({ status: 200 });
        expect(await served.post(path, { dn })).toEqual({ status: 200, body: {} });
      });
    });
  });

  describe("a body above the limit", () => {
    it("is answered 413 in JSON", async () => {
      expect(await served.post("/api/v1/prov/issue", { csr: "x".repeat(70_000) })).toEqual({
        status: 413,
        body: { resultMessage: "Request body is too large" },
      });
    });
  });
}
