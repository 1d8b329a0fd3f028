import { beforeAll, describe, expect, it } from "vitest";
import { parseAccess } from "../../../../src/servers/http/access-config.js";
import type { Endpoint, Verdict } from "../../../../src/servers/http/access-list.js";
import { type Holder, makeCa, makeClient, type Wanted } from "./certificates.js";

const HERE = "10.20.3.7";
const ISSUE: Endpoint = { operation: "issue", scope: "prov-15118-2" };
const DAY = 86_400_000;

let ca: Holder;
let other: Holder;
beforeAll(async () => {
  ca = await makeCa();
  // The same name, another key.
  other = await makeCa();
});

/** A list of one client whose certificate is as in `rule`, and what it says of `client`. */
async function judge(
  rule: string,
  client: Holder | undefined,
  { address = HERE, endpoint = ISSUE as Endpoint | undefined, later = 0, own = undefined as string | undefined } = {},
): Promise<Verdict> {
  const text = `
schema: 1
roles:
  line:
    vpki: { issue: [prov-15118-2], reissue: all }
    kms: { POST key: [Prod] }
  rework:
    vpki: { issue: [ccu-sha256], revoke: [ccu-sha256] }
  idle: {}
clients:
  - { name: mes-1, certificate: ${rule}, addresses: [10.20.3.0/24, "2001:db8::/32"], roles: [line, idle] }
  - { name: mes-1-rework, certificate: ${rule}, addresses: [10.20.3.7], roles: [rework] }
`;
  const { list } = await parseAccess(text, "access.yaml", own, async () => ca.cert);
  return list.judge({ address, certificate: client?.peer }, endpoint, Date.now() + later);
}

const client = (wanted: Wanted = {}) => makeClient({ issuer: ca, dns: ["mes-1.plant.example"], ...wanted });
const BY_ISSUER = "{ issuer: ca.pem, dns: mes-1.plant.example }";

describe("a client is known by", () => {
  it("its pinned public key, whoever issued the certificate", async () => {
    const self = await makeClient();
    expect(await judge(`{ publicKey: ${self.pin} }`, self)).toMatchObject({ allowed: true, client: "mes-1" });
    const renewed = await makeClient({ sameKey: self, issuer: ca });
    expect(await judge(`{ publicKey: ${self.pin.toUpperCase()} }`, renewed)).toMatchObject({ allowed: true });
    expect(await judge(`{ publicKey: ${self.pin} }`, await makeClient())).toEqual({
      allowed: false,
      why: "certificate not listed",
    });
  });

  it("its issuer and a DNS name, in any letter case", async () => {
    expect(await judge(BY_ISSUER, await client())).toMatchObject({ allowed: true });
    expect(await judge(BY_ISSUER, await client({ dns: ["x.example", "MES-1.Plant.Example"] }))).toMatchObject({
      allowed: true,
    });
  });

  it("its issuer and a URI", async () => {
    const rule = "{ issuer: ca.pem, uri: 'urn:plant:mes:1' }";
    expect(await judge(rule, await client({ uris: ["urn:plant:mes:1"] }))).toMatchObject({ allowed: true });
    expect(await judge(rule, await client({ uris: ["urn:plant:mes:10"] }))).toMatchObject({ allowed: false });
  });

  it("the installation's own CA", async () => {
    expect(await judge("own", await client(), { own: ca.cert })).toMatchObject({ allowed: true });
    expect(await judge("own", await client({ issuer: other }), { own: ca.cert })).toMatchObject({ allowed: false });
  });

  it.each<[string, Wanted]>([
    ["another name", { dns: ["mes-2.plant.example"] }],
    ["a name that only begins so", { dns: ["mes-1.plant.example.evil.example"] }],
    ["a wildcard", { dns: ["*.plant.example"] }],
    ["no name but its subject", { dns: [], cn: "mes-1.plant.example" }],
    ["the name as a URI", { dns: [], uris: ["mes-1.plant.example"] }],
  ])("but not with %s", async (_, wanted) => {
    expect(await judge(BY_ISSUER, await client(wanted))).toEqual({ allowed: false, why: "certificate not listed" });
  });

  it("but not with a certificate of a CA that only has the issuer's name, or of nobody", async () => {
    for (const issuer of [other, undefined]) {
      const dns = ["mes-1.plant.example"];
      const stranger = await makeClient(issuer === undefined ? { dns } : { dns, issuer });
      expect(await judge(BY_ISSUER, stranger)).toEqual({ allowed: false, why: "certificate not listed" });
    }
  });
});

describe("a client is refused", () => {
  it("without a certificate", async () => {
    expect(await judge(BY_ISSUER, undefined)).toEqual({ allowed: false, why: "no certificate" });
  });

  it.each<[string, Wanted]>([
    ["certificate expired", { to: -0.5 }],
    ["certificate not yet valid", { from: 1 }],
    ["certificate not for clients", { role: "server" }],
  ])("when its %s, pinned or not", async (why, wanted) => {
    const known = await client(wanted);
    for (const rule of [BY_ISSUER, `{ publicKey: ${known.pin} }`])
      expect(await judge(rule, known)).toEqual({ allowed: false, why, client: "mes-1" });
  });

  it("when its certificate or its issuer's runs out meanwhile", async () => {
    const known = await client({ to: 10 });
    expect(await judge(BY_ISSUER, known, { later: 11 * DAY })).toMatchObject({ why: "certificate expired" });
    const long = await client({ to: 100 });
    expect(await judge(BY_ISSUER, long, { later: 31 * DAY })).toMatchObject({ why: "issuer not valid" });
    expect(await judge(`{ publicKey: ${long.pin} }`, long, { later: 31 * DAY })).toMatchObject({ allowed: true });
  });

  it("from another address", async () => {
    const known = await client();
    for (const address of ["10.20.4.7", "127.0.0.1", "2001:db9::1", "unknown", ""])
      expect(await judge(BY_ISSUER, known, { address })).toEqual({
        allowed: false,
        why: "address not listed",
        client: "mes-1",
      });
    for (const address of ["::ffff:10.20.3.7", "2001:db8:1::1"])
      expect(await judge(BY_ISSUER, known, { address })).toMatchObject({ allowed: true });
  });
});

describe("of what the server does a client may have", () => {
  it.each<[Endpoint | undefined, string, object]>([
    [ISSUE, HERE, { allowed: true }],
    [{ operation: "issue", scope: "ccu-sha256" }, HERE, { allowed: true }],
    // The second entry is for one address alone.
    [{ operation: "issue", scope: "ccu-sha256" }, "10.20.3.8", { allowed: false, why: "scope not allowed" }],
    [{ operation: "revoke", scope: "ccu-sha256" }, "10.20.3.8", { allowed: false, why: "operation not allowed" }],
    [{ operation: "revoke", scope: "ccu-sha256" }, HERE, { allowed: true }],
    [{ operation: "issue", scope: "ccu-sha512" }, HERE, { allowed: false, why: "scope not allowed" }],
    [{ operation: "reissue", scope: "ccu-sha512" }, HERE, { allowed: true }],
    [{ operation: "POST key" }, HERE, { allowed: true, scopes: new Set(["Prod"]) }],
    [{ operation: "PUT key" }, HERE, { allowed: false, why: "operation not allowed" }],
    [{ operation: "POST sync" }, HERE, { allowed: false, why: "operation not allowed" }],
    [undefined, HERE, { allowed: true }],
  ])("by its roles, all of them together: %j from %s: %j", async (endpoint, address, expected) => {
    expect(await judge(BY_ISSUER, await client(), { endpoint, address })).toMatchObject(expected);
  });
});
