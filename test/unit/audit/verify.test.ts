import { describe, expect, it } from "vitest";
import { type FoundRow, verifyChain } from "../../../src/audit/verify.js";
import { type Chain, chainOf, chainStore, rehashed } from "./helpers.js";

const COUNT = 12;
const honest = async (): Promise<Chain> => chainOf(await chainStore(COUNT - 1));
const judge = async (rows: Iterable<FoundRow>, { head }: Chain, kept: Chain["head"][] = []) =>
  (await verifyChain({ rows, head, kept: kept.map((own) => ({ ...own, where: "the safe" })) })).bad;
const numbers = Array.from({ length: COUNT }, (_, i) => i + 1);

describe("a chain that nobody touched", () => {
  it("holds to its head", async () => {
    const chain = await honest();
    expect(await verifyChain({ ...chain, kept: [] })).toEqual({ rows: COUNT, head: chain.head, bad: undefined });
  });

  it("holds against every head that it ever had", async () => {
    const chain = await honest();
    const heads = chain.rows.map((row) => ({ seq: Number(row.seq), hash: String(row.hash) }));
    expect(await judge(chain.rows, chain, heads)).toBeUndefined();
  });
});

describe.each(numbers)("row %i", (row) => {
  const columns = ["at", "actor", "action", "subject", "outcome", "details", "hash"] as const;

  it.each(columns)("is named when its %s was changed", async (column) => {
    const chain = await honest();
    const others: Record<string, unknown[]> = {
      at: [Number(chain.rows[row - 1]?.at) + 1, "1000", null, 1.5, new Uint8Array(8)],
      hash: ["0".repeat(64), String(chain.rows[row - 1]?.hash).toUpperCase(), "", null, 5],
    };
    for (const value of others[column] ?? ["other", "", null, 5, new Uint8Array(3), "\ud800"]) {
      const rows = chain.rows.with(row - 1, { ...chain.rows[row - 1], [column]: value });
      expect(await judge(rows, chain)).toMatchObject({ row, fault: "changed" });
    }
  });

  it("is named when it was changed and all hashes behind it made anew", async () => {
    const chain = await honest();
    const rows = rehashed(chain.rows.with(row - 1, { ...chain.rows[row - 1], outcome: "refused" }), row);
    // The rows agree among themselves; the store's head does not.
    expect(await judge(rows, chain)).toMatchObject({ row: COUNT, fault: "changed" });
    // With its head made anew too, a head kept elsewhere shows it.
    const last = rows.at(-1);
    const forged = { rows, head: { seq: COUNT, hash: String(last?.hash) } };
    expect(await judge(rows, forged)).toBeUndefined();
    const kept = { seq: row, hash: String(chain.rows[row - 1]?.hash) };
    expect(await judge(rows, forged, [kept])).toMatchObject({ row, fault: "changed" });
  });

  it("is named when it was taken out", async () => {
    const chain = await honest();
    const fault = row === COUNT ? "truncated" : "missing";
    expect(await judge(chain.rows.toSpliced(row - 1, 1), chain)).toMatchObject({ row, fault });
  });

  it("is named when it was taken out and those behind it moved up", async () => {
    const chain = await honest();
    const rows = chain.rows.toSpliced(row - 1, 1).map((found, i) => ({ ...found, seq: i + 1 }));
    expect((await judge(rows, chain))?.row).toBe(row);
  });

  it("is named when all from it on were cut off", async () => {
    const chain = await honest();
    expect(await judge(chain.rows.slice(0, row - 1), chain)).toMatchObject({ row, fault: "truncated" });
  });

  it("is named when all from it on were cut off and the store's head put back", async () => {
    const chain = await honest();
    const rows = chain.rows.slice(0, row - 1);
    const cut = { rows, head: { seq: row - 1, hash: String(rows.at(-1)?.hash ?? "0".repeat(64)) } };
    expect(await judge(rows, cut)).toBeUndefined();
    expect(await judge(rows, cut, [chain.head])).toMatchObject({ row, fault: "truncated" });
  });

  it("is named when it changed places with any later one, and where it stands now", async () => {
    const chain = await honest();
    for (const other of numbers.filter((number) => number > row)) {
      const swapped = chain.rows
        .with(row - 1, { ...chain.rows[other - 1], seq: row })
        .with(other - 1, { ...chain.rows[row - 1], seq: other });
      expect(await judge(swapped, chain)).toEqual({ row, fault: "reordered", what: `stands as row ${other}` });
    }
  });

  it("is named with its place when it and another one changed places in an exported log", async () => {
    const chain = await honest();
    for (const other of numbers.filter((number) => number > row)) {
      const swapped = chain.rows.with(row - 1, chain.rows[other - 1] ?? {}).with(other - 1, chain.rows[row - 1] ?? {});
      expect(await judge(swapped, chain)).toEqual({
        row,
        fault: "reordered",
        what: `stands in the place of row ${other}`,
      });
    }
  });

  it("is named when a row was put before it, in whatever way", async () => {
    const chain = await honest();
    const forged = { ...chain.rows[row - 1], subject: "cn=forged" };
    const moved = chain.rows.map((found, i) => (i < row - 1 ? found : { ...found, seq: i + 2 }));
    const between = moved.toSpliced(row - 1, 0, { ...forged, seq: row });
    expect((await judge(between, chain))?.row).toBe(row);
    expect((await judge(chain.rows.toSpliced(row - 1, 0, forged), chain))?.row).toBe(row);
    // Hashes made anew agree among themselves; what gives them away is the head behind them.
    expect(await judge(rehashed(between, row), chain)).toMatchObject({ row: COUNT, fault: "changed" });
  });
});

describe("a row that was appended", () => {
  it.each([
    ["with a hash that fits", COUNT + 1, true],
    ["with another hash", COUNT + 1, false],
    ["with a number further on", COUNT + 5, false],
  ])("%s is named: the head does not know it", async (_, seq, fits) => {
    const chain = await honest();
    const rows = [...chain.rows, { ...chain.rows[3], seq }];
    const bad = await judge(fits ? rehashed(rows, COUNT + 1) : rows, chain);
    expect(bad).toMatchObject({ row: seq, fault: "forged" });
  });

  it("has a number of its own: a second row of one number is noticed", async () => {
    const chain = await honest();
    expect(await judge([...chain.rows, chain.rows[3] ?? {}], chain)).toMatchObject({ fault: "forged" });
    expect(await judge(chain.rows.toSpliced(4, 0, chain.rows[3] ?? {}), chain)).toMatchObject({ row: 5 });
  });
});

describe("what cannot be read", () => {
  it("is named by the row at which reading ended", async () => {
    const chain = await honest();
    function* torn() {
      yield* chain.rows.slice(0, 4);
      throw new Error("database disk image is malformed");
    }
    expect(await judge(torn(), chain)).toEqual({
      row: 5,
      fault: "unreadable",
      what: "cannot be read: database disk image is malformed",
    });
  });

  it("is a chain without its head", async () => {
    const chain = await honest();
    const bad = (await verifyChain({ rows: chain.rows, head: undefined, kept: [] })).bad;
    expect(bad).toMatchObject({ row: COUNT + 1, fault: "head" });
  });
});
