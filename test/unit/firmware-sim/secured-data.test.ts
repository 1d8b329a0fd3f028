import { afterEach, describe, expect, it } from "vitest";
import { cmac } from "../she-model/aes.js";
import type { Bench } from "./bench.js";
import { genericProfile, startGeneric } from "./generic.js";

const KEY = "000102030405060708090a0b0c0d0e0f";
const SIGNED = 0x09;
const SIGN_RESPONSE = 0x10;
const hex = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, "0");

let bench: Bench;
afterEach(() => bench.close());

function start(): Promise<Bench> {
  return startGeneric({}, (server) => {
    server.securedData = { key: KEY, calculation: 2 };
    for (const row of server.services) if (row.sid === 0x2e) row.secured = true;
    server.services.push({ sid: 0x84 });
  });
}

/** A request within another one, as the text of 84 has it. */
function secured(message: string, counter: number, { parameter = SIGNED, calculation = 2, key = KEY } = {}): string {
  const body = `${hex(parameter, 2)}${hex(calculation, 1)}0010${hex(counter, 2)}${message}`;
  return `84${body}${cmac(Buffer.from(key, "hex"), Buffer.from(body, "hex")).toString("hex")}`;
}

describe("secured data transmission (84)", () => {
  it("serves the request inside and answers with its answer", async () => {
    bench = await start();
    expect(await bench.ask(secured("3e00", 1))).toBe(`c40000020000${hex(1, 2)}7e00`);
    expect(await bench.ask(secured("ba", 2))).toBe(`c40000020000${hex(2, 2)}7fba11`);
  });

  it("signs its answer where it is asked to", async () => {
    bench = await start();
    const body = `0008020010${hex(1, 2)}7e00`;
    const answer = await bench.ask(secured("3e00", 1, { parameter: SIGNED | SIGN_RESPONSE }));
    expect(answer).toBe(`c4${body}${cmac(Buffer.from(KEY, "hex"), Buffer.from(body, "hex")).toString("hex")}`);
  });

  it("opens services that are closed to requests in the clear", async () => {
    bench = await start();
    await bench.ask("1003");
    const write = `2e0100${"5a".repeat(32)}`;
    expect(await bench.ask(write)).toBe("7f2e38");
    expect(await bench.ask(secured(write, 1))).toBe(`c40000020000${hex(1, 2)}6e0100`);
    expect(await bench.ask("220100")).toBe(`620100${"5a".repeat(32)}`);
  });

  it.each([
    ["a signature by another key", secured("3e00", 1, { key: "ff".repeat(16) }), "3a"],
    ["a request without a signature", `84${hex(1, 2)}0200000001${"3e00"}`, "3a"],
    ["a message that is no request", secured("3e00", 1, { parameter: SIGNED & ~1 }), "3a"],
    ["an encrypted message", secured("3e00", 1, { parameter: SIGNED | 4 }), "31"],
    ["another calculation", secured("3e00", 1, { calculation: 3 }), "31"],
    ["a secured request in a secured one", secured(secured("3e00", 1), 2), "39"],
    ["a signature longer than the message", "8400090200ff00013e00", "13"],
    ["half a message", "84000902", "13"],
  ])("refuses %s", async (_, request, nrc) => {
    bench = await start();
    expect(await bench.ask(request)).toBe(`7f84${nrc}`);
  });

  it("takes no message twice, not after a restart either", async () => {
    bench = await start();
    await bench.ask(secured("3e00", 7));
    expect(await bench.ask(secured("3e00", 7))).toBe("7f843a");
    expect(await bench.ask(secured("3e00", 6))).toBe("7f843a");
    await bench.powerCycle();
    expect(await bench.ask(secured("3e00", 7))).toBe("7f843a");
    expect(await bench.ask(secured("3e00", 8))).toMatch(/^c4/);
  });

  it("withholds the answer of a request that wants none, and resets behind one that asks for it", async () => {
    bench = await start();
    expect(await bench.hear(secured("3e80", 1))).toEqual([]);
    await bench.ask("1003");
    expect(await bench.ask(secured("1101", 2))).toBe(`c40000020000${hex(2, 2)}5101`);
    expect(await bench.ask("2e0100")).toBe("7f2e7f");
  });

  it("needs its section, and itself where a service is closed to the clear", () => {
    expect(() => genericProfile(({ services }) => services.push({ sid: 0x84 }))).toThrow(/needs a section securedData/);
    expect(() =>
      genericProfile(({ services }) => {
        for (const row of services) if (row.sid === 0x2e) row.secured = true;
      }),
    ).toThrow(/needs service 0x84/);
  });
});
