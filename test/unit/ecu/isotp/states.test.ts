/** ISO 15765-2 §9.8.3, «unexpected arrival of N_PDU»: every state × every N_PDU, and what it leads to. */
import { describe, expect, it } from "vitest";
import type { Duplex } from "../../../../src/ecu/transport/isotp/options.js";
import { bench, run } from "./bench.js";

const FF = "1014000102030405";
const CF1 = "21060708090a0b0c";
const CF2 = "220d0e0f10111213";

/** Each N_PDU that may come; CF is the one that a reception waits for. */
const PDUS = {
  SF: "021122",
  FF,
  CF: CF2,
  "CF out of order": "25ffffffffffffff",
  "FC.CTS": "300000",
  "FC.WAIT": "310000",
  "FC.OVFLW": "320000",
  "FC reserved": "330000",
  "FC too short": "3000",
  "SF_DL 0": "0011223344556677",
  "SF_DL too long": "0811223344556677",
  "FF_DL too small": "1007112233445566",
  "FF_DL by escape, too small": "1000000000ff1122",
  "FF too short": "10141122334455",
  "PCI 4": "4011223344556677",
  "PCI F": "f011223344556677",
} as const;
type PduName = keyof typeof PDUS;

const IGNORED: readonly PduName[] = [
  "FC too short",
  "SF_DL 0",
  "SF_DL too long",
  "FF_DL too small",
  "FF_DL by escape, too small",
  "FF too short",
  "PCI 4",
  "PCI F",
];

type Bench = ReturnType<typeof bench>;
interface State {
  readonly duplex: Duplex;
  enter(b: Bench): Promise<{ code?: string } | undefined>;
  /** What ends the state well, where nothing came between. */
  readonly rest: (b: Bench) => Promise<void>;
  /** What is seen of each N_PDU and of the rest; of those not named: as of none at all. */
  readonly none: string;
  readonly cells: Readonly<Partial<Record<PduName, string>>>;
}

const flow = { rest: (b: Bench) => b.hear("300000") };
const receivingCells = {
  SF: "ISOTP_UNEXP_PDU, SF",
  // The rest is the second consecutive frame, and the new message wants its first.
  FF: "ISOTP_UNEXP_PDU, start, >FC, ISOTP_WRONG_SN",
  CF: "whole",
  "CF out of order": "ISOTP_WRONG_SN",
};

const STATES: Readonly<Record<string, State>> = {
  idle: {
    duplex: "full",
    enter: async () => undefined,
    rest: async () => undefined,
    none: "",
    cells: { SF: "SF", FF: "start, >FC" },
  },
  "idle, half duplex": {
    duplex: "half",
    enter: async () => undefined,
    rest: async () => undefined,
    none: "",
    cells: { SF: "SF", FF: "start, >FC" },
  },
  "segmented receive in progress": {
    duplex: "full",
    enter: async (b) => void (await b.hear(FF, CF1)),
    rest: (b) => b.hear(CF2),
    none: "whole",
    cells: receivingCells,
  },
  "segmented receive in progress, half duplex": {
    duplex: "half",
    enter: async (b) => void (await b.hear(FF, CF1)),
    rest: (b) => b.hear(CF2),
    none: "whole",
    cells: receivingCells,
  },
  "segmented transmit, waiting for flow control": {
    duplex: "full",
    enter: async (b) => sent(b, 20),
    ...flow,
    none: ">CF, >CF, confirmed",
    cells: {
      SF: "SF, >CF, >CF, confirmed",
      FF: "start, >FC, >CF, >CF, confirmed",
      "FC.OVFLW": "ISOTP_BUFFER_OVFLW",
      "FC reserved": "ISOTP_INVALID_FS",
    },
  },
  "segmented transmit, waiting for flow control, half duplex": {
    duplex: "half",
    enter: async (b) => sent(b, 20),
    ...flow,
    none: ">CF, >CF, confirmed",
    cells: { "FC.OVFLW": "ISOTP_BUFFER_OVFLW", "FC reserved": "ISOTP_INVALID_FS" },
  },
  "segmented transmit, amid a block": {
    duplex: "full",
    enter: amidBlock,
    rest: (b) => b.clock.advance(100),
    none: ">CF, >CF, confirmed",
    cells: { SF: "SF, >CF, >CF, confirmed", FF: "start, >FC, >CF, >CF, confirmed" },
  },
  "segmented transmit, amid a block, half duplex": {
    duplex: "half",
    enter: amidBlock,
    rest: (b) => b.clock.advance(100),
    none: ">CF, >CF, confirmed",
    cells: {},
  },
  "segmented transmit and receive": {
    duplex: "full",
    async enter(b) {
      const outcome = await sent(b, 20);
      await b.hear(FF, CF1);
      return outcome;
    },
    rest: (b) => b.hear(CF2, "300000"),
    none: "whole, >CF, >CF, confirmed",
    cells: {
      SF: "ISOTP_UNEXP_PDU, SF, >CF, >CF, confirmed",
      FF: "ISOTP_UNEXP_PDU, start, >FC, ISOTP_WRONG_SN, >CF, >CF, confirmed",
      CF: "whole, >CF, >CF, confirmed",
      "CF out of order": "ISOTP_WRONG_SN, >CF, >CF, confirmed",
      "FC.CTS": ">CF, >CF, confirmed, whole",
      "FC.OVFLW": "ISOTP_BUFFER_OVFLW, whole",
      "FC reserved": "ISOTP_INVALID_FS, whole",
    },
  },
};

