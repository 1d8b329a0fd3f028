import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { FAULTS, parseFaults } from "../../../firmware-sim/faults/faults.js";
import { StationError } from "../../../src/shared/errors.js";
import { Authority, NOW } from "./authority.js";
import { Bench, len2 } from "./bench.js";
import { MASTER, proof, update, V7, V7_ANSWER, V7_LOAD } from "./updates.js";

let bench: Bench;
afterEach(() => bench.close());

async function faulty(...faults: string[]): Promise<void> {
  bench = await Bench.start({ faults });
}

const SLOT4 = { keyId: 4, authKeyId: 1, authKey: MASTER, key: "a1".repeat(16), counter: 1, flags: 0x0f };
const load4 = () => bench.ask(`31010210${update(SLOT4)}`);
const xor1 = (byte: string) => (Number.parseInt(byte, 16) ^ 1).toString(16).padStart(2, "0");
const WRONG_M4 = V7.m4.replace(/^(.{32})(..)/, (_, ids: string, byte: string) => ids + xor1(byte));

describe("the fault wrong-m4", () => {
  it("spoils M4 of every slot, in the answer and when it is read again; the key is stored", async () => {
    await faulty("wrong-m4");
    await bench.unlock();
    expect(await bench.ask(V7_LOAD)).toBe(`7101021000${WRONG_M4}${V7.m5}`);
    expect(await bench.ask("3103021001")).toBe(`7103021000${WRONG_M4}${V7.m5}`);
    expect(await bench.ask(V7_LOAD)).toBe("7101021007");
    expect(await load4()).not.toBe(`7101021000${proof(SLOT4)}`);
  });

  it("spoils the one slot that is named", async () => {
    await faulty("wrong-m4:4");
    await bench.unlock();
    expect(await bench.ask(V7_LOAD)).toBe(V7_ANSWER);
    expect(await load4()).toMatch(/^7101021000/);
    expect(await bench.ask("3103021001")).toBe(`7103021000${V7.m4}${V7.m5}`);
    expect(await bench.ask("3103021004")).not.toBe(`7103021000${proof(SLOT4)}`);
  });
});

describe("the fault wrong-m5", () => {
  const WRONG_M5 = V7.m5.replace(/^(..)/, xor1);

  it("spoils M5 and leaves M4, in the answer and when it is read again", async () => {
    await faulty("wrong-m5:1");
    await bench.unlock();
    expect(await bench.ask(V7_LOAD)).toBe(`7101021000${V7.m4}${WRONG_M5}`);
    expect(await bench.ask("3103021001")).toBe(`7103021000${V7.m4}${WRONG_M5}`);
    expect(await load4()).toBe(`7101021000${proof(SLOT4)}`);
  });
});

describe("the fault wrong-proof", () => {
  it("spoils the signature and leaves its length", async () => {
    await faulty("wrong-proof");
    await bench.unlock();
    await bench.ask(`2ef1b0${(NOW / 1000).toString(16).padStart(16, "0")}`);
    const name = "300f310d300b06035504030c0454657374";
    await bench.expect(`310102200001${len2(name)}${name}0000`, "7101022000");
    const root = await Authority.root("CN=Root");
    const csr = Buffer.from((await bench.ask("22f1d0")).slice(6), "hex");
    await bench.install(0, 3, root.der);
    const leaf = await root.leaf(csr);
    expect(await bench.install(0, 1, leaf)).toBe("00");
    const answer = await bench.ask(`3101022200${"11".repeat(32)}`);
    const { createPublicKey, verify, X509Certificate } = await import("node:crypto");
    const key = createPublicKey(new X509Certificate(leaf).publicKey.export({ type: "spki", format: "pem" }));
    const signature = Buffer.from(answer.slice(14), "hex");
    expect(answer.slice(10, 14)).toBe(len2(answer.slice(14)));
    expect(verify("sha256", Buffer.alloc(32, 0x11), key, signature)).toBe(false);
    signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
    expect(verify("sha256", Buffer.alloc(32, 0x11), key, signature)).toBe(true);
  });
});

