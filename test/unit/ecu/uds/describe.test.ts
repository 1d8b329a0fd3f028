import { expect, it } from "vitest";
import { describeUds } from "../../../../src/ecu/uds/describe.js";
import { fromHex } from "../../../../src/shared/bytes.js";

const request = (hex: string) => describeUds("request", fromHex(hex));
const response = (hex: string) => describeUds("response", fromHex(hex));

it("a request has its service and what it asks for", () => {
  expect(request("22f190")).toEqual({
    kind: "request",
    service: "22 ReadDataByIdentifier",
    parameters: [{ name: "dataIdentifiers", value: "F190 VIN" }],
  });
});

it("a request that suppresses its positive response says so, and its sub-function has no bit 7", () => {
  expect(request("3e80")).toEqual({
    kind: "request",
    service: "3E TesterPresent",
    suppressed: true,
    parameters: [{ name: "zeroSubFunction", value: "00" }],
  });
  expect(request("1983")).toMatchObject({ subFunction: "reportDTCSnapshotIdentification", suppressed: true });
});

it("bit 7 of what is no sub-function suppresses nothing", () => {
  expect(request("22f190").suppressed).toBeUndefined();
  expect(request("3681aa").suppressed).toBeUndefined();
});

it("a negative response has the request's service and the name of its code", () => {
  expect(response("7f3178")).toEqual({
    kind: "negative",
    service: "31 RoutineControl",
    parameters: [],
    nrc: "78 requestCorrectlyReceivedResponsePending",
  });
  expect(response("7f22")).toMatchObject({ kind: "negative", malformed: "2 bytes, 3 wanted" });
});

it("a service without a row of messages gives its data", () => {
  expect(request("240102")).toEqual({
    kind: "request",
    service: "24 ReadScalingDataByIdentifier",
    parameters: [{ name: "data", value: "0102" }],
  });
});

it("what is no service is unknown, whichever way it goes", () => {
  expect(request("bf01")).toMatchObject({ kind: "unknown", service: "BF" });
  expect(response("01")).toMatchObject({ kind: "unknown", service: "01" });
  expect(request("")).toMatchObject({ kind: "unknown", malformed: "an empty message" });
});

it("what cannot be read says why and gives its data", () => {
  expect(request("2e")).toMatchObject({ malformed: "dataIdentifier: 0 bytes, 2 wanted" });
  expect(response("7601")).not.toHaveProperty("malformed");
  expect(response("5101aabb")).toMatchObject({
    malformed: "1 bytes too many",
    parameters: [{ name: "data", value: "01aabb" }],
  });
});
