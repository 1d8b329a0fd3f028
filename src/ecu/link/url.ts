/** Reading of link URLs: `scheme:DEVICE?name=value` and `scheme://HOST:PORT?name=value`. */
import { StationError } from "../../shared/errors.js";

export interface LinkUrl {
  readonly url: string;
  /** Lower case, e.g. `slcan+tcp`. */
  readonly scheme: string;
  /** What stands between the scheme and the query: a device path, a bus name or `//host:port`. */
  readonly rest: string;
  readonly query: ReadonlyMap<string, string>;
}

export function invalidUrl(url: string, what: string): StationError {
  return new StationError("LINK_URL_INVALID", { details: { what: `${oneLine(url)}: ${what}` } });
}

/** @throws StationError LINK_URL_INVALID */
export function parseLinkUrl(url: string): LinkUrl {
  const match = /^([a-z][a-z0-9+-]*):([^?]*)(?:\?(.*))?$/i.exec(url);
  const [, scheme, rest, query] = match ?? [];
  if (scheme === undefined || rest === undefined)
    throw invalidUrl(url, "a link is SCHEME:DEVICE or SCHEME://HOST:PORT");
  return { url, scheme: scheme.toLowerCase(), rest, query: new Map(new URLSearchParams(query ?? "")) };
}

/** Refuses parameters that the scheme has not, so that a misspelt one is not silently without effect. */
export function checkQuery(link: LinkUrl, known: readonly string[]): void {
  for (const name of link.query.keys()) {
    if (!known.includes(name))
      throw invalidUrl(
        link.url,
        `unknown parameter ${name}${known.length > 0 ? ` (known: ${known.join(", ")})` : " (none is known)"}`,
      );
  }
}

/** A whole number of the query within its range; undefined when it is not there. */
export function numberParameter(link: LinkUrl, name: string, minimum: number, maximum: number): number | undefined {
  const text = link.query.get(name);
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= minimum && value <= maximum))
    throw invalidUrl(link.url, `${name} must be a whole number from ${minimum} to ${maximum}`);
  return value;
}

/** The device path or name; @throws StationError LINK_URL_INVALID when it is empty. */
export function devicePart(link: LinkUrl, what: string): string {
  if (link.rest === "" || link.rest === "//") throw invalidUrl(link.url, `${what} is missing`);
  return link.rest;
}

/** Host and port of `//HOST:PORT`; an IPv6 host stands in brackets. */
export function hostPort(link: LinkUrl, lowestPort: 0 | 1): { host: string; port: number } {
  const match = /^\/\/(?:\[([0-9a-f:.]+)\]|([^:/[\]]+)):(\d{1,5})\/?$/i.exec(link.rest);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port >= lowestPort && port <= 65_535))
    throw invalidUrl(link.url, `HOST:PORT is wanted, port ${lowestPort} to 65535`);
  return { host, port };
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach a terminal.
  const printable = text.replace(/[\u0000-\u001f\u007f]/g, "?");
  return printable.length > 120 ? `${printable.slice(0, 120)}…` : printable;
}