describe("the fault wrong-kind", () => {
  it("tells another system name", async () => {
    await faulty("wrong-kind");
    expect(await bench.ask("22f197")).toBe(`62f197${Buffer.from("NOT-EVCC").toString("hex")}`);
  });
});

describe("the fault silent-after", () => {
  it("answers N requests and nothing any more; TesterPresent does not count", async () => {
    await faulty("silent-after:2");
    await bench.ask("22f197");
    await bench.ask("3e00");
    await bench.ask("22f197");
    expect(await bench.hear("22f197", false, 10_000)).toEqual([]);
    expect(await bench.hear("3e00", false, 10_000)).toEqual([]);
  });
});

describe("the fault nrc", () => {
  it("refuses a service and does not do it, as often as it says", async () => {
    await faulty("nrc:31:72:2");
    await bench.unlock();
    expect(await bench.ask("31010230")).toBe("7f3172");
    expect(await bench.ask("31010230")).toBe("7f3172");
    expect(await bench.ask("22f1a2")).toBe("62f1a200000000");
    expect(await bench.ask("31010230")).toBe("7101023000");
  });

  it("refuses for ever where no number is given", async () => {
    await faulty("nrc:22:21");
    for (let i = 0; i < 5; i++) expect(await bench.ask("22f197")).toBe("7f2221");
  });
});

describe("the fault pending", () => {
  it("answers 0x78 for ever and does nothing, until it is cleared; TesterPresent is answered meanwhile", async () => {
    await faulty("pending:22");
    const heard = await bench.hear("22f197", false, 60_000);
    expect(heard.length).toBeGreaterThan(20);
    expect(new Set(heard)).toEqual(new Set(["7f2278"]));
    expect(await bench.ask("3e00")).toBe("7e00");
    expect(await bench.ask("1001")).toBe("7f1021");
    bench.heard = [];
    expect(bench.faults.clear("pending")).toBe(1);
    await bench.clock.advance(10);
    expect(bench.heard).toEqual(["62f19745564343"]);
  });

  it("holds the first requests only where it says how many", async () => {
    await faulty("pending:22:1");
    await bench.hear("22f197", false, 6_000);
    bench.faults.clear();
    await bench.clock.advance(10);
    expect(await bench.ask("22f197")).toBe("62f19745564343");
  });

  it("leaves no timer behind when the ECU is switched off", async () => {
    await faulty("pending:22");
    await bench.hear("22f197", false, 6_000);
    await bench.close();
    bench.faults.letGo();
    await bench.clock.advance(0);
    expect(bench.clock.pending).toBe(0);
  });
});

describe("the fault reset", () => {
  const BOOTED = "62f1a200000000";

  it("resets after a step that is done: no answer, the lock closed, the key stored", async () => {
    await faulty("reset:load-key");
    await bench.unlock();
    expect(await bench.hear(V7_LOAD, false, 1_000)).toEqual([]);
    expect(await bench.ask("31010230")).toBe("7f317f");
    await bench.unlock();
    expect(await bench.ask("3103021001")).toBe(`7103021000${V7.m4}${V7.m5}`);
    expect(await load4()).toBe(`7101021000${proof(SLOT4)}`);
  });

  it("resets before a step is done, at its N-th request", async () => {
    await faulty("reset:lock:before:2");
    await bench.unlock();
    await bench.expect("31010230", "7101023000");
    expect(await bench.hear("31010230", false, 1_000)).toEqual([]);
    await bench.unlock();
    await bench.expect("31010230", "7101023000");
    await faulty("reset:lock:before");
    await bench.unlock();
    expect(await bench.hear("31010230", false, 1_000)).toEqual([]);
    expect(await bench.ask("22f1a2")).toBe(BOOTED);
  });

  it.each([
    ["session", "1003"],
    ["unlock", "2711"],
    ["read", "22f190"],
    ["vin", `2ef190${"41".repeat(17)}`],
    ["clock", "2ef1b0000000006a000000"],
    ["download", "340044100000000000000a"],
    ["block", "360100"],
    ["transfer-exit", "37"],
    ["key-pair", "310102200001"],
    ["install", "310102210001"],
    ["prove", `3101022200${"11".repeat(32)}`],
    ["mac", "3101021104"],
  ])("knows the step %s", async (step, request) => {
    await faulty(`reset:${step}`);
    if (step !== "session") await bench.expect("1003", "5003003201f4");
    expect(await bench.hear(request, false, 1_000)).toEqual([]);
    expect(await bench.ask("1003")).toBe("5003003201f4");
  });
});

