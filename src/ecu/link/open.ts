/** Opens a link by its URL. */
import type { Clock } from "../../shared/clock.js";
import { StationError } from "../../shared/errors.js";
import { checkKlineUrl, KLINE_FORM } from "./kline/open.js";
import type { CanLink } from "./link.js";
import type { Pace } from "./pace.js";
import { openSerial } from "./serial.js";
import { adapterOverStream, adapterOverTcp } from "./slcan/adapter-link.js";
import { ADAPTERS, bitrateCommand, dataBitrateCommand } from "./slcan/adapters.js";
import { SlcanHost, type SlcanHostOptions } from "./slcan/host.js";
import { loadAddon } from "./socketcan/addon.js";
import { SocketCanLink, type SocketCanOptions } from "./socketcan/link.js";
import { readNetdev } from "./socketcan/netdev.js";
import { connectTcp, listenTcp } from "./tcp.js";
import { checkQuery, devicePart, hostPort, invalidUrl, type LinkUrl, numberParameter, parseLinkUrl } from "./url.js";
import { openVirtual } from "./virtual/bus.js";

export interface OpenOptions {
  readonly clock: Clock;
  /** bit/s, where the URL gives none. Default 500,000. */
  readonly bitrate?: number;
  /** bit/s of the data phase; given, the link must carry CAN FD. */
  readonly dataBitrate?: number;
  /** Most ms for which a link that can come back by itself may be away before it ends. Default 0: what was lost meanwhile is lost. */
  readonly recovery?: number;
  readonly signal?: AbortSignal;
}

/** A link; one that listens says where. */
export type OpenedLink = CanLink & { readonly listening?: string };

interface Scheme {
  /** How its URLs look, for messages. */
  readonly form: string;
  /** What of the URL can be judged before anything is opened. */
  check?(link: LinkUrl): void;
  open(link: LinkUrl, options: OpenOptions): Promise<OpenedLink>;
}

const unsupported = (what: string): Scheme["open"] => {
  return () => Promise.reject(new StationError("LINK_UNSUPPORTED", { details: { what } }));
};

const SCHEMES: Readonly<Record<string, Scheme>> = {
  slcan: {
    form: "slcan:DEVICE?bitrate=500000&adapter=lawicel",
    check(link) {
      checkQuery(link, ["bitrate", "adapter", "ahead", "baud"]);
      hostOptions(link, {});
      numberParameter(link, "baud", 300, 12_000_000);
      devicePart(link, "the serial device");
    },
    async open(link, options) {
      checkQuery(link, ["bitrate", "adapter", "ahead", "baud"]);
      const host = hostOptions(link, options);
      const baudRate = numberParameter(link, "baud", 300, 12_000_000);
      const device = devicePart(link, "the serial device");
      const stream = await openSerial(device, baudRate === undefined ? {} : { baudRate }, options.clock);
      return SlcanHost.open(stream, host, options.clock);
    },
  },
  "slcan+tcp": {
    form: "slcan+tcp://HOST:PORT",
    check(link) {
      checkQuery(link, ["bitrate", "adapter", "ahead"]);
      hostOptions(link, {});
      hostPort(link, 1);
    },
    async open(link, options) {
      checkQuery(link, ["bitrate", "adapter", "ahead"]);
      const host = hostOptions(link, options);
      const { host: name, port } = hostPort(link, 1);
      return SlcanHost.open(await connectTcp(name, port, options.clock, options.signal), host, options.clock);
    },
  },
  "slcan+listen": {
    form: "slcan+listen://HOST:PORT",
    async open(link, { clock, ...options }) {
      checkQuery(link, ["pace", "dataPace", "fd"]);
      const device = adapterOptions(link, options);
      const { host, port } = hostPort(link, 0);
      const listener = await listenTcp(host, port, clock);
      const shown = host.includes(":") ? `[${host}]` : host;
      return adapterOverTcp(listener, `slcan+tcp://${shown}:${listener.port}`, device, clock);
    },
  },
  "slcan-adapter": {
    form: "slcan-adapter:DEVICE",
    async open(link, { clock, ...options }) {
      checkQuery(link, ["pace", "dataPace", "fd"]);
      const device = adapterOptions(link, options);
      return adapterOverStream(await openSerial(devicePart(link, "the serial device"), {}, clock), device, clock);
    },
  },
  virtual: {
    form: "virtual:NAME",
    async open(link, { clock, ...options }) {
      checkQuery(link, ["pace", "dataPace"]);
      const name = devicePart(link, "the name of the bus");
      return openVirtual(name, clock, paceOf(link, options));
    },
  },
  socketcan: {
    form: "socketcan:can0",
    check(link) {
      socketcanOptions(link, {});
    },
    async open(link, options) {
      const socketcan = socketcanOptions(link, options);
      return SocketCanLink.open(socketcan, { addon: await loadAddon(), netdev: readNetdev, clock: options.clock });
    },
  },
  kline: {
    form: KLINE_FORM,
    check: checkKlineUrl,
    open: unsupported("kline: carries messages, no CAN frames"),
  },
};

