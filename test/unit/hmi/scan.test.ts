import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readScan } from "../../../src/hmi/api/scan/text.js";
import { hasRightCheckDigit, vinCheckDigit } from "../../../src/hmi/api/scan/vin.js";
import { SCAN_HOLDS } from "../../../src/hmi/contract/state.js";
import { type Bench, type BenchOptions, type Browser, openBench, PCID, record, VIN } from "./bench.js";

async function scanner(
  options: BenchOptions,
): Promise<{ bench: Bench; browser: Browser; scan: (text: string) => Promise<string> }> {
  const bench = await openBench(options);
  const browser = bench.browser();
  await browser.session();
  const scan = async (text: string) => {
    const { status, json } = await browser.post("/api/bays/A/scan", { text });
    return status === 204 ? "taken" : `${status} ${json.code}`;
  };
  return { bench, browser, scan };
}

const scanOf = async (bench: Bench) => (await (await bench.browser().events()).next("state")).data.bays[0].scan;

describe("what a scanner gave", () => {
  it.each([
    ["as it is", VIN, VIN],
    ["with line end", `${VIN}\r\n`, VIN],
    ["with prefix and suffix", `]C1${VIN}#`, VIN],
    ["typed, without them", `  ${VIN} `, VIN],
  ])("is read %s", (_what, text, value) => {
    expect(readScan(text, { prefix: "]C1", suffix: "#" })).toBe(value);
  });

  it.each(["", "   ", "\r\n", "A\u0001B", "]C1#"])("is refused where it is no label: %j", (text) => {
    expect(() => readScan(text, { prefix: "]C1", suffix: "#" })).toThrow(/not known/);
  });

  it("is never more than the text, and never empty", () => {
    void fc.assert(
      fc.property(fc.string(), fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 }), (text, prefix, suffix) => {
        let value: string;
        try {
          value = readScan(text, { prefix, suffix });
        } catch {
          return;
        }
        expect(value.length).toBeGreaterThan(0);
        expect(text).toContain(value);
      }),
    );
  });
});

describe("a VIN's check digit", () => {
  // 49 CFR 565.15 and vehicles known to have one.
  it.each(["11111111111111111", "1M8GDM9AXKP042788", "1HGCM82633A004352", "5GZCZ43D13S812715"])(
    "is right in %s",
    (vin) => {
      expect(hasRightCheckDigit(vin)).toBe(true);
    },
  );

  it("changes with any digit at a place that has a weight", () => {
    const vin = "1M8GDM9AXKP042788";
    for (const place of [0, 1, 9, 16]) {
      const other = `${vin.slice(0, place)}${vin[place] === "5" ? "6" : "5"}${vin.slice(place + 1)}`;
      expect([place, hasRightCheckDigit(other)]).toEqual([place, false]);
    }
    expect(vinCheckDigit(vin)).toBe("X");
  });
});

