import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeResponse, encodeRequest } from "../../../../src/ecu/uds/call.js";
import { describeUds } from "../../../../src/ecu/uds/describe.js";
import { decode, encode } from "../../../../src/ecu/uds/tables/fields.js";
import { layoutOf, UDS } from "../../../../src/ecu/uds/tables/messages.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";

// Bytes made by scapy 2.5.0's layers of the same services, or of the standard's own examples (marked *).
const INDICATOR = "000102030405060708090a0b0c0d0e0f";
const GOLDEN: readonly (readonly ["request" | "response", string, string])[] = [
  ["request", "1003", "diagnosticSessionType 03 extended"],
  ["response", "5003003201f4", "diagnosticSessionType 03 extended; P2server_max 0032; P2star_server_max 01F4"],
  ["request", "1101", "resetType 01 hard"],
  ["response", "51040f", "resetType 04; powerDownTime 0F"],
  ["response", "5101", "resetType 01 hard"],
  ["request", "14ffffff", "groupOfDTC FFFFFF"],
  ["response", "54", ""],
  ["request", "19012f", "[reportNumberOfDTCByStatusMask] DTCStatusMask 2F"],
  // *
  [
    "response",
    "59012f010001",
    "[reportNumberOfDTCByStatusMask] DTCStatusAvailabilityMask 2F; DTCFormatIdentifier 01; DTCCount 0001",
  ],
  ["request", "19022f", "[reportDTCByStatusMask] DTCStatusMask 2F"],
  // *
  [
    "response",
    "59027f0a9b17240805112f",
    "[reportDTCByStatusMask] DTCStatusAvailabilityMask 7F; DTCAndStatusRecord DTC 0A9B17, statusOfDTC 24; DTCAndStatusRecord DTC 080511, statusOfDTC 2F",
  ],
  ["request", "190400000000", "[reportDTCSnapshotRecordByDTCNumber] DTC 000000; DTCSnapshotRecordNumber 00"],
  ["request", "190600000000", "[reportDTCExtDataRecordByDTCNumber] DTC 000000; DTCExtDataRecordNumber 00"],
  ["request", "1908402f", "[reportDTCBySeverityMaskRecord] DTCSeverityMask 40; DTCStatusMask 2F"],
  ["request", "1909000000", "[reportSeverityInformationOfDTC] DTC 000000"],
  ["request", "22f190f18c", "dataIdentifiers F190 VIN; dataIdentifiers F18C ECUSerialNumber"],
  ["response", "62f1904142", "dataIdentifier F190 VIN; dataRecord 4142"],
  ["request", "23231234560100", "memoryAddress 123456; memorySize 256"],
  ["response", "63008c", "dataRecord 008c"],
  ["request", "2711", "securityAccessType 11 requestSeed"],
  ["response", "67110102", "securityAccessType 11 requestSeed; securitySeed 0102"],
  ["request", "27120102", "securityAccessType 12 sendKey; securityKey 0102"],
  ["response", "6712", "securityAccessType 12 sendKey"],
  ["request", "280100", "controlType 01 enableRxAndDisableTx; communicationType 00"],
  [
    "request",
    "280501000a",
    "controlType 05 enableRxAndTxWithEnhancedAddressInformation; communicationType 01; nodeIdentificationNumber 000A",
  ],
  ["response", "6801", "controlType 01 enableRxAndDisableTx"],
  ["request", "2900", "[deAuthenticate] "],
  ["response", "690010", "[deAuthenticate] authenticationReturnParameter 10 deAuthenticationSuccessful"],
  [
    "request",
    "29010000044345525400024343",
    "[verifyCertificateUnidirectional] communicationConfiguration 00; certificateClient 43455254; challengeClient 4343",
  ],
  [
    "request",
    "29020000044345525400024343",
    "[verifyCertificateBidirectional] communicationConfiguration 00; certificateClient 43455254; challengeClient 4343",
  ],
  [
    "request",
    "2903000550524f4f46000345504b",
    "[proofOfOwnership] proofOfOwnershipClient 50524f4f46; ephemeralPublicKeyClient 45504b",
  ],
  ["request", "29041234000444415441", "[transmitCertificate] certificateEvaluationId 1234; certificateData 44415441"],
  [
    "request",
    `290501${INDICATOR}`,
    `[requestChallengeForAuthentication] communicationConfiguration 01; algorithmIndicator ${INDICATOR}`,
  ],
  [
    "request",
    `2906${INDICATOR}000550524f4f460002434300024150`,
    `[verifyProofOfOwnershipUnidirectional] algorithmIndicator ${INDICATOR}; proofOfOwnershipClient 50524f4f46; challengeClient 4343; additionalParameter 4150`,
  ],
  [
    "request",
    `2907${INDICATOR}000550524f4f460002434300024150`,
    `[verifyProofOfOwnershipBidirectional] algorithmIndicator ${INDICATOR}; proofOfOwnershipClient 50524f4f46; challengeClient 4343; additionalParameter 4150`,
  ],
  ["request", "2908", "[authenticationConfiguration] "],
  [
    "response",
    "69011100024353000345504b",
    "[verifyCertificateUnidirectional] authenticationReturnParameter 11 certificateVerifiedOwnershipVerificationNecessary; challengeServer 4353; ephemeralPublicKeyServer 45504b",
  ],
  [
    "response",
    "690211000243530004434552540002504f000345504b",
    "[verifyCertificateBidirectional] authenticationReturnParameter 11 certificateVerifiedOwnershipVerificationNecessary; challengeServer 4353; certificateServer 43455254; proofOfOwnershipServer 504f; ephemeralPublicKeyServer 45504b",
  ],
  [
    "response",
    "6903120003534b49",
    "[proofOfOwnership] authenticationReturnParameter 12 ownershipVerifiedAuthenticationComplete; sessionKeyInfo 534b49",
  ],
  [
    "response",
    `690500${INDICATOR}0002435300034e4150`,
    `[requestChallengeForAuthentication] authenticationReturnParameter 00 requestAccepted; algorithmIndicator ${INDICATOR}; challengeServer 4353; neededAdditionalParameter 4e4150`,
  ],
  [
    "response",
    `690612${INDICATOR}0003534b49`,
    `[verifyProofOfOwnershipUnidirectional] authenticationReturnParameter 12 ownershipVerifiedAuthenticationComplete; algorithmIndicator ${INDICATOR}; sessionKeyInfo 534b49`,
  ],
  [
    "response",
    `690712${INDICATOR}0002504f0003534b49`,
    `[verifyProofOfOwnershipBidirectional] authenticationReturnParameter 12 ownershipVerifiedAuthenticationComplete; algorithmIndicator ${INDICATOR}; proofOfOwnershipServer 504f; sessionKeyInfo 534b49`,
  ],
  ["request", "2ef1904142", "dataIdentifier F190 VIN; dataRecord 4142"],
  ["response", "6ef190", "dataIdentifier F190 VIN"],
  [
    "request",
    "2f9b00033c",
    "dataIdentifier 9B00; inputOutputControlParameter 03 shortTermAdjustment; controlStateAndEnableMask 3c",
  ],
  [
    "response",
    "6f9b00033c",
    "dataIdentifier 9B00; inputOutputControlParameter 03 shortTermAdjustment; controlState 3c",
  ],
  ["request", "3101020101", "routineControlType 01 start; routineIdentifier 0201; routineControlOptionRecord 01"],
  ["response", "71010201", "routineControlType 01 start; routineIdentifier 0201"],
  ["request", "34113360200000ffff", "dataFormatIdentifier 11; memoryAddress 602000; memorySize 65535"],
  ["response", "742081", "malformed: maxNumberOfBlockLength: 1 bytes, 2 wanted"],
  ["response", "742003e9", "maxNumberOfBlockLength 1001"],
  ["request", "3511332010000001ff", "dataFormatIdentifier 11; memoryAddress 201000; memorySize 511"],
  ["request", "36014142", "blockSequenceCounter 01; transferParameterRecord 4142"],
  ["response", "7601", "blockSequenceCounter 01"],
  ["request", "37", ""],
  ["response", "77", ""],
  [
    "request",
    "3801000a443a5c6d61702e6a61721102c3507530",
    "[addFile] filePathAndName 443a5c6d61702e6a6172; dataFormatIdentifier 11; fileSize 50000, compressed 30000",
  ],
  ["request", "3802000a443a5c6d61702e6a6172", "[deleteFile] filePathAndName 443a5c6d61702e6a6172"],
  [
    "request",
    "3804000a443a5c6d61702e6a617211",
    "[readFile] filePathAndName 443a5c6d61702e6a6172; dataFormatIdentifier 11",
  ],
  ["request", "3805000a443a5c6d61702e6a6172", "[readDirectory] filePathAndName 443a5c6d61702e6a6172"],
  ["response", "780102c35011", "[addFile] maxNumberOfBlockLength 50000; dataFormatIdentifier 11"],
  ["response", "7802", "[deleteFile] "],
  [
    "response",
    "780402c350110002c3507530",
    "[readFile] maxNumberOfBlockLength 50000; dataFormatIdentifier 11; fileSize 50000, compressed 30000",
  ],
  [
    "response",
    "780502c350110002c350",
    "[readDirectory] maxNumberOfBlockLength 50000; dataFormatIdentifier 11; dirInfoLength 50000",
  ],
  ["request", "3d12204802008c", "memoryAddress 2048; memorySize 2; dataRecord 008c"],
  ["response", "7d12204802", "memoryAddress 2048; memorySize 2"],
  ["request", "3e00", "zeroSubFunction 00"],
  [
    "request",
    "8400010100020003223344aabb",
    "administrativeParameter 0001; signatureEncryptionCalculation 01; antiReplayCounter 3; internal message 223344; signature aabb",
  ],
  ["request", "8502ffffff", "DTCSettingType 02 off; DTCSettingControlOptionRecord ffffff"],
  ["response", "c502", "DTCSettingType 02 off"],
];

