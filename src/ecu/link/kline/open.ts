/** `kline:DEVICE?baud=&init=&echo=&offset=`: a K-Line interface, or a plain UART, at a serial port. */
import type { Clock } from "../../../shared/clock.js";
import { Listeners } from "../../../shared/listeners.js";
import type { Echo, KlineInit, KlineLink } from "../link.js";
import { openSerial } from "../serial.js";
import type { BreakStream } from "../stream.js";
import { checkQuery, devicePart, invalidUrl, type LinkUrl, numberParameter, parseLinkUrl } from "../url.js";

export const KLINE_FORM = "kline:DEVICE?baud=10400&init=fast";
const INITS: readonly KlineInit[] = ["fast", "5baud", "none"];
const ECHOES: readonly Echo[] = ["line", "none", "make"];
const PARAMETERS = ["baud", "init", "echo", "offset"];
/** Most ms by which an adapter may bend a pulse. */
const MAX_OFFSET = 20;

/** What counts where the URL says nothing: the profile's, and the side's echo. */
export interface KlineDefaults {
  readonly baud: number;
  readonly init: KlineInit;
  readonly echo: Echo;
}

type Settings = KlineDefaults & { readonly device: string; readonly offset: number };

export function isKlineUrl(url: string): boolean {
  return /^kline:/i.test(url);
}

/** Judges a URL without opening anything. @throws StationError LINK_URL_INVALID */
export function checkKlineUrl(link: LinkUrl): void {
  settingsOf(link, { baud: 10_400, init: "none", echo: "line" });
}

/** @throws StationError LINK_URL_INVALID, LINK_UNSUPPORTED, LINK_OPEN_FAILED */
export async function openKline(url: string, defaults: KlineDefaults, clock: Clock): Promise<KlineLink> {
  const { device, ...settings } = settingsOf(parseLinkUrl(url), defaults);
  const stream = await openSerial(device, { baudRate: settings.baud }, clock);
  return klineOverStream(stream, { url, ...settings });
}

/** A link on an open stream, which it closes with itself. */
function klineOverStream(
  stream: BreakStream,
  settings: Pick<KlineLink, "url" | "baud" | "init" | "echo" | "offset">,
): KlineLink {
  const chunks = new Listeners<[Uint8Array]>();
  const ends = new Listeners<[Error]>();
  stream.onData((chunk) => chunks.emit(chunk));
  stream.onClosed((error) => ends.emit(error));
  return {
    ...settings,
    write: (bytes) => stream.write(bytes),
    setBreak: (low) => stream.setBreak(low),
    onData: (listener) => chunks.add(listener),
    onClosed: (listener) => ends.add(listener),
    close: () => stream.close(),
  };
}

function settingsOf(link: LinkUrl, defaults: KlineDefaults): Settings {
  checkQuery(link, PARAMETERS);
  return {
    device: devicePart(link, "the serial device"),
    baud: numberParameter(link, "baud", 300, 1_000_000) ?? defaults.baud,
    init: choice(link, "init", INITS) ?? defaults.init,
    echo: choice(link, "echo", ECHOES) ?? defaults.echo,
    offset: offsetOf(link),
  };
}

function choice<T extends string>(link: LinkUrl, name: string, known: readonly T[]): T | undefined {
  const text = link.query.get(name);
  if (text === undefined) return undefined;
  const found = known.find((value) => value === text);
  if (found === undefined) throw invalidUrl(link.url, `${name} must be ${known.join(", ")}`);
  return found;
}

function offsetOf(link: LinkUrl): number {
  const text = link.query.get("offset");
  if (text === undefined) return 0;
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(Math.abs(value) <= MAX_OFFSET))
    throw invalidUrl(link.url, `offset must be a number of ms from -${MAX_OFFSET} to ${MAX_OFFSET}`);
  return value;
}
