import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AuditRow, encodeRow, GENESIS, hashRow, rowOf, TEXT_COLUMNS } from "../../../src/audit/row.js";
import { entry } from "./helpers.js";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  // Texts whose borders could be mistaken: their lengths and bytes are those of a neighbour.
  fc.constantFrom("", "a", "aa", "\u0000", "\u0000\u0000\u0000\u0001a", "\u0001", "é", "e\u0301", "\ufffd"),
);
const number = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.maxSafeInteger());
const row: fc.Arbitrary<AuditRow> = fc.record({
  seq: number,
  at: number,
  actor: text,
  action: text,
  subject: text,
  outcome: text,
  details: text,
});
const same = (a: AuditRow, b: AuditRow) =>
  a.seq === b.seq && a.at === b.at && TEXT_COLUMNS.every((name) => a[name] === b[name]);

describe("the encoding of a row", () => {
  it("is the same for the same row alone", () => {
    fc.assert(
      fc.property(row, row, (a, b) => {
        expect(Buffer.from(encodeRow(a)).equals(Buffer.from(encodeRow(b)))).toBe(same(a, b));
      }),
      { numRuns: 5_000 },
    );
  });

  it("tells a text from the same characters shared out otherwise over the columns", () => {
    fc.assert(
      fc.property(row, fc.string({ unit: "binary", minLength: 1, maxLength: 8 }), fc.nat(), (base, moved, at) => {
        const cut = at % (moved.length + 1);
        if (/\p{Surrogate}/u.test(moved.slice(0, cut)) || /\p{Surrogate}/u.test(moved.slice(cut))) return;
        const whole = { ...base, actor: base.actor + moved };
        const split = { ...base, actor: base.actor + moved.slice(0, cut), action: moved.slice(cut) + base.action };
        const equal = Buffer.from(encodeRow(whole)).equals(Buffer.from(encodeRow(split)));
        expect(equal).toBe(same(whole, split));
      }),
      { numRuns: 2_000 },
    );
  });

  it("can be read back, so nothing of the row is lost in it", () => {
    fc.assert(
      fc.property(row, (given) => {
        const bytes = Buffer.from(encodeRow(given));
        const start = "ecustation audit 1\0".length;
        expect(bytes.toString("ascii", 0, start)).toBe("ecustation audit 1\0");
        let at = start + 16;
        const texts = TEXT_COLUMNS.map((name) => {
          const length = bytes.readUInt32BE(at);
          at += 4 + length;
          return [name, bytes.toString("utf8", at - length, at)];
        });
        expect(at).toBe(bytes.length);
        const read = {
          seq: Number(bytes.readBigInt64BE(start)),
          at: Number(bytes.readBigInt64BE(start + 8)),
          ...Object.fromEntries(texts),
        };
        expect(read).toEqual(given);
      }),
    );
  });

  it("is refused for half a surrogate pair, which has no UTF-8 of its own", () => {
    expect(() => encodeRow({ ...rowOf(1, entry(1)), subject: "\ud800" })).toThrow(RangeError);
  });
});

describe("the hash of a row", () => {
  it("is SHA-256 over the former hash and the encoding", () => {
    const given: AuditRow = { seq: 2, at: 258, actor: "a", action: "é", subject: "", outcome: "ok", details: "{}" };
    const bytes = Buffer.from(
      `${Buffer.from("ecustation audit 1\0").toString("hex")}00000000000000020000000000000102` +
        "0000000161" +
        "00000002c3a9" +
        "00000000" +
        "000000026f6b" +
        "000000027b7d",
      "hex",
    );
    const former = "ab".repeat(32);
    const digest = createHash("sha256").update(Buffer.from(former, "hex")).update(bytes).digest("hex");
    expect(hashRow(former, given)).toBe(digest);
    expect(hashRow(GENESIS.hash, given)).not.toBe(digest);
  });
});

describe("the row of an entry", () => {
  it("has no control characters, no halves of surrogate pairs and no endless texts", () => {
    const made = rowOf(7, entry(1, { actor: "a\u0000b\nc\ud800", subject: "x".repeat(2_000), at: 5.9 }));
    expect(made).toMatchObject({ seq: 7, at: 5, actor: "a\ufffdb\ufffdc\ufffd" });
    expect(made.subject).toHaveLength(500);
  });

  it("can be stored and hashed whatever the entry holds", () => {
    const any = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength: 20 });
    fc.assert(
      fc.property(any, any, fc.jsonValue(), (actor, subject, value) => {
        const made = rowOf(1, entry(1, { actor, subject, details: { value } }));
        expect(hashRow(GENESIS.hash, made)).toMatch(/^[0-9a-f]{64}$/);
        expect(JSON.parse(made.details)).toEqual(JSON.parse(JSON.stringify({ value })));
      }),
    );
  });
});
