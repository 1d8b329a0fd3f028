/** One fault on the wire between a station and the simulated body ECU: its outcome has a code, and the next session passes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFaults } from "../../../../firmware-sim/faults/faults.js";
import { FaultSet } from "../../../../firmware-sim/faults/set.js";
import { memoryFlash } from "../../../../firmware-sim/flash/memory.js";
import { createKlineEcu } from "../../../../firmware-sim/kline.js";
import { createKline } from "../../../../src/ecu/transport/kline/kline.js";
import { klineOptionsOf } from "../../../../src/ecu/transport/kline/options.js";
import { createUdsClient } from "../../../../src/ecu/uds/client.js";
import { identify } from "../../../../src/ecu/uds/identify.js";
import { createEcuSession } from "../../../../src/ecu/uds/session.js";
import { loadProfile } from "../../../../src/profiles/loader.js";
import { packageRoot } from "../../../../src/shared/paths.js";
import { Secret } from "../../../../src/shared/secret.js";
import { type Passing, Wire } from "./wire.js";

const file = join(packageRoot(), "hw-profiles", "body-she.yaml");
const { profile } = loadProfile(readFileSync(file, "utf8"), file);
const VIN = "KMHC851CFLU061234";

async function bench(faults: readonly string[] = [], damagedRepeats = 2) {
  const { kline } = profile;
  if (kline === undefined) throw new Error("body-she has no kline section");
  const wire = new Wire();
  const { clock } = wire;
  const ecu = await createKlineEcu({
    profile,
    link: wire.end("ecu"),
    clock,
    flash: memoryFlash(),
    faults: new FaultSet({ profile, clock, wire: "kline" }, parseFaults(faults)),
  });
  const link = wire.end("tester");
  const session = () => {
    const transport = createKline(link, klineOptionsOf(kline, "tester", profile.uds.margin), clock);
    const client = createUdsClient(transport, { ...profile.uds, damagedRepeats }, clock);
    const access = { key: Secret.fromHex(KEY) };
    const unit = createEcuSession({ link, transport, client, map: profile, access, clock });
    /** What the session repeats where no answer comes, once. */
    const ask = () => identify(client, profile.dids, signal);
    return Object.assign(unit, { ask });
  };
  return { wire, clock, ecu, session };
}
const KEY = "00112233445566778899aabbccddeeff";
const { signal } = new AbortController();

type Fault = NonNullable<Wire["fault"]>;

const onWay = (
  from: Passing["from"],
  to: Passing["to"],
  at: (n: number) => boolean,
  make: (byte: number) => number[],
): Fault => {
  let n = 0;
  return (passing) => {
    if (passing.from !== from || passing.to !== to || !at(++n)) return undefined;
    return { bytes: make(passing.byte) };
  };
};
const lose = (): number[] => [];
const glitch = (extra: number) => (byte: number) => [extra, byte];
const flip = (byte: number): number[] => [byte ^ 0x40];

/** Byte 5 of the first request is its first identifier's, byte 9 of its answer is data. */
const FAULTS: readonly (readonly [string, () => Fault, string])[] = [
  ["a lost byte in the answer", () => onWay("ecu", "tester", (n) => n === 9, lose), "KLINE_INCOMPLETE"],
  ["a wrong byte in the answer", () => onWay("ecu", "tester", (n) => n === 9, flip), "KLINE_CHECKSUM"],
  ["an answer of which nothing comes", () => onWay("ecu", "tester", (n) => n < 400, lose), "UDS_TIMEOUT"],
  ["a wrong first byte of the answer", () => onWay("ecu", "tester", (n) => n === 1, flip), "KLINE_CHECKSUM"],
  ["a byte too many before the answer", () => onWay("ecu", "tester", (n) => n === 1, glitch(0x02)), "KLINE_CHECKSUM"],
  ["one that is a header's", () => onWay("ecu", "tester", (n) => n === 1, glitch(0x83)), "KLINE_CHECKSUM"],
  ["a wrong echo", () => onWay("tester", "tester", (n) => n === 5, flip), "KLINE_COLLISION"],
  ["a lost echo", () => onWay("tester", "tester", (n) => n === 5, lose), "KLINE_COLLISION"],
  ["no echo", () => onWay("tester", "tester", (n) => n < 100, lose), "KLINE_NO_ECHO"],
  ["a lost byte of the request", () => onWay("tester", "ecu", (n) => n === 5, lose), "UDS_TIMEOUT"],
  ["a wrong byte of the request", () => onWay("tester", "ecu", (n) => n === 5, flip), "UDS_TIMEOUT"],
  [
    "an answer that comes a second late",
    () =>
      ({ from, to, byte }) =>
        from === "ecu" && to === "tester" ? { bytes: [byte], late: 1_000 } : undefined,
    "UDS_TIMEOUT",
  ],
];

