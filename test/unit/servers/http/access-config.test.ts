import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { parseAccess } from "../../../../src/servers/http/access-config.js";
import { isStationError } from "../../../../src/shared/errors.js";
import { packageRoot } from "../../../../src/shared/paths.js";
import { type Holder, makeCa, makeClient } from "./certificates.js";

let ca: Holder;
let client: Holder;
beforeAll(async () => {
  ca = await makeCa();
  client = await makeClient({ issuer: ca });
});

const GOOD = `schema: 1
roles:
  line: { vpki: { issue: all } }
clients:
  - name: mes-1
    certificate: { issuer: ca.pem, dns: mes-1.plant.example }
    addresses: [10.0.0.0/8]
    roles: [line]
`;

function read(name: string): Promise<string> {
  const files: Record<string, string> = { "ca.pem": ca.cert, "client.pem": client.cert, "two.pem": ca.cert + ca.cert };
  const text = files[name];
  return text === undefined ? Promise.reject(new Error("there is no such file")) : Promise.resolve(text);
}

it("a list may be empty: nobody comes in", async () => {
  const { list } = await parseAccess("schema: 1\nroles: {}\nclients: []\n", "access.yaml", undefined, read);
  expect(list.judge({ address: "127.0.0.1", certificate: client.peer }, undefined, Date.now())).toMatchObject({
    allowed: false,
  });
});

it("the example of the manual is one", async () => {
  const manual = readFileSync(join(packageRoot(), "docs/access.md"), "utf8");
  const example = /```yaml\n(.*?)```/s.exec(manual)?.[1] ?? "";
  const { list } = await parseAccess(example, "access.yaml", ca.cert, async () => ca.cert);
  expect(list.size).toBe(3);
});

it.each([
  [
    "roles: [line]",
    "roles: [lines]",
    /^access\.yaml:8:13: clients\[0\]\.roles\[0\]: is no role of this file \(expected one of line\)/,
  ],
  [
    "10.0.0.0/8",
    "10.0.0.0/33",
    /^access\.yaml:7:17: clients\[0\]\.addresses\[0\]: has no prefix length \(expected 0–32/,
  ],
  ["[10.0.0.0/8]", "[]", /^access\.yaml:7:16: clients\[0\]\.addresses: wrong value/],
  ["    addresses: [10.0.0.0/8]\n", "", /clients\[0\]\.addresses: is missing/],
  [
    "issue: all",
    "issues: all",
    /^access\.yaml:3:19: roles\.line\.vpki\.issues: unknown key \(expected one of issue, reissue, revoke\)/,
  ],
  ["issue: all", "issue: [prov]", /roles\.line\.vpki\.issue/],
  ["vpki: { issue: all }", "kms: { POST key: [Test] }", /roles\.line\.kms\.POST key/],
  ["ca.pem", "none.pem", /^access\.yaml:6:28: clients\[0\]\.certificate\.issuer: there is no such file/],
  ["ca.pem", "client.pem", /certificate\.issuer: is no CA's certificate/],
  ["ca.pem", "two.pem", /certificate\.issuer: is not the PEM file of one certificate/],
  [", dns: mes-1.plant.example", "", /clients\[0\]\.certificate\.(?:dns|uri): is missing/],
  ["{ issuer: ca.pem, dns: mes-1.plant.example }", "{ publicKey: abc }", /clients\[0\]\.certificate\.publicKey/],
  ["{ issuer: ca.pem, dns: mes-1.plant.example }", "mine", /clients\[0\]\.certificate: wrong value/],
  ["name: mes-1", "name: mes 1", /^access\.yaml:5:11: clients\[0\]\.name/],
  ["schema: 1", "schema: 2", /^access\.yaml:1:9: schema/],
  ["clients:", "client:", /client: unknown key/],
])("%j → %j is told with its place", async (from, to, what) => {
  const text = GOOD.replace(from, to);
  expect(text).not.toBe(GOOD);
  await expect(parseAccess(text, "access.yaml", undefined, read)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    details: { what: expect.stringMatching(what) },
  });
});

it("a name that two clients have is told with its place", async () => {
  const again = GOOD.slice(GOOD.indexOf("  - name"));
  await expect(parseAccess(GOOD + again, "access.yaml", undefined, read)).rejects.toMatchObject({
    details: { what: expect.stringMatching(/^access\.yaml:9:11: clients\[1\]\.name: is another client's too/) },
  });
});

it("any text is a list, or is refused with one line", async () => {
  const mutated = fc
    .tuple(fc.nat(GOOD.length), fc.nat(20), fc.string({ maxLength: 8 }))
    .map(([at, length, text]) => GOOD.slice(0, at) + text + GOOD.slice(at + length));
  await fc.assert(
    fc.asyncProperty(mutated, async (text) => {
      const failure: unknown = await parseAccess(text, "access.yaml", undefined, read).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) return;
      expect(isStationError(failure, "CONFIG_INVALID")).toBe(true);
      expect((failure as Error).message).toMatch(/access\.yaml:\d+:\d+: .+$/);
      expect((failure as Error).message).not.toContain("\n");
    }),
    { examples: [[GOOD.replace("  line:", " . line:")]] },
  );
});
