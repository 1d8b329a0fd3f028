import { describe, expect, it } from "vitest";
import { openVirtual } from "../../../../src/ecu/link/virtual/bus.js";
import { createIsoTp } from "../../../../src/ecu/transport/isotp/isotp.js";
import { requestFunctional } from "../../../../src/ecu/uds/functional.js";
import { fromHex, toHex } from "../../../../src/shared/bytes.js";
import { VirtualClock } from "../../../../src/shared/clock.js";

const TIMING = { P2: 50, P2star: 5_000, margin: 250, maxResponsePending: 3 };
const LONG = `62f197${"41".repeat(40)}`;

let buses = 0;

/** What an ECU says to a request that came to all: each answer `at` ms after it. */
type Says = readonly { readonly at: number; readonly hex: string }[];

async function ask(ecus: readonly Says[]) {
  const clock = new VirtualClock();
  const bus = `functional-${buses++}`;
  const link = openVirtual(bus, clock);
  const heard: boolean[] = [];
  for (const [i, says] of ecus.entries()) {
    const addressing = { format: "normal", txId: 0x7e8 + i, rxId: 0x7e0 + i, functionalRxId: 0x7df } as const;
    const ecu = createIsoTp(openVirtual(bus, clock), { addressing }, clock);
    ecu.onMessage(({ functional }) => {
      heard.push(functional);
      for (const { at, hex } of says) clock.timer(at, () => void ecu.send(fromHex(hex)));
    });
  }
  const responders = ecus.map((_, i) => ({
    name: `ecu ${i}`,
    transport: createIsoTp(
      link,
      { addressing: { format: "normal", txId: 0x7e0 + i, rxId: 0x7e8 + i, functionalTxId: 0x7df } },
      clock,
    ),
  }));
  const signal = new AbortController().signal;
  const answers = await clock.drive(requestFunctional(responders, fromHex("22f197"), TIMING, clock, signal));
  const said = answers.map(({ name, response, nrc }) => [name, response === undefined ? nrc : toHex(response)]);
  return { said, heard, ms: clock.monotonic() };
}

describe("a functional request", () => {
  it("gets one answer of each ECU, segmented ones side by side, and goes out once", async () => {
    const { said, heard } = await ask([[{ at: 5, hex: "62f19741" }], [{ at: 5, hex: LONG }], [{ at: 49, hex: LONG }]]);
    expect(said).toEqual([
      ["ecu 0", "62f19741"],
      ["ecu 1", LONG],
      ["ecu 2", LONG],
    ]);
    expect(heard).toEqual([true, true, true]);
  });

  it("leaves out who is silent, or answers after P2, and waits no longer", async () => {
    const { said, ms } = await ask([[], [{ at: 5, hex: "62f19741" }], [{ at: 400, hex: "62f19742" }]]);
    expect(said).toEqual([["ecu 1", "62f19741"]]);
    expect(ms).toBeLessThan(310);
  });

  it("gives each ECU that says 0x78 its own P2*", async () => {
    const { said } = await ask([
      [
        { at: 10, hex: "7f2278" },
        { at: 5_000, hex: "7f2278" },
        { at: 9_900, hex: "62f19741" },
      ],
      [{ at: 20, hex: "62f19742" }],
      [{ at: 400, hex: "62f19743" }],
    ]);
    expect(said).toEqual([
      ["ecu 0", "62f19741"],
      ["ecu 1", "62f19742"],
    ]);
  });

  it("says who announced an answer that never came, and who goes on announcing", async () => {
    const endless = Array.from({ length: 10 }, (_, i) => ({ at: 10 + 1_000 * i, hex: "7f2278" }));
    const { said, ms } = await ask([[{ at: 10, hex: "7f2278" }], endless]);
    expect(said).toEqual([
      ["ecu 0", 0x78],
      ["ecu 1", 0x78],
    ]);
    expect(ms).toBeLessThan(5_300);
  });

  it("tells refusals, and takes nothing that answers another request", async () => {
    const { said } = await ask([
      [{ at: 5, hex: "7f2233" }],
      [
        { at: 5, hex: "7f3e12" },
        { at: 10, hex: "62f18741" },
        { at: 20, hex: "62f19741" },
      ],
    ]);
    expect(said).toEqual([
      ["ecu 0", 0x33],
      ["ecu 1", "62f19741"],
    ]);
  });
});