describe("the fault drop-answer", () => {
  it("does the routine and swallows its answer; results are given", async () => {
    await faulty("drop-answer:0210:1");
    await bench.unlock();
    expect(await bench.hear(V7_LOAD, false, 1_000)).toEqual([]);
    expect(await bench.ask("3103021001")).toBe(`7103021000${V7.m4}${V7.m5}`);
    expect(await load4()).toBe(`7101021000${proof(SLOT4)}`);
  });
});

describe("faults together", () => {
  it("compose", async () => {
    await faulty("wrong-kind,slow:100", "nrc:11:22");
    expect(await bench.ask("22f197")).toMatch(/^62f1974e4f54/);
    expect(bench.heard).toContain("7f2278");
    expect(await bench.ask("1101")).toBe("7f1122");
  });
});

describe("a fault spec", () => {
  const told = (spec: string): string => {
    try {
      parseFaults([spec]);
    } catch (error) {
      if (error instanceof StationError && error.code === "USAGE") return error.message;
      throw error;
    }
    return "";
  };

  it.each([
    "bogus",
    "",
    "wrong-m4:10",
    "wrong-m4:x",
    "wrong-kind:1",
    "silent-after",
    "silent-after:-1",
    "nrc:31",
    "nrc:131:10",
    "nrc:31:78:0",
    "drop-answer",
    "slow:1.5",
    "nrc:31:10:1:1",
    "slow:5,,",
    "pending",
    "reset:nap",
    "reset:lock:during",
    "drop:sideways",
    "drop:rate=2",
    "drop:rate=",
    "drop:every=0",
    "drop:rate=0.1:rate=0.2",
    "drop:out:dir=in",
    "delay:out",
    "bus-off:-1",
    "power-cut",
    "power-cut:1:nowhere",
    "slow-flash:x",
    "clock-skew:fast",
    "clock-skew:1:1:1",
    "constructor",
  ])("is refused in one line that quotes it: %s", async (spec) => {
    bench = await Bench.start();
    expect(told(spec)).toMatch(/^--fault ".*": .+$/);
  });

  it("is taken or refused, whatever it is", async () => {
    bench = await Bench.start();
    const name = fc.oneof(fc.constantFrom(...Object.keys(FAULTS)), fc.string());
    fc.assert(
      fc.property(
        name,
        fc.array(fc.oneof(fc.string({ maxLength: 5 }), fc.nat().map(String)), { maxLength: 4 }),
        (head, values) => {
          const text = told([head, ...values].join(":"));
          expect(text).not.toContain("\n");
        },
      ),
    );
  });
});

describe("the faults of flow control", () => {
  const LONG = `2ef190${"30".repeat(17)}`;

  it("flow-wait says WAIT before each block", async () => {
    await faulty("flow-wait:3");
    const begin = bench.clock.monotonic();
    await bench.send(LONG);
    expect(bench.clock.monotonic() - begin).toBe(3 * 200);
    await bench.send(LONG);
    expect(bench.clock.monotonic() - begin).toBeGreaterThanOrEqual(6 * 200);
  });

  it("flow-overflow refuses what is longer", async () => {
    await faulty("flow-wait:1", "flow-overflow:19");
    await expect(bench.send(LONG)).rejects.toMatchObject({ code: "ISOTP_BUFFER_OVFLW" });
    await bench.send(LONG.slice(0, 38));
  });
});
