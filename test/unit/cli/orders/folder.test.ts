import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { folderOrders } from "../../../../src/cli/orders/folder.js";
import { systemClock, VirtualClock } from "../../../../src/shared/clock.js";
import type { OrderSource } from "../../../../src/station/ports.js";
import { keysProfile } from "../../station/fakes.js";

const VIN = "KMHC851CFLU061234";
const PROFILE = keysProfile();
const going = new AbortController().signal;

let path: string;
let orders: OrderSource;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "orders-"));
  orders = folderOrders({ path, key: "vin", timeout: 5_000 }, systemClock);
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(path, { recursive: true, force: true });
});

/** Another way of the file system, as the program sees it. */
function replace(name: "open" | "rename", way: (...args: readonly string[]) => Promise<unknown>): void {
  vi.spyOn(fs, name).mockImplementation(way as never);
  syncBuiltinESMExports();
}

const at = (...names: string[]) => join(path, ...names);
const text = (pcid: string) => JSON.stringify({ schema: 1, inputs: { pcid } });
const ask = (vin = VIN) => orders.orderFor(PROFILE, { vin }, [], going);
const put = (content: string, name = `${VIN}.json`) => writeFileSync(at(name), content);
const write = (format: "json" | "csv", value: string) =>
  put(format === "json" ? text(value) : `pcid\n${value}\n`, `${VIN}.${format}`);
const EITHER = [
  ["json", "csv"],
  ["csv", "json"],
] as const;
const pcid = async () => (await ask())?.inputs.pcid;

