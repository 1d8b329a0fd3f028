/** Golden frames of every addressing format of ISO 15765-2 §10.3, a tester (F1) and an ECU (40), as they stand on the bus. */
import { describe, expect, it } from "vitest";
import type { Addressing } from "../../../../src/ecu/transport/isotp/addressing.js";
import { createIsoTp } from "../../../../src/ecu/transport/isotp/isotp.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";
import { BareLink, run } from "./bench.js";

interface Format {
  readonly name: string;
  readonly tester: Addressing;
  readonly ecu: Addressing;
  readonly extended: boolean;
  /** Identifier and first bytes of requests, responses and functional requests. */
  readonly request: readonly [number, string];
  readonly response: readonly [number, string];
  readonly functional: readonly [number, string];
}

const ids = { txId: 0x7e0, rxId: 0x7e8, functionalTxId: 0x7df };
const ecuIds = { txId: 0x7e8, rxId: 0x7e0, functionalRxId: 0x7df };
const addresses = { own: 0xf1, peer: 0x40, functionalTx: 0x33 };
const ecuAddresses = { own: 0x40, peer: 0xf1, functionalRx: 0x33 };

const FORMATS: readonly Format[] = [
  {
    name: "normal, 11 bit",
    tester: { format: "normal", ...ids },
    ecu: { format: "normal", ...ecuIds },
    extended: false,
    request: [0x7e0, ""],
    response: [0x7e8, ""],
    functional: [0x7df, ""],
  },
  {
    name: "normal, 29 bit",
    tester: { format: "normal", extendedIds: true, txId: 0x12345678, rxId: 0x9876543, functionalTxId: 0x1fffffff },
    ecu: { format: "normal", extendedIds: true, txId: 0x9876543, rxId: 0x12345678, functionalRxId: 0x1fffffff },
    extended: true,
    request: [0x12345678, ""],
    response: [0x9876543, ""],
    functional: [0x1fffffff, ""],
  },
  {
    name: "normal fixed",
    tester: { format: "normal-fixed", ...addresses },
    ecu: { format: "normal-fixed", ...ecuAddresses },
    extended: true,
    request: [0x18da40f1, ""],
    response: [0x18daf140, ""],
    functional: [0x18db33f1, ""],
  },
  {
    name: "normal fixed with a priority of its own",
    tester: { format: "normal-fixed", ...addresses, priority: 3 },
    ecu: { format: "normal-fixed", ...ecuAddresses, priority: 3 },
    extended: true,
    request: [0x0cda40f1, ""],
    response: [0x0cdaf140, ""],
    functional: [0x0cdb33f1, ""],
  },
  {
    name: "extended, 11 bit",
    tester: { format: "extended", txId: 0x6f1, rxId: 0x640, functionalTxId: 0x6f1, ...addresses },
    ecu: { format: "extended", txId: 0x640, rxId: 0x6f1, functionalRxId: 0x6f1, ...ecuAddresses },
    extended: false,
    request: [0x6f1, "40"],
    response: [0x640, "f1"],
    functional: [0x6f1, "33"],
  },
  {
    name: "extended, 29 bit",
    tester: {
      format: "extended",
      extendedIds: true,
      txId: 0x1ffff6f1,
      rxId: 0x1ffff640,
      ...addresses,
      functionalTxId: 9,
    },
    ecu: {
      format: "extended",
      extendedIds: true,
      txId: 0x1ffff640,
      rxId: 0x1ffff6f1,
      ...ecuAddresses,
      functionalRxId: 9,
    },
    extended: true,
    request: [0x1ffff6f1, "40"],
    response: [0x1ffff640, "f1"],
    functional: [9, "33"],
  },
  {
    name: "mixed, 11 bit",
    tester: { format: "mixed", ...ids, addressExtension: 0x99 },
    ecu: { format: "mixed", ...ecuIds, addressExtension: 0x99 },
    extended: false,
    request: [0x7e0, "99"],
    response: [0x7e8, "99"],
    functional: [0x7df, "99"],
  },
  {
    name: "mixed, 29 bit",
    tester: { format: "mixed-29", ...addresses, addressExtension: 0x99 },
    ecu: { format: "mixed-29", ...ecuAddresses, addressExtension: 0x99 },
    extended: true,
    request: [0x18ce40f1, "99"],
    response: [0x18cef140, "99"],
    functional: [0x18cd33f1, "99"],
  },
];

