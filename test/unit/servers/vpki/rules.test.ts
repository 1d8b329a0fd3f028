import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inlineStores } from "../../../../src/db/store.js";
import { checkCharacter } from "../../../../src/pki/check-character.js";
import { CERTIFICATE_TYPES, certificateTypes } from "../../../../src/pki/types.js";
import { createVpki } from "../../../../src/servers/vpki/index.js";
import { systemClock } from "../../../../src/shared/clock.js";
import { silentLogger } from "../../../../src/shared/logger.js";
import { pair } from "../../pki/helpers.js";
import { csrPem, freshDn, issueBody, type Served, serve } from "./helpers.js";

const refusal = (resultMessage: string) => ({ status: 406, body: { resultMessage } });

describe("codes that the configuration lists", () => {
  const codes = {
    unitCode: ["C001", "C002"],
    tierCode: ["P001", "P002"],
    vehicleCode: ["SX2", "MX5"],
    localCode: ["KR"],
    brandCode: ["HMC", "KMC"],
  };
  let served: Served;
  beforeAll(async () => {
    served = await serve({ config: { codes } });
  });
  afterAll(() => served.end());

  describe.each(certificateTypes)("for %s", (type) => {
    const path = `${CERTIFICATE_TYPES[type].basePath}/issue`;
    const body = async (change = {}, dn = freshDn(type)) => issueBody(type, await csrPem(type, { dn }), change);

    it("are taken", async () => {
      expect(await served.post(path, await body({ vehicleCode: "MX5", brandCode: "KMC" }))).toMatchObject({
        status: 200,
      });
    });

    it.each([
      ["vehicleCode", "SX3", "VehicleCode"],
      ["vehicleCode", "sx2", "VehicleCode"],
      ["localCode", "KR ", "LocalCode"],
      ["brandCode", "hmc", "BrandCode"],
    ])("are the only ones: %s %j is refused, on issue and reissue", async (field, value, name) => {
      for (const operation of ["issue", "reissue"])
        expect(await served.post(path.replace("issue", operation), await body({ [field]: value }))).toEqual(
          refusal(`Code Error: ${name} ${value} is not registered`),
        );
    });

    it("are looked at in the table's order, behind the name and before the key", async () => {
      const dn = freshDn(type).replace(/ou=P\d+,ou=C\d+/, "ou=P009,ou=C009");
      const foreign = { unitCode: "C009", tierCode: "P009" };
      expect(await served.post(path, await body(foreign, dn))).toEqual(
        refusal("Code Error: UnitCode C009 is not registered"),
      );
      expect(await served.post(path, await body({ ...foreign, tierCode: "P008", brandCode: "X" }, dn))).toEqual(
        refusal(`DN Format Error: ${dn} (Request TierCode: P008)`),
      );
      const csr = await csrPem(type, { sign: async () => Uint8Array.of(0x30, 0) });
      expect(await served.post(path, issueBody(type, csr, { localCode: "US" }))).toEqual(
        refusal("Code Error: LocalCode US is not registered"),
      );
    });
  });
});

it("codes of a kind that the configuration does not list are free", async () => {
  const served = await serve({ config: { codes: { brandCode: ["KMC"] } } });
  const body = issueBody("ccu-sha256", await csrPem("ccu-sha256"), { vehicleCode: "any", brandCode: "KMC" });
  expect(await served.post("/api/v1/est/issue", body)).toMatchObject({ status: 200 });
  await served.end();
});

describe("the check character of a PCID", () => {
  const BARE = "KM8P2844A9TD84HR9";
  const RIGHT = BARE + checkCharacter(BARE);
  const table = [
    ["ignored", BARE, 200],
    ["ignored", `${BARE}1`, 200],
    ["verified", BARE, 200],
    ["verified", RIGHT, 200],
    ["verified", RIGHT.toLowerCase(), 200],
    ["verified", `${BARE}1`, 406],
    ["required", BARE, 406],
    ["required", RIGHT, 200],
    ["required", `${BARE}1`, 406],
  ] as const;

  it.each(["ignored", "verified", "required"] as const)(
    "is %s where the setting says so",
    async (pcidCheckCharacter) => {
      const served = await serve({ config: { pcidCheckCharacter } });
      for (const type of ["prov-15118-2", "prov-15118-20"] as const)
        for (const [, pcid, status] of table.filter(([setting]) => setting === pcidCheckCharacter)) {
          const dn = freshDn(type).replace(/^cn=[^,]*/, `cn=${pcid}`);
          const csr = await csrPem(type, { dn });
          const answer = await served.post(`${CERTIFICATE_TYPES[type].basePath}/issue`, issueBody(type, csr));
          expect([pcid, answer.status]).toEqual([pcid, status]);
          if (status === 406)
            expect(answer).toEqual(
              refusal(`PCID Check Character Error: ${pcid} (expected ${checkCharacter(BARE)} as character 18)`),
            );
        }
      for (const type of ["vehicle-15118-20", "ccu-sha256"] as const)
        expect(
          await served.post(`${CERTIFICATE_TYPES[type].basePath}/issue`, issueBody(type, await csrPem(type))),
        ).toMatchObject({ status: 200 });
      await served.end();
    },
  );
});

describe("a certificate of the 15118-2 type above 800 bytes", () => {
  it("is refused before it is stored: the key may be used again", async () => {
    const served = await serve();
    const keys = pair("P-256");
    const long = "C".repeat(64);
    const send = async (change: Record<string, string>) => {
      const dn = `cn=KM8P2844A9TD84HR91,ou=${change.tierCode},ou=${change.unitCode},ou=ECC,o=HKMC,dc=OEM`;
      const csr = await csrPem("prov-15118-2", { dn, pair: keys });
      return served.post("/api/v1/prov/issue", issueBody("prov-15118-2", csr, change));
    };
    const refused = await send({ unitCode: long, tierCode: long });
    expect(refused.status).toBe(406);
    expect(refused.body.resultMessage).toMatch(/^Certificate Size Error: 8\d\d bytes instead of at most 800$/);
    expect(await send({ unitCode: "C001", tierCode: "P001" })).toMatchObject({ status: 200 });
    await served.end();
  });

  it("because of its addresses keeps the service from starting, with the reason", async () => {
    const dir = mkdtempSync(join(tmpdir(), "vpki-size-"));
    const stores = inlineStores();
    const config = { baseUrl: `http://${"pki.".repeat(30)}example` };
    const vpki = await createVpki({ stores, dir, clock: systemClock, logger: silentLogger, config });
    await expect(vpki.start()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { what: expect.stringMatching(/prov-15118-2 would have \d+ bytes \(expected at most 800\)/) },
    });
    await vpki.close();
    await stores.close();
    rmSync(dir, { recursive: true });
  });
});
