/** Every refusal of the KMS's endpoints and its text, whatever its store is and however many servers stand behind the address. */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KmsMethod, KmsResource } from "../../../../src/contract/kms.js";
import { type Bench, ecuId, masterPost, result, secOcPost, supplierPost } from "./helpers.js";

type Endpoint = `${KmsMethod} ${KmsResource}`;
type Body = Record<string, unknown>;
type Change = Body | string;
type Case = [name: string, from: Body, change: Change, reason: string, message: string];

const without = (body: Body, ...names: string[]): Body =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));

const secOcResult = result("SecOCKey", 1, "Success", "4");
const masterResult = result("EcuMasterKey");
const supplierResult = result("SupplierSymmKey");
const syncPost = without(supplierPost(), "KeyID");
const secOcSync = { ProvisioningType: "SecOCKey", EcuID: ecuId(1), KeyID: "4" };

const required = (from: Body, ...names: string[]): Case[] =>
  names.flatMap((name): Case[] => [
    [`no ${name}`, without(from, name), {}, "REQUIRED", `The ${name} is required.`],
    [`${name} null`, from, { [name]: null }, "REQUIRED", `The ${name} is required.`],
    ...(name === "ResultMessage"
      ? []
      : [[`${name} empty`, from, { [name]: "" }, "REQUIRED", `The ${name} is required.`] satisfies Case]),
  ]);

/** What every endpoint refuses. */
const common = (from: Body): Case[] => [
  ["nothing at all", {}, {}, "REQUIRED", "The ProvisioningType is required."],
  ["type alone", { ProvisioningType: from.ProvisioningType }, {}, "REQUIRED", "The EcuID is required."],
  ["type no text", from, { ProvisioningType: 1 }, "INVALID", "The ProvisioningType must be a string."],
  [
    "unknown type",
    from,
    { ProvisioningType: "Secoc" },
    "INVALID",
    "The ProvisioningType must be EcuMasterKey, SecOCKey or SupplierSymmKey.",
  ],
  ["EcuID short", from, { EcuID: ecuId(1).slice(1) }, "INVALID", "The EcuID must be 54 hex digits."],
  ["EcuID long", from, { EcuID: `${ecuId(1)}0` }, "INVALID", "The EcuID must be 54 hex digits."],
  ["EcuID no hex", from, { EcuID: `g${ecuId(1).slice(1)}` }, "INVALID", "The EcuID must be 54 hex digits."],
  ["EcuID no text", from, { EcuID: [ecuId(1)] }, "INVALID", "The EcuID must be a string."],
  ["wildcard", from, { EcuID: "0".repeat(54) }, "INVALID", "The EcuID must not hold the wildcard UID (15 zero bytes)."],
  [
    "supplier unknown",
    from,
    { EcuID: `010203040506070801020304${"0003003d"}${"0".repeat(22)}` },
    "NOT_REGISTERED",
    "The SupplierID is not registerd.",
  ],
  [
    "ECU type unknown",
    from,
    { EcuID: `010203040506070801020304${"00090001"}${"0".repeat(22)}` },
    "NOT_REGISTERED",
    "The EcuType is not registerd.",
  ],
  ["phase unknown", from, { Phase: "Test" }, "PHASE", "Phase = ([Prod] or [Dev]): [Test]"],
  ["phase empty", from, { Phase: "" }, "PHASE", "Phase = ([Prod] or [Dev]): []"],
  ["phase in another case", from, { Phase: "prod" }, "PHASE", "Phase = ([Prod] or [Dev]): [prod]"],
  ["KeyID no hex", from, { KeyID: "ㅎㄷ" }, "KEYID_PARSE", "keyID Parsing Err : [ㅎㄷ]"],
  ["KeyID negative", from, { KeyID: "-1" }, "KEYID_PARSE", "keyID Parsing Err : [-1]"],
  ["KeyID 3C", from, { KeyID: "3C" }, "KEYID_RANGE", "The KeyID must be less than or equal to D(0x0D)."],
  ["KeyID E", from, { KeyID: "E" }, "KEYID_RANGE", "The KeyID must be less than or equal to D(0x0D)."],
  ["KeyID huge", from, { KeyID: "f".repeat(60) }, "KEYID_RANGE", "The KeyID must be less than or equal to D(0x0D)."],
  [
    "KeyID long and no hex",
    from,
    { KeyID: `${"0".repeat(60_000)}g` },
    "KEYID_PARSE",
    `keyID Parsing Err : [${"0".repeat(60_000)}g]`,
  ],
  ["KeyID no text", from, { KeyID: 4 }, "INVALID", "The KeyID must be a string."],
];

