/** Ports of one program: two servers at the same one would only be told when the second starts. */
import { isLoopback } from "../servers/http/ranges.js";
import type { YamlPath } from "../shared/yaml.js";

interface Embedded {
  readonly host: string;
  readonly vpkiPort: number;
  readonly kmsPort: number;
  readonly statusPort: number;
}

interface Place {
  readonly path: YamlPath;
  readonly host: string;
  readonly port: number;
}

const EMBEDDED = ["servers", "embedded"];
const EVERYWHERE = new Set(["0.0.0.0", "::"]);

/** The later one of two servers that are to listen at the same port, and what is wrong; 0 is none's. */
export function samePort(
  { host, ...ports }: Embedded,
  page: { readonly host: string; readonly port: number },
): { readonly path: YamlPath; readonly what: string } | undefined {
  const places: Place[] = [
    { path: [...EMBEDDED, "vpkiPort"], host, port: ports.vpkiPort },
    { path: [...EMBEDDED, "kmsPort"], host, port: ports.kmsPort },
    { path: [...EMBEDDED, "statusPort"], host, port: ports.statusPort },
    { path: ["page", "port"], host: page.host, port: page.port },
  ];
  for (const [i, place] of places.entries()) {
    if (place.port === 0) continue;
    const other = places.slice(0, i).find((former) => former.port === place.port && meet(former.host, place.host));
    if (other !== undefined)
      return { path: place.path, what: `is ${place.port}, as ${other.path.join(".")} (expected another port)` };
  }
  return undefined;
}

/** Whether a port of both addresses is one and the same. */
function meet(a: string, b: string): boolean {
  if (a === b || EVERYWHERE.has(a) || EVERYWHERE.has(b)) return true;
  return [a, b].includes("localhost") && isLoopback(a) && isLoopback(b);
}