function end(addressing: Addressing) {
  const clock = new VirtualClock();
  const link = new BareLink(clock);
  const transport = createIsoTp(link, { addressing, padding: 0xcc }, clock);
  const heard: string[] = [];
  transport.onMessage(({ data, functional }) => heard.push(`${toHex(data)}${functional ? " functional" : ""}`));
  return {
    clock,
    transport,
    heard,
    wire: link.sent,
    async hear([id, prefix]: readonly [number, string], extended: boolean, ...frames: string[]) {
      for (const frame of frames) {
        link.receive(id, prefix + frame, { extended });
        await clock.advance(0);
      }
    },
  };
}

const padded = (hex: string) => hex.padEnd(16, "c");

describe.each(FORMATS)("$name", ({ tester, ecu, extended, request, response, functional }) => {
  const room = 7 - request[1].length / 2;

  it("single frames hold what the address leaves, longer messages are segmented", async () => {
    const end1 = end(tester);
    await end1.transport.send(fromHex(run(1, room)));
    const long = end1.transport.send(fromHex(run(1, room + 1)));
    await end1.hear(response, extended, "300000");
    await long;
    const [id, prefix] = request;
    expect(end1.wire.map(({ id, hex, frame }) => [id, hex, frame.extended])).toEqual([
      [id, `${prefix}0${room}${run(1, room)}`, extended],
      [id, `${prefix}100${room + 1}${run(1, room - 1)}`, extended],
      [id, padded(`${prefix}21${run(room, 2)}`), extended],
    ]);
  });

  it("the ECU hears its requests, answers by flow control to the tester, and responds", async () => {
    const end2 = end(ecu);
    await end2.hear(request, extended, "023e00", `1014${run(0, room - 1)}`);
    expect(end2.wire.map(({ id, hex }) => [id, hex])).toEqual([[response[0], padded(`${response[1]}300000`)]]);
    let at = room - 1;
    for (let sn = 1; at < 20; sn++, at += room) await end2.hear(request, extended, `2${sn}${run(at, room)}`);
    expect(end2.heard).toEqual(["3e00", run(0, 20)]);
    await end2.transport.send(fromHex("7e00"));
    expect(end2.wire.at(-1)).toMatchObject({ id: response[0], hex: padded(`${response[1]}027e00`) });
  });

  it("functional requests are single frames to the functional address", async () => {
    const end1 = end(tester);
    await end1.transport.send(fromHex("3e80"), { functional: true });
    expect(end1.wire.map(({ id, hex }) => [id, hex])).toEqual([[functional[0], padded(`${functional[1]}023e80`)]]);
    await expect(end1.transport.send(fromHex(run(0, room + 1)), { functional: true })).rejects.toMatchObject({
      code: "ISOTP_TOO_LONG",
    });
    const end2 = end(ecu);
    await end2.hear(functional, extended, "023e80", `1014${run(0, room - 1)}`);
    expect(end2.heard).toEqual(["3e80 functional"]);
    expect(end2.wire).toEqual([]);
  });

  it("what is addressed to others is not heard", async () => {
    const end2 = end(ecu);
    const [id, prefix] = request;
    await end2.hear([id, prefix], !extended, "023e00");
    await end2.hear([id ^ 1, prefix], extended, "023e00");
    await end2.hear([id ^ 0x200, prefix], extended, "023e00");
    if (prefix !== "") await end2.hear([id, "ee"], extended, "023e00");
    await end2.hear([id, prefix.slice(2)], extended, "");
    expect(end2.heard).toEqual([]);
  });

  it("FF_DL below what no single frame holds is ignored, and the least one counts", async () => {
    const end2 = end(ecu);
    await end2.hear(request, extended, `100${room}${run(0, room - 1)}`);
    expect(end2.wire).toEqual([]);
    await end2.hear(request, extended, `100${room + 1}${run(0, room - 1)}`, `21${run(room - 1, 2)}`);
    expect(end2.heard).toEqual([run(0, room + 1)]);
  });

  it("SF_DL above what the address leaves is ignored", async () => {
    const end2 = end(ecu);
    await end2.hear(request, extended, `0${room + 1}${run(0, room)}`);
    expect(end2.heard).toEqual([]);
  });
});