async function sent(b: Bench, size: number) {
  const outcome = b.send(run(100, size));
  await b.clock.advance(0);
  return outcome;
}

async function amidBlock(b: Bench) {
  const outcome = await sent(b, 6 + 7 * 3);
  await b.hear("30000a");
  return outcome;
}

const EVENTS: Readonly<Record<string, string>> = {
  "message 1122": "SF",
  [`message ${run(0, 20)}`]: "whole",
  "start 20": "start",
};

describe.each(Object.entries(STATES))("%s", (_, state) => {
  it.each(Object.keys(PDUS) as PduName[])("%s", async (name) => {
    const b = bench({ duplex: state.duplex });
    const outcome: { code?: string; at?: number } | undefined = await state.enter(b);
    const seen: string[] = [];
    let [events, wire, told] = [b.events.length, b.wire.length, false];
    const look = () => {
      seen.push(...b.events.slice(events).map((event) => EVENTS[event] ?? event));
      seen.push(...b.wire.slice(wire).map((hex) => (hex.startsWith("2") ? ">CF" : ">FC")));
      if (!told && outcome !== undefined && (outcome.code ?? outcome.at) !== undefined) {
        seen.push(outcome.code ?? "confirmed");
        told = true;
      }
      events = b.events.length;
      wire = b.wire.length;
    };
    await b.hear(PDUS[name]);
    look();
    await state.rest(b);
    look();
    expect(seen.join(", ")).toBe(state.cells[name] ?? state.none);
    if (IGNORED.includes(name)) expect(state.cells[name]).toBeUndefined();
  });
});

describe("half duplex", () => {
  it("sends nothing while a segmented message comes in", async () => {
    const b = bench({ duplex: "half" });
    await b.hear(FF);
    const refused = b.send("3e00");
    await b.hear(CF1, CF2);
    expect(refused).toEqual({ code: "ISOTP_BUSY" });
    const later = b.send("3e00");
    await b.clock.advance(0);
    expect(later).toEqual({ at: 0 });
  });

  it("takes a response that overtakes the confirmation of the request's last frame", async () => {
    const b = bench({ duplex: "half" });
    const outcome = b.send(run(0, 8));
    await b.clock.advance(0);
    b.link.held = true;
    await b.hear("300000", "027e00");
    expect(outcome).toEqual({});
    expect(b.events).toEqual(["message 7e00"]);
  });
});