describe("one fault on the line", () => {
  it.each(FAULTS)("%s", async (_, make, code) => {
    const { wire, clock, ecu, session } = await bench([], 0);
    wire.fault = make();
    const broken = session();
    await expect(clock.drive(broken.ask())).rejects.toMatchObject({ code });
    wire.fault = undefined;
    await clock.drive(broken.close(signal));
    await clock.advance(2_000);

    const clean = session();
    const identity = await clock.drive(clean.identify(signal));
    expect(identity.systemName).toBe("BODY");
    await clock.drive(clean.unlock(signal));
    await clock.drive(clean.writeVin(VIN, signal));
    await clock.drive(clean.reset(signal));
    expect((await clock.drive(clean.identify(signal))).vin).toBe(VIN);
    await clock.drive(clean.close(signal));
    await ecu.close();
  });

  it.each(FAULTS.filter(([, , code]) => ["KLINE_CHECKSUM", "KLINE_INCOMPLETE"].includes(code)))(
    "%s: a request that changes nothing is repeated",
    async (_, make) => {
      const { wire, clock, ecu, session } = await bench();
      wire.fault = make();
      const unit = session();
      expect((await clock.drive(unit.ask())).systemName).toBe("BODY");
      expect(unit.timers()).toMatchObject({ damagedRepeats: 1 });
      await clock.drive(unit.close(signal));
      await ecu.close();
    },
  );

  it("more often than it may be repeated: its code", async () => {
    const { wire, clock, ecu, session } = await bench();
    wire.fault = ({ from, to, byte }) =>
      from === "ecu" && to === "tester" && byte === 0x62 ? { bytes: [0x63] } : undefined;
    const unit = session();
    await expect(clock.drive(unit.ask())).rejects.toMatchObject({ code: "KLINE_CHECKSUM" });
    expect(wire.sentBy("tester").match(/22f187/g)?.length).toBe(3);
    await ecu.close();
  });

  it("in the answer to a request that changes something: it is not repeated", async () => {
    const { wire, clock, ecu, session } = await bench();
    const unit = session();
    await clock.drive(unit.identify(signal));
    // Once: another such byte, of the random seed or the checksum itself, would make the sum right again.
    let struck = false;
    wire.fault = ({ from, to, byte }) => {
      if (struck || from !== "ecu" || to !== "tester" || byte !== 0x67) return undefined;
      struck = true;
      return { bytes: [0x77] };
    };
    await expect(clock.drive(unit.unlock(signal))).rejects.toMatchObject({ code: "KLINE_CHECKSUM" });
    expect(wire.sentBy("tester").match(/2711/g)?.length).toBe(1);
    await ecu.close();
  });

  it("none, and work that takes 12 s: 0x78 keeps the tester waiting", async () => {
    const { clock, ecu, session, wire } = await bench(["slow:12000"]);
    const unit = session();
    expect((await clock.drive(unit.identify(signal))).systemName).toBe("BODY");
    expect(wire.sentBy("ecu").match(/83f1107f2278[0-9a-f]{2}/g)?.length).toBeGreaterThanOrEqual(4);
    await clock.drive(unit.close(signal));
    await ecu.close();
  });
});
