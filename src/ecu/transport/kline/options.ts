/** Settings of one side of a K-Line. */

interface TimerRow {
  /** ms. */
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Whose it is, and what for. */
  readonly about: string;
}

/** ISO 14230-2, tables of timing parameters and of the initialisation; all in ms. */
export const KLINE_TIMERS = {
  P1min: { default: 0, min: 0, max: 1_000, about: "ECU: gap between two of its bytes" },
  P1max: {
    default: 20,
    min: 0,
    max: 1_000,
    about: "tester: a longer gap between two bytes of the ECU ends the message",
  },
  P2min: { default: 25, min: 0, max: 1_000, about: "ECU: silence before a response" },
  P2max: { default: 50, min: 1, max: 5_000, about: "tester: until the answer to StartCommunication" },
  P3min: { default: 55, min: 0, max: 5_000, about: "tester: silence before a request" },
  P3max: { default: 5_000, min: 100, max: 600_000, about: "tester: after so long a silence the ECU is woken up anew" },
  P4min: { default: 5, min: 0, max: 1_000, about: "tester: gap between two of its bytes; 0 sends them in one go" },
  P4max: {
    default: 20,
    min: 0,
    max: 1_000,
    about: "ECU: a longer gap between two bytes of the tester ends the message",
  },
  W1min: { default: 60, min: 0, max: 10_000, about: "tester: what comes earlier after the address is no sync byte" },
  W1max: { default: 300, min: 1, max: 10_000, about: "tester: from the address at 5 baud until the sync byte 55" },
  W2max: { default: 20, min: 1, max: 10_000, about: "tester: from the sync byte until key byte 1" },
  W3max: { default: 20, min: 1, max: 10_000, about: "tester: from key byte 1 until key byte 2" },
  W4min: { default: 25, min: 0, max: 10_000, about: "tester: from key byte 2 until its complement is sent" },
  W4max: { default: 50, min: 1, max: 10_000, about: "tester: from there until the complement of the address" },
  W5: { default: 300, min: 0, max: 10_000, about: "tester: silence before an init" },
  TiniL: { default: 25, min: 1, max: 1_000, about: "tester: low pulse of the fast init, ± 1" },
  TWuP: {
    default: 50,
    min: 1,
    max: 1_000,
    about: "tester: from the begin of that pulse until StartCommunication, ± 1",
  },
} as const satisfies Readonly<Record<string, TimerRow>>;

export type KlineTiming = Readonly<Record<keyof typeof KLINE_TIMERS, number>>;

export const DEFAULT_KLINE_TIMING = Object.fromEntries(
  Object.entries(KLINE_TIMERS).map(([name, row]) => [name, row.default]),
) as KlineTiming;

export interface KlineOptions {
  /** The tester waits P3min before it sends and wakes the ECU up where the link says so; the ECU waits P2min. */
  readonly role: "tester" | "ecu";
  /** Physical addresses, 0–FF. */
  readonly own: number;
  readonly peer: number;
  /** Functional address. Default 33 (ISO 14230-2). */
  readonly functional?: number;
  /** To whom StartCommunication and the address at 5 baud go. Default functional. */
  readonly startAddressing?: "functional" | "physical";
  readonly timing?: Partial<KlineTiming>;
  /**
   * ms that this computer and its adapter may add to every upper limit, e.g. the 16 ms for which a USB adapter collects bytes. Default
   * 200, range 0–10,000.
   */
  readonly latency?: number;
  /** How often the ECU is woken up before that counts as failed. Default 3, range 1–10. */
  readonly attempts?: number;
}

export const DEFAULT_FUNCTIONAL = 0x33;

/** The part of a hardware profile that describes its K-Line. */
export interface KlineSettings {
  readonly testerAddress: number;
  readonly ecuAddress: number;
  readonly functionalAddress?: number;
  readonly startAddressing?: "functional" | "physical";
  readonly timing: Partial<KlineTiming>;
}

/** The options of one side of a profile's K-Line. @param latency see KlineOptions */
export function klineOptionsOf(kline: KlineSettings, role: KlineOptions["role"], latency: number): KlineOptions {
  const { testerAddress, ecuAddress, functionalAddress, startAddressing, timing } = kline;
  return {
    role,
    ...(role === "tester" ? { own: testerAddress, peer: ecuAddress } : { own: ecuAddress, peer: testerAddress }),
    ...(functionalAddress === undefined ? {} : { functional: functionalAddress }),
    ...(startAddressing === undefined ? {} : { startAddressing }),
    timing,
    latency,
  };
}
