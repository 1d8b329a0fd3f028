import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ascii, concat, fromHex } from "../../../../src/shared/bytes.js";
import { ran } from "../io-helper.js";

const folder = mkdtempSync(join(tmpdir(), "traces-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function shown(name: string, content: Uint8Array) {
  const file = join(folder, name);
  writeFileSync(file, content);
  const { code, out, err } = await ran(["trace", "show", file]);
  return { code, err: err.replace(file, "FILE"), lines: out.trimEnd().split("\n") };
}

function u32(...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return new Uint8Array(view.buffer);
}

/** Blocks of a big-endian pcapng file. */
const SECTION = u32(0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff, 28);
const described = (linkType: number) => u32(1, 20, linkType * 0x10000, 0, 20);
function packet(of: number, hex: string): Uint8Array {
  const bytes = fromHex(hex.padEnd(Math.ceil(hex.length / 8) * 8, "0"));
  const size = 32 + bytes.length;
  return concat(u32(6, size, of, 0, 1_000_000, hex.length / 2, hex.length / 2), bytes, u32(size));
}
const PRESENT = "000007e008000000" + "023e00cccccccccc";
const ETHERNET = "ffffffffffff0011223344550800450000";

describe("trace show of a capture on all interfaces", () => {
  it("shows the CAN frames and counts the other packets", async () => {
    const packets = [packet(0, ETHERNET), packet(1, PRESENT), packet(0, ETHERNET)];
    const { code, lines } = await shown("two.pcapng", concat(SECTION, described(1), described(227), ...packets));
    expect([code, lines.length]).toEqual([0, 2]);
    expect(lines[0]).toContain("7E0       → 3E TesterPresent");
    expect(lines[1]).toMatch(/1 frames, 1 messages, 0 faults, 2 packets that are no CAN frames$/);
  });

  it.each([
    ["Linux cooked", 113, "0001" + "0118" + "0000" + "0000000000000000", ["000c", "0800"]],
    [
      "Linux cooked v2",
      276,
      "",
      [
        "000c" + "0000" + "00000003" + "01180100" + "0000000000000000",
        "0800" + "0000" + "00000002" + "00010006" + "0000000000000000",
      ],
    ],
  ] as const)("finds them where it is %s", async (_, linkType, before, [can, other]) => {
    const cooked = (protocol: string, payload: string) => packet(0, before + protocol + payload);
    const file = concat(SECTION, described(linkType), cooked(can, PRESENT), cooked(other, "4500"));
    const { code, lines } = await shown(`cooked-${linkType}.pcapng`, file);
    expect([code, lines.length]).toEqual([0, 2]);
    expect(lines[0]).toContain("7E0       → 3E TesterPresent");
    expect(lines[1]).toMatch(/ 0 faults, 1 packets that are no CAN frames$/);
  });
});

describe("trace show of a file with one bad place", () => {
  it("of a text shows what came before it, and its line; exit 2", async () => {
    const good = "(1.000000) can0 7E0#023E00CCCCCCCCCC\n";
    const { code, err, lines } = await shown("bad.log", ascii(`${good}(2.000000) can0 7E0#XY\n${good}`));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("→ 3E TesterPresent");
    expect([code, err]).toEqual([
      2,
      'ecustation: The trace cannot be read: FILE: line 2: "XY" are no data of a frame\n',
    ]);
  });

  it("of a pcapng shows what came before it, and its byte; exit 2", async () => {
    const file = concat(SECTION, described(227), packet(0, PRESENT), u32(6, 13, 0), packet(0, PRESENT));
    const { code, err, lines } = await shown("bad.pcapng", file);
    expect(lines).toHaveLength(1);
    expect([code, err]).toEqual([2, "ecustation: The trace cannot be read: FILE: byte 96: a block of 13 bytes\n"]);
  });
});

it("trace show reads an ASC file with a byte order mark", async () => {
  const text = ascii(
    "date Sat Sep 30 15:06:13.191 2017\nbase hex  timestamps absolute\n 0.1 1  7E0  Rx   d 3 02 3E 00\n",
  );
  const { code, err, lines } = await shown("marked.asc", concat(fromHex("efbbbf"), text));
  expect([code, err]).toEqual([0, ""]);
  expect(lines[0]).toContain("→ 3E TesterPresent");
  expect(lines[1]).toMatch(/^asc, begun 2017-09-30T/);
});
