import { afterEach, describe, expect, it } from "vitest";
import type { Bench } from "./bench.js";
import { genericKey, startGeneric, unlockGeneric } from "./generic.js";

let bench: Bench;
afterEach(() => bench.close());

describe("access tables of a profile", () => {
  it("tells a service's session before its lock, its lock before its length", async () => {
    bench = await startGeneric({}, ({ services }) => {
      for (const row of services) if (row.sid === 0x3d) row.security = [1];
    });
    expect(await bench.ask("3d")).toBe("7f3d7f");
    await bench.ask("1002");
    expect(await bench.ask("3d")).toBe("7f3d33");
    await unlockGeneric(bench);
    expect(await bench.ask("3d")).toBe("7f3d13");
  });

  it("tells of a sub-function first that there is none, then its session, then its lock, then the length", async () => {
    bench = await startGeneric({}, ({ services }) => {
      for (const row of services)
        if (row.sid === 0x11) row.subFunctions = [{ id: 1 }, { id: 3, sessions: [2], security: [1] }];
    });
    expect(await bench.ask("110200")).toBe("7f1112");
    expect(await bench.ask("110300")).toBe("7f117e");
    await bench.ask("1002");
    expect(await bench.ask("110300")).toBe("7f1133");
    await unlockGeneric(bench);
    expect(await bench.ask("110300")).toBe("7f1113");
    expect(await bench.ask("1103")).toBe("5103");
  });

  it("withholds 7E from a functional request", async () => {
    bench = await startGeneric({}, ({ services }) => {
      for (const row of services) if (row.sid === 0x11) row.subFunctions = [{ id: 1, sessions: [2] }];
    });
    expect(await bench.hear("1101", true)).toEqual([]);
    expect(await bench.ask("1101")).toBe("7f117e");
  });

  it("gives an identifier to its sessions and levels alone, beside others in one request", async () => {
    bench = await startGeneric({}, (server) => {
      server.identifiers = [
        { id: 0x0001, value: { hex: "aa" } },
        { id: 0x0002, value: { hex: "bb" }, read: { sessions: [2] } },
        { id: 0x0003, value: { hex: "cc" }, read: { security: [1] } },
      ];
      server.dtcs = [{ code: 1 }];
      server.services = server.services.filter(({ sid }) => sid !== 0x2e);
    });
    expect(await bench.ask("2200010002")).toBe("620001aa");
    expect(await bench.ask("220002")).toBe("7f2231");
    expect(await bench.ask("2200010003")).toBe("7f2233");
    await unlockGeneric(bench);
    expect(await bench.ask("220001000200030002")).toBe("620001aa0002bb0003cc0002bb");
  });
});

describe("several security levels", () => {
  const levels = [
    { level: 1, seedLength: 4, xor: "a5c35a3c" },
    { level: 3, seedLength: 2, xor: "ffff" },
  ];
  const start = () =>
    startGeneric({}, (server) => {
      server.security = { levels };
    });
  const keyOf3 = (seed: string) => (Number.parseInt(seed, 16) ^ 0xffff).toString(16).padStart(4, "0");

  it("takes the key of a level for that level's seed alone", async () => {
    bench = await start();
    await bench.ask("1003");
    const seed = (await bench.ask("2701")).slice(4);
    expect(await bench.ask("27040000")).toBe("7f2724");
    expect(await bench.ask(`2702${genericKey(seed)}`)).toBe("7f2724");
  });

  it("has one of them open at a time, each with a seed of its own", async () => {
    bench = await start();
    await unlockGeneric(bench);
    const seed = (await bench.ask("2703")).slice(4);
    expect(seed).toHaveLength(4);
    expect(await bench.ask("351408000000f0")).toBe("7f3531");
    expect(await bench.ask(`2704${keyOf3(seed)}`)).toBe("6704");
    expect(await bench.ask("2703")).toBe("67030000");
    expect(await bench.ask("23140800000004")).toBe("7f2333");
    expect(await bench.ask("2701")).not.toBe("670100000000");
  });
});

describe("a routine that takes long", () => {
  it("sends three 78 at once and each 500 ms, then its answer", async () => {
    bench = await startGeneric();
    expect(await bench.hear("3101ff00", false, 10)).toEqual(["7f3178"]);
    const seen = async (ms: number) => {
      await bench.clock.advance(ms);
      return bench.heard.length;
    };
    expect([await seen(480), await seen(20), await seen(480), await seen(20)]).toEqual([1, 2, 2, 3]);
    expect([await seen(480), await seen(20)]).toEqual([3, 4]);
    expect(bench.heard).toEqual(["7f3178", "7f3178", "7f3178", "7101ff00"]);
  });

  it("is asked for results, and stopped, only once it was started", async () => {
    bench = await startGeneric({}, (server) => {
      server.routines = [{ id: 0x0203, start: {}, stop: {}, results: { status: "00ff" } }];
    });
    expect(await bench.ask("31030203")).toBe("7f3124");
    expect(await bench.ask("31020203")).toBe("7f3124");
    expect(await bench.ask("31010203")).toBe("71010203");
    expect(await bench.ask("31030203")).toBe("7103020300ff");
    expect(await bench.ask("31020203")).toBe("71020203");
    await bench.ask("1101");
    expect(await bench.ask("31030203")).toBe("7f3124");
  });
});

describe("the memory of a plain UDS ECU", () => {
  it("is erased in a new unit, and keeps downloads, writes and identifiers without power", async () => {
    bench = await startGeneric();
    await unlockGeneric(bench);
    expect(await bench.ask("23140800000004")).toBe("63ffffffff");
    await bench.expect("340014080000020a", "74200402");
    await bench.expect(`3601${"5a".repeat(10)}`, "7601");
    await bench.expect("37", "77");
    await bench.expect("3d14080000000211ee", "7d140800000002");
    await bench.ask("1003");
    await bench.expect(`2e0100${"c3".repeat(32)}`, "6e0100");
    await bench.powerCycle();
    expect(await bench.ask("220100")).toBe(`620100${"c3".repeat(32)}`);
    await unlockGeneric(bench);
    expect(await bench.ask("2314080000000d")).toBe(`6311ee${"5a".repeat(10)}ff`);
  });

  it("is left as it was by a download that does not end", async () => {
    bench = await startGeneric();
    await unlockGeneric(bench);
    await bench.ask("34001408000000ff");
    await bench.expect("36010102", "7601");
    await unlockGeneric(bench);
    expect(await bench.ask("23140800000002")).toBe("63ffff");
  });
});
