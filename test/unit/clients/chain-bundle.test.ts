import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { readChainBundle } from "../../../src/clients/chain.js";
import { buildCaCertificate } from "../../../src/pki/certificate.js";
import { keyIdentifier, publicKeyOf, randomSerial, signer } from "../../../src/pki/keys.js";
import { encodeName } from "../../../src/pki/names.js";
import { encodePem } from "../../../src/pki/pem.js";
import { toHex } from "../../../src/shared/bytes.js";

interface Authority {
  readonly name: Uint8Array;
  readonly key: KeyObject;
  readonly der: Uint8Array;
  readonly pem: string;
}

async function authority(name: string, by?: Authority): Promise<Authority> {
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const subject = encodeName([{ type: "CN", value: name }]);
  const der = await buildCaCertificate({
    subject,
    publicKey: publicKeyOf(key),
    ...(by === undefined ? {} : { issuer: { name: by.name, keyIdentifier: keyIdentifier(publicKeyOf(by.key)) } }),
    serial: randomSerial(),
    notBefore: Date.UTC(2026, 0, 1),
    notAfter: Date.UTC(2046, 0, 1),
    hash: "sha256",
    sign: signer(by?.key ?? key, "sha256"),
  });
  return { name: subject, key, der, pem: encodePem(der, "CERTIFICATE") };
}

const hex = (list: readonly Uint8Array[] = []) => list.map(toHex);

test("a bundle gives each leaf its own way to its root, nearest issuer first", async () => {
  const rootA = await authority("Root");
  // The same name with another key: names alone do not tell who issued whom.
  const rootB = await authority("Root");
  const middle = await authority("Middle", rootA);
  const low = await authority("Low", middle);
  const other = await authority("Other", rootB);
  const leafOfLow = await authority("leaf", low);
  const leafOfOther = await authority("leaf", other);
  const stranger = await authority("leaf", await authority("Nobody"));

  const bundle = readChainBundle([rootB, middle, other, rootA, low].map(({ pem }) => pem).join("# comment\n"));
  expect(hex(bundle.of(leafOfLow.der)?.issuers)).toEqual(hex([low.der, middle.der]));
  expect(hex(bundle.of(leafOfLow.der)?.anchors)).toEqual(hex([rootA.der]));
  expect(hex(bundle.of(leafOfOther.der)?.issuers)).toEqual(hex([other.der]));
  expect(hex(bundle.of(leafOfOther.der)?.anchors)).toEqual(hex([rootB.der]));
  expect(bundle.of(stranger.der)).toBeUndefined();
  expect(hex(bundle.all.anchors).sort()).toEqual(hex([rootA.der, rootB.der]).sort());
  expect(hex(bundle.all.issuers)[0]).toBe(toHex(low.der));
  expect(bundle.all.issuers).toHaveLength(3);
});

test("a bundle that cannot serve is refused with one line", async () => {
  const root = await authority("Root");
  const middle = await authority("Middle", root);
  const low = await authority("Low", middle);
  expect(() => readChainBundle("", "chain.pem")).toThrow("chain.pem: there is no root");
  expect(() => readChainBundle(middle.pem, "chain.pem")).toThrow("chain.pem: there is no root");
  expect(() => readChainBundle(root.pem + low.pem, "chain.pem")).toThrow("chain.pem: no root leads to CN=Low");
  expect(() => readChainBundle(`${root.pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`)).toThrow(
    "certificate 2 cannot be read",
  );
});