describe("a folder of orders", () => {
  it("gives the unit's order, and keeps it in taken for the unit's next run", async () => {
    put(text("A"));
    expect(await ask()).toEqual({ source: at("taken", `${VIN}.json`), inputs: { pcid: "A" } });
    expect(readdirSync(path)).toEqual(["taken"]);
    expect(await pcid()).toBe("A");
    expect(await ask("KMHC851CFLU069999")).toBeUndefined();
  });

  it("gives each of many that ask at once the same order, also where taken is not there yet", async () => {
    put(text("A"));
    const bays = Array.from({ length: 8 }, () => folderOrders({ path, key: "vin", timeout: 5_000 }, systemClock));
    const given = await Promise.all(bays.map((bay) => bay.orderFor(PROFILE, { vin: VIN }, [], going)));
    expect(given.map((order) => order?.inputs.pcid)).toEqual(Array(8).fill("A"));
  });

  it.each(EITHER)(
    "gives the order that came later, %s before and %s after, however old it says it is",
    async (former, later) => {
      write(former, "A");
      expect(await pcid()).toBe("A");
      write(later, "B");
      utimesSync(at(`${VIN}.${later}`), 1, 1);
      expect(await pcid()).toBe("B");
      expect(readdirSync(at("taken"))).toEqual([`${VIN}.${later}`]);
      expect(await pcid()).toBe("B");
      write(former, "C");
      utimesSync(at(`${VIN}.${former}`), 1, 1);
      expect(await pcid()).toBe("C");
      write(former, "D");
      expect(await pcid()).toBe("D");
    },
  );

  it.each(EITHER)(
    "gives the newer one of both forms that wait, %s before and %s after, to each that asks",
    async (former, later) => {
      write(former, "A");
      write(later, "B");
      utimesSync(at(`${VIN}.${former}`), 2, 2);
      utimesSync(at(`${VIN}.${later}`), 3, 3);
      expect(await Promise.all(Array.from({ length: 8 }, pcid))).toEqual(Array(8).fill("B"));
      expect(readdirSync(path)).toEqual(["taken"]);
      expect(readdirSync(at("taken"))).toEqual([`${VIN}.${later}`]);
      expect(await pcid()).toBe("B");
    },
  );

  it.each(EITHER)(
    "gives the order that was taken later where a station was stopped in between, %s before and %s after",
    async (former, later) => {
      write(former, "A");
      await pcid();
      await new Promise((resolve) => setTimeout(resolve, 20));
      write(later, "B");
      utimesSync(at(`${VIN}.${later}`), 1, 1);
      await fs.rename(at(`${VIN}.${later}`), at("taken", `${VIN}.${later}`));
      expect(await pcid()).toBe("B");
    },
  );

  it("lets a file that is not finished yet lie under its other name, and takes it when it is renamed", async () => {
    put('{"schema":1,"inp', `.${VIN}.json.part`);
    expect(await ask()).toBeUndefined();
    put(text("A"), `.${VIN}.json.part`);
    await fs.rename(at(`.${VIN}.json.part`), at(`${VIN}.json`));
    expect(await pcid()).toBe("A");
  });

  it.each([
    ["that was written in part", '{"schema":1,"inputs":{"pcid":"A"', /line 1: it is no JSON/],
    ["that is too long", " ".repeat(65_537), /is longer than 65536 bytes/],
    ["that is empty", "", /it is no JSON/],
  ])(
    "puts an order %s into rejected, whole and with the reason, names it there, and takes the corrected one",
    async (_, content, what) => {
      put(content);
      await expect(ask()).rejects.toMatchObject({
        code: "ORDER_INVALID",
        details: { source: at("rejected", `${VIN}.json`), what: expect.stringMatching(what) },
      });
      expect(readFileSync(at("rejected", `${VIN}.json`), "utf8")).toBe(content);
      const reason = readFileSync(at("rejected", `${VIN}.json.reason.txt`), "utf8");
      expect(reason).toMatch(what);
      expect(reason.trimEnd()).not.toContain("\n");
      expect(await ask()).toBeUndefined();
      put(text("A"));
      expect(await pcid()).toBe("A");
    },
  );

  it("tells each of two that ask at once of the order that is not valid", async () => {
    put("{");
    const both = await Promise.allSettled([ask(), ask()]);
    for (const each of both) expect(each).toMatchObject({ status: "rejected", reason: { code: "ORDER_INVALID" } });
    expect(readdirSync(at("rejected")).sort()).toEqual([`${VIN}.json`, `${VIN}.json.reason.txt`]);
  });

  it("has no order where somebody took the file away between the rename and the look into it", async () => {
    put(text("A"));
    const { open } = fs;
    replace("open", (file = "", ...more) => {
      rmSync(file, { force: true });
      return open(file, ...more);
    });
    // The missing inputs are told then.
    expect(await ask()).toBeUndefined();
  });

  it.each(["../secret", ".hidden", "a/b", "", "x".repeat(101)])("is not searched for a unit named %j", async (vin) => {
    writeFileSync(join(path, "..", "secret.json"), text("A"));
    expect(await ask(vin)).toBeUndefined();
    expect(existsSync(at("taken"))).toBe(false);
    rmSync(join(path, "..", "secret.json"));
  });

  it.each([
    ["is not there", () => rmSync(path, { recursive: true }), /ENOENT/],
    ["has a file in place of taken", () => writeFileSync(at("taken"), ""), /ENOTDIR/],
    ["holds a folder of that name", () => mkdirSync(at(`${VIN}.json`)), /EISDIR/],
    ["holds a pipe of that name that nobody writes into", () => execFileSync("mkfifo", [at(`${VIN}.json`)]), /ESPIPE/],
    ["holds a link of that name", () => symlinkSync("/etc/passwd", at(`${VIN}.json`)), /ELOOP/],
  ])("that %s is out of reach", async (_, spoil, what) => {
    spoil();
    await expect(ask()).rejects.toMatchObject({
      code: "ORDERS_UNREACHABLE",
      details: { source: path, what: expect.stringMatching(what) },
    });
  });

  it("on a share that does not answer is out of reach after its limit, and at once when the run is aborted", async () => {
    const clock = new VirtualClock();
    const slow = folderOrders({ path, key: "vin", timeout: 5_000 }, clock);
    // What hangs is asked for where there is a file to take.
    writeFileSync(join(path, `${VIN}.json`), "{}");
    let hanging = 0;
    replace("rename", () => {
      hanging++;
      return new Promise(() => undefined);
    });
    const answer = slow.orderFor(PROFILE, { vin: VIN }, [], going);
    await expect(clock.drive(answer)).rejects.toMatchObject({
      code: "ORDERS_UNREACHABLE",
      details: { source: path, what: "no answer within 5000 ms" },
    });
    const abort = new AbortController();
    const aborted = slow.orderFor(PROFILE, { vin: VIN }, [], abort.signal);
    abort.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    // What both have begun beside their limit is over before the folder goes.
    await vi.waitFor(() => expect(hanging).toBe(2), { timeout: 10_000 });
  });
});
