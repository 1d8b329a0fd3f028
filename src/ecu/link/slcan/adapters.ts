/** What differs between slcan adapters. An acknowledgement is the adapter's word that it took a command, never that the bus did. */

export interface AdapterKind {
  readonly name: string;
  /**
   * `cr`: every command and frame is acknowledged (CR, zCR, ZCR; BEL refuses). `none`: nothing is. `learn`: as the answers to the
   * opening commands show.
   */
  readonly ack: "cr" | "none" | "learn";
  /** Bit rate of `S7`; undefined where it is not known, and then S7 is not used. */
  readonly s7: 800_000 | 750_000 | undefined;
  /** Takes `d D b B`; `learn`: it does if it acknowledges the command that sets the data rate. */
  readonly fd: boolean | "learn";
  /** `Yn` of the CAN FD data phase that all its firmware has, by bit/s. */
  readonly dataRates: ReadonlyMap<number, string>;
}

const NO_DATA_RATES: ReadonlyMap<number, string> = new Map();
/** Those on which all adapters with CAN FD agree. */
const COMMON_DATA_RATES: ReadonlyMap<number, string> = new Map([
  [2_000_000, "Y2"],
  [5_000_000, "Y5"],
]);
/** README of WeActStudio.USB2CANFDV1, and of Nakakiyo's firmware for the same boards. */
const MBIT_DATA_RATES: ReadonlyMap<number, string> = new Map(
  [1, 2, 3, 4, 5].map((n) => [n * 1_000_000, `Y${n}`] as const),
);

/** By the CAN232 manual and the firmware's sources and READMEs. */
const ROWS: readonly AdapterKind[] = [
  { name: "auto", ack: "learn", s7: undefined, fd: "learn", dataRates: COMMON_DATA_RATES },
  { name: "lawicel", ack: "cr", s7: 800_000, fd: false, dataRates: NO_DATA_RATES },
  { name: "usbtin", ack: "cr", s7: 800_000, fd: false, dataRates: NO_DATA_RATES },
  { name: "nakakiyo", ack: "learn", s7: 800_000, fd: true, dataRates: MBIT_DATA_RATES },
  // S7 was 750 kbit/s in its first firmware and is 800 kbit/s in later ones.
  { name: "weact", ack: "learn", s7: undefined, fd: true, dataRates: MBIT_DATA_RATES },
  { name: "canable", ack: "none", s7: 750_000, fd: false, dataRates: NO_DATA_RATES },
  // It refuses without a word, so only the rates of its first firmware are sure.
  { name: "canable2", ack: "none", s7: 750_000, fd: true, dataRates: COMMON_DATA_RATES },
  // Acknowledges also what it could not send.
  { name: "wican", ack: "cr", s7: undefined, fd: false, dataRates: NO_DATA_RATES },
];

export const ADAPTERS: ReadonlyMap<string, AdapterKind> = new Map(ROWS.map((row) => [row.name, row]));

export interface UsbDevice {
  readonly text: string;
  /** Names of the rows that its firmware may be; empty where it is any serial line. */
  readonly adapters: readonly string[];
}

/** USB serial devices by `VID:PID`. */
export const USB_DEVICES: ReadonlyMap<string, UsbDevice> = new Map([
  ["0403:ffa8", { text: "Lawicel CANUSB", adapters: ["lawicel"] }],
  ["04d8:000a", { text: "USBtin", adapters: ["usbtin"] }],
  ["ad50:60c4", { text: "CANtact", adapters: ["canable"] }],
  ["16d0:117e", { text: "CANable", adapters: ["canable", "canable2"] }],
  ["0403:6001", { text: "FTDI serial line", adapters: [] }],
  ["10c4:ea60", { text: "CP210x serial line", adapters: [] }],
  ["1a86:7523", { text: "CH340 serial line", adapters: [] }],
]);

/** What a USB device is known to be. @param usb `VID:PID` in lower-case hex */
export function usbDevice(usb: string | undefined): UsbDevice | undefined {
  return usb === undefined ? undefined : USB_DEVICES.get(usb);
}

/** `Sn` on which all adapters agree. */
const COMMON_RATES: ReadonlyMap<number, string> = new Map([
  [10_000, "S0"],
  [20_000, "S1"],
  [50_000, "S2"],
  [100_000, "S3"],
  [125_000, "S4"],
  [250_000, "S5"],
  [500_000, "S6"],
  [1_000_000, "S8"],
]);

/** The command that sets the data rate of CAN FD; undefined where the adapter has none that is sure. */
export function dataBitrateCommand(kind: AdapterKind, bitrate: number): string | undefined {
  return kind.dataRates.get(bitrate);
}

/** The command that sets `bitrate`; undefined where the adapter has none that is sure. */
export function bitrateCommand(kind: AdapterKind, bitrate: number): string | undefined {
  return COMMON_RATES.get(bitrate) ?? (kind.s7 === bitrate ? "S7" : undefined);
}
