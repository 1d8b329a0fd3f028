/** How a configuration says what feeds the unit of a bay (docs/power.md). */
import { type Static, Type } from "typebox";
import { checkQuery, devicePart, hostPort, type LinkUrl, numberParameter, parseLinkUrl } from "../ecu/link/url.js";

const strict = { additionalProperties: false };
const Ms = (minimum: number, maximum: number, fallback: number) => Type.Number({ minimum, maximum, default: fallback });
const Value = (maximum: number) => Type.Number({ minimum: 0, maximum });
/** Least and most. */
const Range = (maximum: number) => Type.Tuple([Value(maximum), Value(maximum)]);
const MAX_VOLTS = 100;
const MAX_AMPERES = 200;

/** What an instrument is told and asked; `{value}` and `{channel}` stand for numbers. */
export const SCPI_COMMANDS = {
  select: "INST:NSEL {channel}",
  voltage: "VOLT {value}",
  current: "CURR {value}",
  on: "OUTP ON",
  off: "OUTP OFF",
  askOn: "OUTP?",
  askVoltage: "VOLT?",
  askCurrent: "CURR?",
  measureVoltage: "MEAS:VOLT?",
  measureCurrent: "MEAS:CURR?",
} as const;

export type ScpiCommand = keyof typeof SCPI_COMMANDS;

const Command = Type.Optional(Type.String({ pattern: "^[\\x20-\\x7e]{1,120}$" }));
const Commands = Type.Object(
  {
    select: Command,
    voltage: Command,
    current: Command,
    on: Command,
    off: Command,
    askOn: Command,
    askVoltage: Command,
    askCurrent: Command,
    measureVoltage: Command,
    measureCurrent: Command,
  } satisfies Record<ScpiCommand, typeof Command>,
  strict,
);

export const PowerSchema = Type.Object(
  {
    /** `manual:`, `scpi:DEVICE?baud=&channel=`, `scpi+tcp://HOST:PORT?channel=`, `ecu-sim:SOCKET?ecu=`, `ecu-sim+tcp://HOST:PORT?ecu=`. */
    supply: Type.String({ minLength: 1 }),
    /** V and A that the output is set to. */
    voltage: Type.Optional(Value(MAX_VOLTS)),
    current: Type.Optional(Value(MAX_AMPERES)),
    /** What may be measured at the output while it is on, V and A; outside it is switched off. */
    limits: Type.Object(
      { voltage: Type.Optional(Range(MAX_VOLTS)), current: Type.Optional(Range(MAX_AMPERES)) },
      { ...strict, default: {} },
    ),
    /** At the end of a run, however it ends. Left out: off; where a person switches, keep. */
    atEnd: Type.Optional(Type.Enum(["off", "keep"])),
    /** ms without power in a power cycle. */
    off: Ms(0, 60_000, 1_000),
    /** ms from switching on until it is measured and the unit is talked to: its start is in it. */
    settle: Ms(0, 60_000, 500),
    /** ms for one answer of the supply. */
    timeout: Ms(10, 60_000, 2_000),
    /** Commands of an instrument that has others. */
    commands: Type.Optional(Commands),
  },
  strict,
);

export type PowerConfig = Static<typeof PowerSchema>;
type Range = readonly [number, number];

/** Limits of what is measured where the configuration names none: V about the voltage that is set, A from none to all. */
const VOLTAGE_TOLERANCE = 0.5;

export interface PowerLimits {
  readonly voltage: Range | undefined;
  readonly current: Range | undefined;
}

export function limitsOf({ voltage, current, limits }: PowerConfig): PowerLimits {
  const about =
    voltage === undefined ? undefined : ([voltage - VOLTAGE_TOLERANCE, voltage + VOLTAGE_TOLERANCE] as const);
  return {
    voltage: limits.voltage ?? about,
    current: limits.current ?? (current === undefined ? undefined : [0, current]),
  };
}

interface Scheme {
  readonly parameters: readonly string[];
  /** @throws StationError LINK_URL_INVALID */
  check(address: LinkUrl): void;
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  manual: { parameters: [], check: () => undefined },
  scpi: { parameters: ["baud", "channel"], check: (address) => void devicePart(address, "the serial device") },
  "scpi+tcp": { parameters: ["channel"], check: (address) => void hostPort(address, 1) },
  "ecu-sim": { parameters: ["ecu"], check: (address) => void devicePart(address, "the control socket") },
  "ecu-sim+tcp": { parameters: ["ecu"], check: (address) => void hostPort(address, 1) },
};

function isScpi(scheme: string): boolean {
  return scheme === "scpi" || scheme === "scpi+tcp";
}

/** What is wrong with a bay's `power`, and with which member; undefined where it is right. @throws StationError LINK_URL_INVALID */
export function powerFault(config: PowerConfig): { path: readonly (string | number)[]; what: string } | undefined {
  const address = parseLinkUrl(config.supply);
  const scheme = Object.hasOwn(SCHEMES, address.scheme) ? SCHEMES[address.scheme] : undefined;
  if (scheme === undefined)
    return {
      path: ["supply"],
      what: `has the unknown scheme ${address.scheme}: (known: ${Object.keys(SCHEMES).join(", ")})`,
    };
  checkQuery(address, scheme.parameters);
  numberParameter(address, "baud", 300, 4_000_000);
  numberParameter(address, "channel", 1, 64);
  numberParameter(address, "ecu", 0, 255);
  scheme.check(address);
  for (const name of ["voltage", "current"] as const) {
    const value = config[name];
    if (isScpi(address.scheme) !== (value !== undefined))
      return {
        path: [name],
        what: value === undefined ? "is missing: an instrument is set to it" : "cannot be set on this supply",
      };
    const limits = limitsOf(config)[name];
    if (limits !== undefined && !isScpi(address.scheme))
      return { path: ["limits", name], what: "cannot be measured on this supply" };
    if (limits === undefined || value === undefined) continue;
    if (limits[0] > limits[1]) return { path: ["limits", name], what: "ends below its beginning" };
    // The current that is set is the most that may flow; it is no aim.
    const outside = name === "voltage" ? value < limits[0] || value > limits[1] : value < limits[0];
    if (outside) return { path: [name], what: `is outside limits.${name} (${limits.join(" to ")})` };
  }
  return undefined;
}