const keyIdType = (from: Body, wrong: readonly string[], message: string): Case[] =>
  wrong.map((KeyID) => [`KeyID ${KeyID}`, from, { KeyID }, "KEYID_TYPE", message]);
const MASTER_ONLY = "The KeyID must be 1 for EcuMasterKey.";
const SECOC_ONLY = "The KeyID must be 4 to C for SecOCKey.";
const SUPPLIER_ONLY = "The KeyID must be D for SupplierSymmKey.";
const COUNTER = "The Counter must be a decimal or 0x hex number below 2^28.";

const CASES: Record<Endpoint, Case[]> = {
  "POST key": [
    ...common(masterPost()),
    ...required(masterPost(), "ProvisioningType", "EcuID", "KeyID"),
    ...required(supplierPost(), "ProvisioningType", "EcuID", "KeyID"),
    ...required(secOcPost(), "ProvisioningType", "EcuID", "KeyID", "SupplierSecretKey", "Counter", "Challenge"),
    ["SecOC fields from KeyID on", without(secOcPost(), "KeyID", "Counter"), {}, "REQUIRED", "The KeyID is required."],
    ["the source's SecOC sample", secOcSync, {}, "REQUIRED", "The SupplierSecretKey is required."],
    ...keyIdType(masterPost(), ["0", "2", "4", "D"], MASTER_ONLY),
    ...keyIdType(secOcPost(), ["1", "3", "d"], SECOC_ONLY),
    ...keyIdType(supplierPost(), ["1", "c"], SUPPLIER_ONLY),
    [
      "a secret nobody shared",
      secOcPost(),
      { SupplierSecretKey: "no such secret" },
      "NOT_REGISTERED",
      "The SupplierSecretKey:[] is not registerd.",
    ],
    [
      "a secret of the other phase",
      secOcPost(),
      { SupplierSecretKey: "dev secret" },
      "NOT_REGISTERED",
      "The SupplierSecretKey:[] is not registerd.",
    ],
    ["counter 2^28", secOcPost(), { Counter: "268435456" }, "INVALID", COUNTER],
    ["counter 0x10000000", secOcPost(), { Counter: "0x10000000" }, "INVALID", COUNTER],
    ["counter negative", secOcPost(), { Counter: "-1" }, "INVALID", COUNTER],
    ["counter hex without 0x", secOcPost(), { Counter: "ff" }, "INVALID", COUNTER],
    ["counter a list", secOcPost(), { Counter: ["1"] }, "INVALID", COUNTER],
    ["challenge short", secOcPost(), { Challenge: "00" }, "INVALID", "The Challenge must be 32 hex digits."],
    ["challenge no hex", secOcPost(), { Challenge: "x".repeat(32) }, "INVALID", "The Challenge must be 32 hex digits."],
    ["no object", {}, "[]", "INVALID", "The body must be a JSON object."],
  ],
  "PUT key": [
    ...common(masterResult),
    ...required(masterResult, "ProvisioningType", "EcuID", "ResultMessage", "ResultStatus"),
    ...required(supplierResult, "ResultMessage", "ResultStatus"),
    ...required(secOcResult, "ProvisioningType", "EcuID", "KeyID", "ResultMessage", "ResultStatus"),
    ...keyIdType(masterResult, ["4"], MASTER_ONLY),
    ...keyIdType(secOcResult, ["D"], SECOC_ONLY),
    ...keyIdType(supplierResult, ["1"], SUPPLIER_ONLY),
    [
      "another status",
      masterResult,
      { ResultStatus: "success" },
      "INVALID",
      "The ResultStatus must be Success or OperationFailed.",
    ],
  ],
  "POST sync": [
    ...common(syncPost),
    ...required(syncPost, "ProvisioningType", "EcuID"),
    ...required(secOcSync, "ProvisioningType", "EcuID", "KeyID"),
    ...keyIdType(syncPost, ["4"], SUPPLIER_ONLY),
    ...keyIdType(secOcSync, ["D"], SECOC_ONLY),
    ["nothing was issued", syncPost, { EcuID: ecuId(99) }, "INVALID", "No key was issued for this EcuID and KeyID."],
    ["challenge short", secOcSync, { Challenge: "00" }, "INVALID", "The Challenge must be 32 hex digits."],
  ],
  "PUT sync": [
    ...common(supplierResult),
    ...required(supplierResult, "ProvisioningType", "EcuID", "ResultMessage", "ResultStatus"),
    ...required(secOcResult, "ProvisioningType", "EcuID", "KeyID", "ResultMessage", "ResultStatus"),
    ...keyIdType(supplierResult, ["4"], SUPPLIER_ONLY),
    [
      "another status",
      supplierResult,
      { ResultStatus: "OK" },
      "INVALID",
      "The ResultStatus must be Success or OperationFailed.",
    ],
  ],
};