it("the priority of what comes does not count in identifiers made of addresses", async () => {
  for (const format of ["normal-fixed", "mixed-29"] as const) {
    const addressing =
      format === "normal-fixed"
        ? ({ format, ...ecuAddresses } as const)
        : ({ format, ...ecuAddresses, addressExtension: 7 } as const);
    const end2 = end(addressing);
    const pf = format === "normal-fixed" ? 0xda : 0xce;
    const prefix = format === "normal-fixed" ? "" : "07";
    for (let priority = 0; priority < 8; priority++)
      await end2.hear(
        [priority * 0x4000000 + pf * 0x10000 + 0x40f1, prefix],
        true,
        `01${toHex(Uint8Array.of(priority))}`,
      );
    // Bits 25 and 24 are 0 in these formats.
    await end2.hear([0x1ada40f1, prefix], true, "0111");
    await end2.hear([0x19ce40f1, prefix], true, "0111");
    expect(end2.heard).toEqual(["00", "01", "02", "03", "04", "05", "06", "07"]);
  }
});

it("an ECU with extended addressing hears physical and functional requests on one identifier", async () => {
  const end2 = end({ format: "extended", txId: 0x640, rxId: 0x6f1, functionalRxId: 0x6f1, ...ecuAddresses });
  await end2.hear([0x6f1, ""], false, "40023e00", "33023e80", "34023e00");
  expect(end2.heard).toEqual(["3e00", "3e80 functional"]);
});

describe("CAN FD", () => {
  it.each([
    [{ format: "normal", ...ids }, 0x7e8, ""],
    [{ format: "extended", txId: 0x6f1, rxId: 0x640, ...addresses }, 0x640, "40"],
    [{ format: "mixed", ...ids, addressExtension: 0x99 }, 0x7e8, "99"],
  ] as const)(
    "with $0.format addressing: the escape length from one byte more than 8 hold",
    async (addressing, rx, prefix) => {
      const clock = new VirtualClock();
      const link = new BareLink(clock, 64);
      const transport = createIsoTp(link, { addressing, txDl: 16 }, clock);
      const room = 7 - prefix.length / 2;
      const wire = () => link.sent.map(({ hex }) => hex);
      await transport.send(fromHex(run(0, room)));
      await transport.send(fromHex(run(0, room + 1)));
      await transport.send(fromHex(run(0, room + 7)));
      expect(wire()).toEqual([
        `${prefix}0${room}${run(0, room)}`,
        `${prefix}000${room + 1}${run(0, room + 1)}cccc`,
        `${prefix}000${(room + 7).toString(16)}${run(0, room + 7)}`,
      ]);
      const long = transport.send(fromHex(run(0, room + 8)));
      await clock.advance(0);
      link.receive(rx, `${rx === 0x640 ? "f1" : prefix}300000`);
      await clock.advance(0);
      await long;
      expect(wire().slice(3)).toEqual([
        `${prefix}100${(room + 8).toString(16)}${run(0, room + 7)}`,
        `${prefix}21${run(room + 7, 1)}`,
      ]);
    },
  );
});
