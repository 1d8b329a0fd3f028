import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../../../src/shared/paths.js";
import { type Bench, openKms } from "./helpers.js";

/** From the KMS document's samples, mended (one pair of digits too many in M1, one digit lost in M2 of the first). */
const SAMPLES = [
  {
    name: "EcuMasterKey",
    request: {
      ProvisioningType: "EcuMasterKey",
      KeyID: "1",
      EcuID: "010203040506070801020304000300010000000000000000000002",
    },
    records: {
      KeyID: "1",
      M1: "00030001000000000000000000000211",
      M2: "83a6957a7c21c35c9bf9083c09c728fa8ebb3965805bfe8f9fd6b88b7fcf8df4",
      M3: "1eae814952a1ad6f9efc2e0c20378c3d",
      M4: "000300010000000000000000000002119d65cbf811941c12318183fce05f9880",
      M5: "adf3b9cb4e14a5cb60899f1a4a59feb2",
    },
  },
  {
    name: "SupplierSymmKey",
    request: {
      ProvisioningType: "SupplierSymmKey",
      KeyID: "D",
      EcuID: "0102030405060708010203040001001D0102030405060708090A0B",
    },
    records: {
      KeyID: "D",
      M1: "0001001d0102030405060708090a0b01",
      M2: "c723139a9975ad356707be66689de4cb4be6b9564b06bdc220c3b5328677d02b",
      M3: "0ccae90a3fc9b4ea06a578f58710d488",
      M4: "0001001d0102030405060708090a0b01b472e8d8727d70d57295e74849a27917",
      M5: "0ee0763aec1f41ce57bdd33bf9fe6e36",
    },
  },
  {
    name: "SecOCKey",
    request: {
      ProvisioningType: "SecOckKey",
      EcuID: "010203040506070801020304000300010000000000000000000002",
      KeyID: "5",
      SupplierSecretKey: "published-cluster",
      Counter: "1",
      Challenge: "00000000000000000000000000000000",
    },
    records: {
      KeyID: "5",
      M1: "00030001000000000000000000000251",
      M2: "16d4ca7b74b48dafefdae7ade95eacbe5851dad0b3c5f6b319b2b12ccb4242a3",
      M3: "91ec2cf7188e7749cde1890067415d65",
      M4: "00030001000000000000000000000251ffddafb77dcc9cf295a0fe25ade4f8ad",
      M5: "6715a001327a4149e8b6af665e188b22",
    },
  },
];

let kms: Bench;
beforeAll(async () => {
  const file = join(packageRoot(), "config/registry.published-vectors.yaml");
  kms = await openKms({ registry: readFileSync(file, "utf8") });
});
afterAll(() => kms.close());

test.each(SAMPLES)("the registry of the published vectors answers the $name sample byte for byte", async (sample) => {
  const answer = await kms.send("POST", "key", sample.request);
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ ResultStatus: "Success", ResultReason: "", ResultMessage: "" });
  expect(answer.body.Records).toMatchObject(sample.records);
  expect("KeySyncValue" in (answer.body.Records ?? {})).toBe(sample.name === "SecOCKey");
});