const text = (direction: "request" | "response", hex: string): string => {
  const { subFunction, parameters, malformed } = describeUds(direction, fromHex(hex));
  if (malformed !== undefined) return `malformed: ${malformed}`;
  const shown = parameters.map(({ name, value }) => `${name} ${value}`).join("; ");
  return subFunction === undefined ? shown : `[${subFunction}] ${shown}`;
};

describe("messages of ISO 14229-1", () => {
  it.each(GOLDEN)("%s %s", (direction, hex, expected) => {
    expect(text(direction, hex)).toBe(expected);
    if (expected.startsWith("malformed")) return;
    const bytes = fromHex(hex);
    const [first = 0, second] = bytes;
    const layout = layoutOf(direction === "request" ? first : first - 0x40, second);
    expect(layout).toBeDefined();
    if (layout === undefined) return;
    const at = layout.sub === undefined ? 1 : 2;
    expect(toHex(encode(layout[direction], decode(layout[direction], bytes, at)))).toBe(hex.slice(2 * at));
  });

  it("have a row for every service that the client is to know", () => {
    const sids = "10 11 14 19 22 23 27 28 29 2e 2f 31 34 35 36 37 38 3d 3e 84 85".split(" ");
    for (const sid of sids) expect(layoutOf(Number.parseInt(sid, 16), 0x01), sid).toBeDefined();
  });

  it("are encoded from values by name", () => {
    const area = { address: 0x10000000, size: 6 };
    expect(toHex(encodeRequest(UDS.requestUpload, { dataFormatIdentifier: 0, memoryArea: area }))).toBe(
      "3500441000000000000006",
    );
    const fileSize = { uncompressed: 70_000, compressed: 1 };
    const file = { filePathAndName: fromHex("2f61"), dataFormatIdentifier: 0, fileSize };
    expect(toHex(encodeRequest(UDS.resumeFile, file))).toBe("380600022f610003011170000001");
  });

  it("refuse a value that its field cannot hold", () => {
    const request = { dataIdentifier: 0x1_0000, dataRecord: fromHex("00") };
    expect(() => encodeRequest(UDS.writeDataByIdentifier, request)).toThrow(RangeError);
    const area = { address: 0x1_0000, size: 1, addressBytes: 2 };
    expect(() => encodeRequest(UDS.readMemoryByAddress, { memoryArea: area })).toThrow(RangeError);
  });

  it.each([
    ["diagnosticSessionControl", "5003"],
    ["diagnosticSessionControl", "5003003201f400"],
    ["ecuReset", "51010000"],
    ["readDataByIdentifier", "62f190"],
    ["requestDownload", "7401"],
    ["writeMemoryByAddress", "7d0020"],
    ["securedDataTransmission", "c4000101ffff00032233"],
  ] as const)("a %s response %s is unexpected", (name, hex) => {
    expect(() => decodeResponse<(typeof UDS)[typeof name]["response"]>(UDS[name], fromHex(hex))).toThrow(
      expect.objectContaining({ code: "UDS_UNEXPECTED_RESPONSE" }),
    );
  });
});