const LEASED = {
  ResultStatus: "OperationFailed",
  ResultReason: "LEASED",
  ResultMessage: expect.stringMatching(/^Another station works on this ECU, for at most \d+ s more\.$/),
};

export function everyKmsAnswer(open: () => Promise<Pick<Bench, "send" | "close">>): void {
  let kms: Pick<Bench, "send" | "close">;
  beforeAll(async () => {
    kms = await open();
  });
  afterAll(() => kms?.close());

  for (const [endpoint, cases] of Object.entries(CASES)) {
    const [method, resource] = endpoint.split(" ") as [KmsMethod, KmsResource];
    describe(endpoint, () => {
      test.each(cases)("refuses: %s", async (_name, from, change, reason, message) => {
        const answer = await kms.send(method, resource, typeof change === "string" ? change : { ...from, ...change });
        expect(answer.status).toBe(200);
        expect(answer.body).toEqual({ ResultStatus: "OperationFailed", ResultReason: reason, ResultMessage: message });
      });

      test.each(["", "{", "nul", "<a/>", '{"a":1}}'])("answers 400 to a body that is not JSON: %s", async (body) => {
        const answer = await kms.send(method, resource, body);
        expect(answer.status).toBe(400);
        expect(answer.body).toEqual({
          ResultStatus: "OperationFailed",
          ResultReason: "INVALID",
          ResultMessage: "The body is not JSON.",
        });
      });
    });
  }

  test("checks come in the documented order", async () => {
    const everything: Body = {
      ProvisioningType: "SecOCKey",
      EcuID: "zz",
      KeyID: "ㅎㄷ",
      Phase: "Test",
      SupplierSecretKey: "unknown",
      Counter: "x",
      Challenge: "y",
    };
    const mend: [Body, string][] = [
      [{}, "INVALID"],
      [{ EcuID: ecuId(1).replace("00030001", "00090009") }, "NOT_REGISTERED"],
      [{ EcuID: ecuId(1) }, "KEYID_PARSE"],
      [{ KeyID: "3C" }, "KEYID_RANGE"],
      [{ KeyID: "1" }, "KEYID_TYPE"],
      [{ KeyID: "4" }, "PHASE"],
      [{ Phase: "Prod" }, "NOT_REGISTERED"],
      [{ SupplierSecretKey: secOcPost().SupplierSecretKey }, "INVALID"],
      [{ Counter: "1" }, "INVALID"],
      [{ Challenge: secOcPost().Challenge }, ""],
    ];
    let body = everything;
    for (const [change, reason] of mend) {
      body = { ...body, ...change };
      expect((await kms.send("POST", "key", body)).body.ResultReason).toBe(reason);
    }
  });

  test("of many stations that ask for one ECU at once one gets it, and the others are told to wait", async () => {
    const serial = randomInt(2 ** 40);
    const ask = (station: number) =>
      kms.send("POST", "key", masterPost(serial), { "x-station-id": `station-${station}` });
    const answers = await Promise.all(Array.from({ length: 12 }, (_, station) => ask(station)));
    const given = answers.findIndex(({ body }) => body.ResultStatus === "Success");
    for (const [station, { status, body }] of answers.entries()) {
      expect(status).toBe(200);
      if (station !== given) expect(body).toEqual(LEASED);
    }
    expect((await ask(given)).body.ResultStatus).toBe("Success");
    const headers = { "x-correlation-id": String((await ask(given)).headers["x-correlation-id"]) };
    expect((await kms.send("PUT", "key", result("EcuMasterKey", serial), headers)).body.ResultStatus).toBe("Success");
    expect((await ask(given + 1)).body.ResultStatus).toBe("Success");
  });
}