function socketcanOptions(
  link: LinkUrl,
  options: Pick<OpenOptions, "dataBitrate" | "recovery" | "signal">,
): SocketCanOptions {
  if (link.query.has("pace"))
    throw invalidUrl(link.url, "a CAN interface keeps the bit rate that it is set to: no pace (--bus-pace) here");
  checkQuery(link, ["recovery"]);
  const name = devicePart(link, "the CAN interface");
  if (!/^[^\s/:]{1,15}$/.test(name))
    throw invalidUrl(link.url, "an interface has 1 to 15 characters without space, / and :");
  const recovery = numberParameter(link, "recovery", 0, 3_600_000) ?? options.recovery;
  return {
    url: link.url,
    name,
    fd: options.dataBitrate !== undefined,
    ...(recovery === undefined ? {} : { recovery }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
}

/** The bit rates that a bus of ours keeps; the data rate is the profile's where the URL gives none. */
function paceOf(link: LinkUrl, options: Pick<OpenOptions, "dataBitrate">): Pace | undefined {
  const bitrate = numberParameter(link, "pace", 10_000, 8_000_000);
  const dataBitrate = numberParameter(link, "dataPace", 10_000, 8_000_000) ?? options.dataBitrate;
  if (bitrate === undefined) return undefined;
  return dataBitrate === undefined ? { bitrate } : { bitrate, dataBitrate };
}

function adapterOptions(link: LinkUrl, options: Pick<OpenOptions, "dataBitrate">) {
  return {
    url: link.url,
    pace: paceOf(link, options),
    fd: (numberParameter(link, "fd", 0, 1) ?? (options.dataBitrate === undefined ? 0 : 1)) === 1,
  };
}

function hostOptions(
  link: LinkUrl,
  options: Pick<OpenOptions, "bitrate" | "dataBitrate" | "signal">,
): SlcanHostOptions {
  const name = link.query.get("adapter") ?? "auto";
  const adapter = ADAPTERS.get(name);
  if (adapter === undefined)
    throw invalidUrl(link.url, `unknown adapter ${name} (known: ${[...ADAPTERS.keys()].join(", ")})`);
  const bitrate = numberParameter(link, "bitrate", 1, 1_000_000) ?? options.bitrate ?? 500_000;
  const command = bitrateCommand(adapter, bitrate);
  if (command === undefined) throw invalidUrl(link.url, `adapter ${name} has no sure command for ${bitrate} bit/s`);
  const sendAhead = numberParameter(link, "ahead", 1, 256);
  const { dataBitrate } = options;
  const dataCommand = dataBitrate === undefined ? undefined : dataBitrateCommand(adapter, dataBitrate);
  if (dataBitrate !== undefined && dataCommand === undefined) {
    const what = adapter.fd === false ? "CAN FD" : `sure command for a data rate of ${dataBitrate} bit/s`;
    throw new StationError("LINK_UNSUPPORTED", { details: { what: `${link.url}: adapter ${name} has no ${what}` } });
  }
  return {
    url: link.url,
    adapter,
    bitrateCommand: command,
    ...(sendAhead === undefined ? {} : { sendAhead }),
    ...(dataCommand === undefined ? {} : { dataBitrateCommand: dataCommand }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
}

/**
 * Opens the link that `url` names. Schemes: `slcan:DEVICE?bitrate=&adapter=&ahead=&baud=`, `slcan+tcp://HOST:PORT?bitrate=&adapter=&ahead=`,
 * `socketcan:INTERFACE?recovery=` (whose bit rates are set with the interface), `virtual:NAME?pace=&dataPace=`, and
 * for a simulator that plays the adapter itself `slcan+listen://HOST:PORT?pace=&dataPace=&fd=` (port 0 picks one; `listening` of the answer is the
 * URL for the other side) and `slcan-adapter:DEVICE?pace=&dataPace=&fd=`.
 *
 * @throws StationError LINK_URL_INVALID, LINK_UNSUPPORTED, LINK_OPEN_FAILED, LINK_CLOSED, LINK_INTERFACE_*, LINK_BUS_OFF
 */
export async function openLink(url: string, options: OpenOptions): Promise<OpenedLink> {
  options.signal?.throwIfAborted();
  const { link, scheme } = schemeOf(url);
  return scheme.open(link, options);
}

/** Judges a URL without opening anything. @throws StationError LINK_URL_INVALID */
export function checkLinkUrl(url: string): void {
  const { link, scheme } = schemeOf(url);
  scheme.check?.(link);
}

function schemeOf(url: string): { link: LinkUrl; scheme: Scheme } {
  const link = parseLinkUrl(url);
  const scheme = Object.hasOwn(SCHEMES, link.scheme) ? SCHEMES[link.scheme] : undefined;
  if (scheme === undefined) {
    const forms = Object.values(SCHEMES).map((row) => row.form);
    throw invalidUrl(url, `unknown scheme ${link.scheme}: (known: ${forms.join(", ")})`);
  }
  return { link, scheme };
}