describe("scans at a bay", () => {
  it("fill the inputs that the profile asks for, in any order that tells them apart, and begin the unit with the last", async () => {
    const { bench, scan } = await scanner({ profile: "evcc" });
    expect((await scanOf(bench)).missing.map(({ name }: { name: string }) => name)).toEqual(["vin", "pcid"]);
    expect(await scan(PCID)).toBe("taken");
    expect((await scanOf(bench)).read).toEqual([{ name: "pcid", label: expect.anything(), value: PCID }]);
    expect(bench.orders).toEqual([]);
    expect(await scan(`${VIN.toLowerCase()}\r`)).toBe("taken");
    expect(bench.orders).toMatchObject([{ bay: "A", inputs: { vin: VIN, pcid: PCID } }]);
    expect((await scanOf(bench)).read).toEqual([]);
  });

  it("are refused with the reason, which every page shows, where they are no input", async () => {
    const { bench, scan } = await scanner({ profile: "evcc" });
    expect(await scan("HELLO")).toBe("409 SCAN_UNKNOWN");
    expect(await scanOf(bench)).toMatchObject({
      read: [],
      refused: { why: { ko: /5자 ≠ VIN/, en: /5 characters ≠ VIN/ } },
    });
    expect(await scan(VIN)).toBe("taken");
    expect((await scanOf(bench)).refused).toBeUndefined();
  });

  it("that are refused are told by their length alone, whatever the reason: one may be a badge", async () => {
    const badge = "BADGE-4711-KIM";
    const rules = [{ pattern: /^.{17}$/, profile: "body", checkDigit: true }];
    for (const [options, text] of [
      [{ profile: "evcc" }, badge],
      [{ profile: "evcc" }, `${badge}\u0001`],
      [{}, badge],
      [{ scan: { rules } }, "1M8GDM9A1KP042788"],
    ] as const) {
      const bench = await openBench(options);
      const browser = bench.browser();
      await browser.session();
      const events = await bench.browser().events();
      const answer = await browser.post("/api/bays/A/scan", { text });
      expect(answer.status).toBe(409);
      const refused = await events.next("change", ({ bay }) => bay?.scan.refused !== undefined);
      for (const told of [answer.text, JSON.stringify(refused), JSON.stringify(events.heard)])
        expect(told).not.toContain(text.slice(0, 4));
    }
  });

  it.each(["as it is", "with line end and prefix"])(
    "are no badge that a user has, where it fits an input: %s",
    async (how) => {
      const bench = await openBench({ profile: "evcc", scan: { prefix: "]C1" } });
      const badge = "BADGE4711KIM000018";
      await bench.records.users.add({ name: "kim", role: "operator", pin: "4711", badge }, "test");
      const browser = bench.browser();
      await browser.signIn({ name: "kim", pin: "4711" });
      const events = await browser.events();
      const text = how === "as it is" ? badge : `]C1${badge}\r\n`;
      const answer = await browser.post("/api/bays/A/scan", { text });
      expect([answer.status, answer.json.code]).toEqual([409, "SCAN_UNKNOWN"]);
      const refused = await events.next("change", ({ bay }) => bay?.scan.refused !== undefined);
      expect(refused.data.bay.scan.read).toEqual([]);
      expect(JSON.stringify([answer.text, events.heard])).not.toContain("BADGE");
      expect((await browser.post("/api/bays/A/scan", { text: PCID })).status).toBe(204);
    },
  );

  it("that come late are not taken, whatever is at the bay by then, and nobody else is told of them", async () => {
    const { bench, browser } = await scanner({ profile: "body" });
    const { data } = await (await browser.events()).next("beat");
    await bench.clock.advance(SCAN_HOLDS);
    expect((await browser.post("/api/bays/A/scan", { text: "HELLO", heard: data.now })).json.code).toBe("SCAN_UNKNOWN");
    const before = await scanOf(bench);
    await bench.clock.advance(1);
    for (const [what, body] of [
      ["scan", { text: VIN }],
      ["start", { unit: "next" }],
      ["start", { unit: "last" }],
    ] as const) {
      const { status, json } = await browser.post(`/api/bays/A/${what}`, { ...body, heard: data.now });
      expect([status, json.code, json.text.ko]).toEqual([409, "PAGE_NOT_NOW", expect.stringContaining("5초 늦게")]);
    }
    // Of a clock that was set back since.
    const ahead = bench.clock.now() + SCAN_HOLDS + 1;
    expect((await browser.post("/api/bays/A/scan", { text: VIN, heard: ahead })).status).toBe(409);
    expect(await scanOf(bench)).toEqual(before);
    expect(bench.orders).toEqual([]);
    expect((await browser.post("/api/bays/A/scan", { text: VIN, heard: bench.clock.now() })).status).toBe(204);
    expect(bench.orders).toHaveLength(1);
  });

  it("of the same label again are no other input", async () => {
    const { bench, scan } = await scanner({ profile: "evcc" });
    expect(await scan(VIN)).toBe("taken");
    expect(await scan(VIN)).toBe("409 SCAN_REPEATED");
    expect(bench.orders).toEqual([]);
  });

  it("are refused while the bay is at work, which its end forgets", async () => {
    let end: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { bench, scan } = await scanner({
      profile: "body",
      work: async (_options, order) => {
        await held;
        return record(order);
      },
    });
    expect(await scan(VIN)).toBe("taken");
    expect(await scan(VIN)).toBe("409 RUN_BUSY");
    expect((await scanOf(bench)).refused.why.en).toMatch(/Another run holds this bay/);
    const events = await bench.browser().events();
    await events.next("state");
    end();
    await events.next("change", ({ bay }) => bay?.phase === "idle" && bay.scan.refused === undefined);
    expect(await scan("HELLO")).toBe("409 SCAN_UNKNOWN");
    expect((await scanOf(bench)).refused).toBeDefined();
  });

  it("need a right check digit where the market's VINs have one, or a rule says so", async () => {
    const rules = [
      { pattern: /^1.{16}$/, profile: "body", checkDigit: true },
      { pattern: /^.{17}$/, profile: "body" },
    ];
    const { bench, scan } = await scanner({ scan: { rules } });
    expect(await scan("1M8GDM9A1KP042788")).toBe("409 SCAN_CHECK_DIGIT");
    expect(await scan("1M8GDM9AXKP042788")).toBe("taken");
    expect(await scan(VIN)).toBe("taken");
    expect(bench.orders.map(({ inputs }) => inputs.vin)).toEqual(["1M8GDM9AXKP042788", VIN]);
    const strict = await scanner({ profile: "body", scan: { checkDigit: true } });
    expect(await strict.scan(VIN)).toBe("409 SCAN_CHECK_DIGIT");
  });

  it("choose the profile by the first rule that fits; without one, nothing begins", async () => {
    const rules = [
      { pattern: /^KMH.*$/, profile: "body" },
      { pattern: /^K.*$/, profile: "evcc" },
    ];
    const { bench, scan } = await scanner({ scan: { rules } });
    expect(await scan("5NPEB4AC1BH000001")).toBe("409 SCAN_NO_PROFILE");
    expect(await scan(VIN)).toBe("taken");
    expect(bench.orders.map(({ profile }) => profile.name)).toEqual(["body"]);
  });

  it("of a value that the rule's profile does not take leave no profile behind", async () => {
    const { bench, scan } = await scanner({ scan: { rules: [{ pattern: /^K.*$/, profile: "body" }] } });
    expect(await scan("KURZ")).toBe("409 SCAN_UNKNOWN");
    const { data } = await (await bench.browser().events()).next("state");
    expect(data.bays[0].profile).toBeUndefined();
  });

  it("go by the profile that was chosen by hand, until it is given back", async () => {
    const { bench, browser, scan } = await scanner({ profile: "evcc" });
    expect((await browser.post("/api/bays/A/profile", { profile: "body" })).status).toBe(204);
    expect(await scan(VIN)).toBe("taken");
    expect((await browser.post("/api/bays/A/profile", { profile: null })).status).toBe(204);
    const { data } = await (await bench.browser().events()).next("state");
    expect([bench.orders[0]?.profile.name, data.bays[0].profile.name]).toEqual(["body", "evcc"]);
    expect((await browser.post("/api/bays/A/profile", { profile: "nobody" })).status).toBe(404);
  });

  it("are forgotten on request, and can be begun again after their run", async () => {
    const { bench, browser, scan } = await scanner({ profile: "evcc" });
    expect((await browser.post("/api/bays/A/start", { unit: "last" })).json.code).toBe("PAGE_NOT_NOW");
    await scan(VIN);
    expect((await browser.post("/api/bays/A/start", { unit: "next" })).json.code).toBe("SCAN_TOO_EARLY");
    expect((await browser.post("/api/bays/A/clear")).status).toBe(204);
    expect((await scanOf(bench)).read).toEqual([]);
    await scan(VIN);
    await scan(PCID);
    await (await bench.browser().events()).next("state", ({ bays }) => bays[0].verdict !== undefined);
    expect((await browser.post("/api/bays/A/start", { unit: "last" })).status).toBe(204);
    expect(bench.orders.map(({ inputs }) => inputs)).toEqual([bench.orders[0]?.inputs, bench.orders[0]?.inputs]);
  });

  it("are not needed where the profile asks for none: it begins by hand", async () => {
    const { bench, browser } = await scanner({ profile: "bare" });
    expect((await browser.post("/api/bays/A/start", { unit: "next" })).status).toBe(204);
    expect(bench.orders).toHaveLength(1);
  });

  it("are made up at a bay with a simulator, with the fault that was asked for, and nowhere else", async () => {
    const { bench, browser } = await scanner({ profile: "body" });
    expect((await browser.post("/api/bays/A/simulate", { fault: "wrong-m4" })).status).toBe(204);
    expect(bench.orders).toMatchObject([{ fault: "wrong-m4", inputs: { vin: VIN } }]);
    expect((await browser.post("/api/bays/B/simulate", { fault: null })).json.code).toBe("PAGE_NOT_NOW");
    expect((await browser.post("/api/bays/C/simulate", { fault: null })).status).toBe(404);
  });
});
