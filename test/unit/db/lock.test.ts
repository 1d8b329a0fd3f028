import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { withFileLock } from "../../../src/db/lock.js";
import { systemClock, VirtualClock } from "../../../src/shared/clock.js";

const folder = mkdtempSync(join(tmpdir(), "lock-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a file lock", () => {
  it("lets one at a time work, all in the end", async () => {
    let inside = 0;
    let most = 0;
    const work = () =>
      withFileLock(join(folder, "a"), 20_000, systemClock, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      });
    await Promise.all(Array.from({ length: 8 }, work));
    expect(most).toBe(1);
  });

  it("is given back when the work fails, and says so when it is not free in time", async () => {
    const file = join(folder, "b");
    await expect(withFileLock(file, 100, systemClock, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const clock = new VirtualClock();
    await withFileLock(file, 100, clock, async () => {
      const second = withFileLock(file, 100, clock, async () => undefined);
      await expect(clock.drive(second)).rejects.toMatchObject({ code: "STORE_FAILED" });
    });
  });
});
