import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressBytes, inRange, isLoopback, networkOf, parseRange } from "../../../../src/servers/http/ranges.js";

function contains(range: string, address: string): boolean {
  const parsed = parseRange(range);
  if (typeof parsed === "string") throw new Error(`${range} ${parsed}`);
  const bytes = addressBytes(address);
  return bytes !== undefined && inRange(parsed, bytes);
}

/** An IPv4 address as a number, and back. */
const v4 = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
/** An IPv6 address in full. */
const v6 = (value: bigint) =>
  Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(":");

describe("a range of addresses", () => {
  it("of IPv4 holds exactly the addresses with its prefix", () => {
    const number = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(number, fc.integer({ min: 0, max: 32 }), number, fc.boolean(), (base, prefix, other, near) => {
        const size = 2 ** (32 - prefix);
        const first = Math.floor(base / size) * size;
        const address = near ? first + (other % size) : other;
        expect(contains(`${v4(first)}/${prefix}`, v4(address))).toBe(address >= first && address < first + size);
      }),
    );
  });

  it("of IPv6 holds exactly the addresses with its prefix", () => {
    const number = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
    fc.assert(
      fc.property(number, fc.integer({ min: 0, max: 128 }), number, fc.boolean(), (base, prefix, other, near) => {
        const size = 2n ** BigInt(128 - prefix);
        const first = (base / size) * size;
        const address = near ? first + (other % size) : other;
        // Mapped ones are IPv4.
        fc.pre(address >> 32n !== 0xffffn && first >> 32n !== 0xffffn);
        expect(contains(`${v6(first)}/${prefix}`, v6(address))).toBe(address >= first && address < first + size);
      }),
    );
  });

  it("counts IPv4-mapped IPv6 addresses as IPv4, on both sides", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 32 }), (address, prefix) => {
        const size = 2 ** (32 - prefix);
        const first = v4(Math.floor(address / size) * size);
        expect(contains(`${first}/${prefix}`, `::ffff:${v4(address)}`)).toBe(true);
        expect(contains(`::ffff:${first}/${96 + prefix}`, v4(address))).toBe(true);
      }),
    );
    expect(contains("::/0", "10.0.0.1")).toBe(false);
    expect(contains("0.0.0.0/0", "2001:db8::1")).toBe(false);
  });

  it.each([
    ["10.20.3.7", "10.20.3.7", true],
    ["10.20.3.7", "10.20.3.8", false],
    ["2001:db8::7", "2001:DB8:0:0::7", true],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::ffff:10.0.0.0/104", "10.255.0.1", true],
  ])("%s and %s: %s", (range, address, expected) => expect(contains(range, address)).toBe(expected));

  it.each([
    ["", /no IP address/],
    ["plant.example", /no IP address/],
    ["10.0.0/8", /no IP address/],
    ["010.0.0.0/8", /no IP address/],
    ["10.0.0.0/8/8", /no IP address/],
    ["fe80::1%eth0", /no IP address/],
    ["10.0.0.0/33", /no prefix length \(expected 0–32/],
    ["10.0.0.0/", /no prefix length/],
    ["10.0.0.0/08", /no prefix length/],
    ["10.0.0.0/+8", /no prefix length/],
    ["2001:db8::/129", /no prefix length \(expected 0–128/],
    ["10.0.0.1/8", /bits set behind its prefix of 8/],
    ["2001:db8::1/32", /bits set behind its prefix of 32/],
  ])("%j is none, and it is told why", (text, why) => expect(parseRange(text)).toMatch(why));

  it("is read from any text without an exception", () => {
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789abcdef:./%"), maxLength: 50 });
    fc.assert(
      fc.property(fc.oneof(fc.string(), digits, fc.ipV4(), fc.ipV6()), (text) => {
        const range = parseRange(text);
        // Whatever is a range holds its own first address.
        if (typeof range !== "string") expect(inRange(range, range.bytes)).toBe(true);
      }),
    );
  });
});

it.each([
  ["127.0.0.1", true],
  ["127.8.9.10", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["localhost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.1", false],
  ["127.plant.example", false],
])("%s reaches this machine alone: %s", (host, expected) => expect(isLoopback(host)).toBe(expected));

it("one client is an IPv4 address or an IPv6 /64", () => {
  expect(networkOf("2001:db8::1")).toBe(networkOf("2001:db8::ffff:0:0:1"));
  expect(networkOf("2001:db8::1")).not.toBe(networkOf("2001:db8:0:1::1"));
  expect(networkOf("10.0.0.1")).not.toBe(networkOf("10.0.0.2"));
  expect(networkOf("::ffff:10.0.0.1")).toBe(networkOf("10.0.0.1"));
});
