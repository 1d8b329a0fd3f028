import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VPKI_OPERATIONS, vpkiPath } from "../../../../src/contract/vpki.js";
import { certificateTypes } from "../../../../src/pki/types.js";
import { csrPem, issueBody, type Served, serve } from "./helpers.js";

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.end());

/**
 * Request of 3.10.2 of the source with `AA` put back for `SX2`: the scan damaged other letters too, so it cannot be a readable CSR.
 */
const SAMPLE =
  "-----BEGIN CERTIFICATE_REQUEST----- \n" +
  "MIIBlDCCATsCAQAwTELMAkGA1UEBhMCS1IxDTALBgNVBAoMBEhLTUMxDDAKBgNV\n" +
  "BAsMA0VDQzENMAsGA1UECwwEQzAwMTENMAsGA1UECwwEUDAwMTEfMB0GA1UEAwW\n" +
  "dGVzdDIwMjMwMjA3MDkxMDA3LmNvbTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\n" +
  "BNImLL8L43xci8jl7bW86Mx/Uo7GBBekAfL6b743Y3QDIxa8Ly+1bP61nTlWOpM/\n" +
  "1d1chrL7d22JREhPDGhDIymgcDAPBgcrBgEBAQEESMQQMAjE3MBQGBysGAQEBAARMx\n" +
  "CQwHRkFLRV9JUDAeBgcrBgEBAQEWMRMETM4LUJBLUY4LTA2LTAwLTlBMCCGCSqG\n" +
  "sIb3DQEJBzEaFhhUZxN0IENoYWxsZW5nZSBQYXNzd29yZCEwCgYIKoZIzj0EAwID\n" +
  "RwAwRAIgKkQ1LJXc51AAZbnUq9d8MUQBsReiJq27TYIUrMHx8XYCIHSqVX5nXst\n" +
  "5A8WfVYurMS5zGfloIPhSlFX5URo2C8M\n" +
  "-----END CERTIFICATE_REQUEST-----";

describe("whatever is sent", () => {
  it("is answered 406 where it is the document's damaged sample", async () => {
    expect(await served.post("/api/v1/est/issue", issueBody("ccu-sha256", SAMPLE))).toMatchObject({
      status: 406,
      body: { resultMessage: expect.stringMatching(/^CSR Format Error: /) },
    });
  });

  it("is never answered by a 5xx when it is any text or JSON", async () => {
    const path = fc.constantFrom(...certificateTypes.flatMap((type) => VPKI_OPERATIONS.map((o) => vpkiPath(type, o))));
    const fields = fc.record(
      {
        csr: fc.string(),
        unitCode: fc.string(),
        tierCode: fc.string(),
        vehicleCode: fc.string(),
        localCode: fc.string(),
        brandCode: fc.string(),
        dn: fc.string(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(path, fc.oneof(fc.string(), fc.json(), fields), async (to, body) => {
        const answer = await served.post(to, body);
        expect([400, 404, 406]).toContain(answer.status);
        expect(Object.keys(answer.body)).toEqual(["resultMessage"]);
      }),
      { numRuns: 150 },
    );
  });

  it("is never answered by a 5xx when it is a CSR with some bytes changed", async () => {
    const good = await csrPem("ccu-sha256", { attributes: [{ oid: "1.2.3", type: "utf8", value: "x" }] });
    const der = Buffer.from(good.replace(/-----[^-]+-----|\s/g, ""), "base64");
    const change = fc.tuple(fc.nat(der.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bent = Buffer.from(der);
        for (const [at, byte] of changes) bent[at] = byte;
        fc.pre(!bent.equals(der));
        const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${bent.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
        expect(await served.post("/api/v1/est/issue", issueBody("ccu-sha256", pem))).toMatchObject({ status: 406 });
      }),
      { numRuns: 150 },
    );
  });
});
