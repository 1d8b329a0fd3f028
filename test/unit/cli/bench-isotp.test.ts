import { expect, it } from "vitest";
import { isoTpRows } from "../../../src/cli/bench/isotp.js";

it("measures ISO-TP on the virtual bus and over TCP against raw frames on the same link", async () => {
  const rows = await isoTpRows(1);
  expect(rows.slice(0, 2).map(({ name }) => name)).toEqual([
    "ISO-TP over the virtual bus, 1 Mbit/s",
    "ISO-TP over slcan on TCP, 1 Mbit/s",
  ]);
  for (const { value, limit = 0, ratio = 0 } of rows) {
    // No bus of 1 Mbit/s carries more than 8 bytes in 111 bits; a busy machine less.
    expect(value).toBeGreaterThan(0);
    expect(value).toBeLessThan(80_000);
    expect(limit).toBeLessThan(80_000);
    expect(ratio).toBeGreaterThan(0);
  }
});
