import { describe, expect, it } from "vitest";
import { AUTHENTICATION } from "../../../../src/ecu/uds/tables/authentication.js";
import { READ_DTC } from "../../../../src/ecu/uds/tables/dtc.js";
import { decode, encode, type Fields } from "../../../../src/ecu/uds/tables/fields.js";
import { layoutOf, UDS } from "../../../../src/ecu/uds/tables/messages.js";
import { concat, fromHex, toHex } from "../../../../src/shared/bytes.js";

const INDICATOR = "06".repeat(16);

/** A request and its positive response, byte by byte as the tables of ISO 14229-1:2020 lay them out (clause; fields apart). */
const MESSAGES: readonly [clause: string, request: string, response: string][] = [
  ["10.2", "10 03", "50 03 0032 01f4"],
  ["10.3", "11 01", "51 01"],
  ["10.3", "11 04", "51 04 0f"],
  ["10.4", "27 01", "67 01 11223344"],
  ["10.4", "27 02 aabbccdd", "67 02"],
  ["10.5", "28 00 01", "68 00"],
  ["10.5", "28 03 03", "68 03"],
  ["10.5", "28 04 01 000a", "68 04"],
  ["10.5", "28 05 01 000a", "68 05"],
  ["10.6", "29 00", "69 00 10"],
  ["10.6", "29 01 00 0002aabb 0000", "69 01 11 0002ccdd 0000"],
  ["10.6", "29 02 00 0002aabb 0001ee", "69 02 11 0002ccdd 0001aa 0001bb 0000"],
  ["10.6", "29 03 0002aabb 0000", "69 03 12 0000"],
  ["10.6", "29 04 0001 0002aabb", "69 04 13"],
  ["10.6", `29 05 00 ${INDICATOR}`, `69 05 00 ${INDICATOR} 0002ccdd 0000`],
  ["10.6", `29 06 ${INDICATOR} 0001aa 0000 0000`, `69 06 12 ${INDICATOR} 0000`],
  ["10.6", `29 07 ${INDICATOR} 0001aa 0001bb 0000`, `69 07 12 ${INDICATOR} 0001cc 0000`],
  ["10.6", "29 08", "69 08 02"],
  ["10.7", "3e 00", "7e 00"],
  ["10.8", "85 01", "c5 01"],
  ["10.8", "85 02 ffffff", "c5 02"],
  ["11.2", "22 f190 f187", "62 f190 41424344"],
  ["11.3", "23 24 20481392 0103", "63 00112233"],
  ["11.7", "2e f190 4142", "6e f190"],
  ["11.8", "3d 12 2048 02 008c", "7d 12 2048 02"],
  ["12.2", "14 ffffff", "54"],
  ["12.2", "14 ffffff 01", "54"],
  ["12.3", "19 01 2f", "59 01 2f 01 0001"],
  ["12.3", "19 02 84", "59 02 7f 0a9b1724"],
  ["12.3", "19 03", "59 03 12345601 12345602"],
  ["12.3", "19 04 123456 02", "59 04 123456 24 02 01 4711 a66607"],
  ["12.3", "19 05 02", "59 05 02 123456 24 01 4711 a6"],
  ["12.3", "19 06 123456 05", "59 06 123456 24 05 17 79"],
  ["12.3", "19 07 80 2f", "59 07 2f 01 0001"],
  ["12.3", "19 08 c0 01", "59 08 7f 4010080511 2f"],
  ["12.3", "19 09 080511", "59 09 7f 4010080511 2f"],
  ["12.3", "19 0a", "59 0a 7f 12345624 23450500 abcd012f"],
  ["12.3", "19 0b", "59 0b ff 12345626"],
  ["12.3", "19 0c", "59 0c ff 12345626"],
  ["12.3", "19 0d", "59 0d ff 12345626"],
  ["12.3", "19 0e", "59 0e ff 12345626"],
  ["12.3", "19 14", "59 14 08051160"],
  ["12.3", "19 15", "59 15 ff 12345626"],
  ["12.3", "19 16 05", "59 16 05 123456 24 17 79"],
  ["12.3", "19 17 84 18", "59 17 18 7f 12345624"],
  ["12.3", "19 18 123456 06 18", "59 18 18 123456 24 06 01 4711 a6"],
  ["12.3", "19 19 123456 05 18", "59 19 18 123456 24 05 17 79"],
  ["12.3", "19 1a 91", "59 1a ff 91 12345624"],
  ["12.3", "19 42 33 08 ff", "59 42 33 ff ff 04 20123456 08"],
  ["12.3", "19 55 33", "59 55 33 ff 04 12345608"],
  ["12.3", "19 56 33 01", "59 56 33 ff 04 01 12345608"],
  ["13.2", "2f 9b00 03 3c", "6f 9b00 03 0c"],
  ["13.2", "2f 9b00 00", "6f 9b00 00 3c"],
  ["14.2", "31 01 0201 aa", "71 01 0201 32 33"],
  ["14.2", "31 03 0201", "71 03 0201 30"],
  ["15.2", "34 11 33 602000 00ffff", "74 20 0f81"],
  ["15.3", "35 11 33 201000 0001ff", "75 20 0f81"],
  ["15.4", "36 01 aabbcc", "76 01"],
  ["15.4", "36 05", "76 05 aabb"],
  ["15.5", "37", "77"],
  ["15.6", "38 01 0003 2f6162 11 02 c350 7530", "78 01 02 c350 11"],
  ["15.6", "38 02 0003 2f6162", "78 02"],
  ["15.6", "38 03 0003 2f6162 11 02 c350 7530", "78 03 02 c350 11"],
  ["15.6", "38 04 0003 2f6162 11", "78 04 02 c350 11 0002 c350 7530"],
  ["15.6", "38 05 0002 2f61", "78 05 02 c350 00 0002 c350"],
  ["15.6", "38 06 0003 2f6162 11 02 c350 7530", "78 06 02 c350 11 0000000000001000"],
  ["16.2", "84 0001 02 0002 0102 22f190 beef", "c4 0001 02 0002 0103 62f19041 beef"],
];

