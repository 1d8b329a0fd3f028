import { expect, it } from "vitest";
import { isoTpRows } from "../../../src/cli/bench/isotp.js";

it("measures ISO-TP with and without a bus behind the link against raw frames on the same link", async () => {
  const rows = await isoTpRows(1);
  const names = rows.map(({ name }) => name).filter((name) => !name.includes("pty"));
  expect(names).toEqual([
    "ISO-TP over the virtual bus, a bus of 1 Mbit/s behind it",
    "ISO-TP over slcan on TCP, a bus of 1 Mbit/s behind it",
    "ISO-TP over the virtual bus, no bus behind it",
    "ISO-TP over slcan on TCP, no bus behind it",
  ]);
  for (const { name, value, limit = 0, ratio = 0 } of rows) {
    expect(value).toBeGreaterThan(0);
    expect(ratio).toBeGreaterThan(0);
    if (name.includes("no bus")) continue;
    // No bus of 1 Mbit/s carries more than 8 bytes in 111 bits; a busy machine less.
    expect(value).toBeLessThan(80_000);
    expect(limit).toBeLessThan(80_000);
  }
});