describe("any bytes whatever", () => {
  it("are described without an exception, and what is read is written back as it was", () => {
    const direction = fc.constantFrom("request" as const, "response" as const);
    const sid = fc.oneof(
      fc.constantFrom(...[...GOLDEN.map(([, hex]) => Number.parseInt(hex.slice(0, 2), 16)), 0x7f]),
      fc.nat(255),
    );
    const message = fc
      .tuple(sid, fc.uint8Array({ maxLength: 40 }))
      .map(([first, rest]) => Uint8Array.from([first, ...rest]));
    fc.assert(
      fc.property(direction, message, (which, bytes) => {
        const described = describeUds(which, bytes);
        expect(["request", "positive", "negative", "unknown"]).toContain(described.kind);
        const [first = 0, second] = bytes;
        const layout = layoutOf(which === "request" ? first : first - 0x40, second);
        if (layout === undefined || described.malformed !== undefined || described.kind === "negative") return;
        const at = layout.sub === undefined ? 1 : 2;
        const values = decode(layout[which], bytes, at);
        const written = encode(layout[which], values);
        // A number in more bytes than it needs is written shorter; what is read again is the same.
        expect(decode(layout[which], Uint8Array.from([...bytes.subarray(0, at), ...written]), at)).toEqual(values);
      }),
      { numRuns: 2_000 },
    );
  });
});