const bytes = (text: string): Uint8Array => fromHex(text.replaceAll(" ", ""));

function layout(sid: number, message: Uint8Array) {
  const second = message[1];
  const found = layoutOf(sid, second);
  if (found === undefined) throw new Error(`no row for ${toHex(message)}`);
  return found;
}

/** What is read from a message, written again. */
function again(fields: Fields, message: Uint8Array, sub: number | undefined): string {
  const at = sub === undefined ? 1 : 2;
  return toHex(concat(message.subarray(0, at), encode(fields, decode(fields, message, at))));
}

describe("the messages of every service", () => {
  it.each(MESSAGES)("§%s: %s and %s are read, and written as they were", (_, request, response) => {
    const [asked, answered] = [bytes(request), bytes(response)];
    const sid = asked[0] ?? 0;
    expect(answered[0]).toBe(sid + 0x40);
    const row = layout(sid, asked);
    expect(again(row.request, asked, row.sub)).toBe(toHex(asked));
    expect(again(row.response, answered, row.sub)).toBe(toHex(answered));
  });

  it("stand for every row of the tables, and for no other service", () => {
    const rows = [...Object.values(UDS), ...Object.values(READ_DTC), ...Object.values(AUTHENTICATION)];
    const shown = new Set(MESSAGES.map(([, request]) => layout(bytes(request)[0] ?? 0, bytes(request))));
    expect(rows.filter((row) => !shown.has(row))).toEqual([]);
    const sids = [...new Set(rows.map(({ sid }) => sid))].sort((a, b) => a - b).map((sid) => sid.toString(16));
    expect(sids.join(" ")).toBe("10 11 14 19 22 23 27 28 29 2e 2f 31 34 35 36 37 38 3d 3e 84 85");
  });

  it("give the values of the standard's fields", () => {
    const secured = bytes("84 0001 02 0002 0102 22f190 beef");
    expect(decode(UDS.securedDataTransmission.request, secured, 1)).toEqual({
      administrativeParameter: 0x0001,
      signatureEncryptionCalculation: 0x02,
      securedMessage: { antiReplayCounter: 0x0102, message: bytes("22f190"), signature: bytes("beef") },
    });
    const resumed = bytes("78 06 02 c350 11 0000000000001000");
    expect(decode(UDS.resumeFile.response, resumed, 2)).toMatchObject({
      maxNumberOfBlockLength: 0xc350,
      dataFormatIdentifier: 0x11,
    });
    const supported = bytes("59 0a 7f 12345624 23450500");
    expect(decode(READ_DTC.reportSupportedDTC.response, supported, 2)).toEqual({
      DTCStatusAvailabilityMask: 0x7f,
      DTCAndStatusRecord: [
        { DTC: 0x123456, statusOfDTC: 0x24 },
        { DTC: 0x234505, statusOfDTC: 0x00 },
      ],
    });
    const memory = bytes("7d 12 2048 02");
    expect(decode(UDS.writeMemoryByAddress.response, memory, 1)).toMatchObject({
      memoryArea: { address: 0x2048, size: 2, addressBytes: 2, sizeBytes: 1 },
    });
  });
});
