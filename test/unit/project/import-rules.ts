/** The import table of the design as data, and a checker of sources given as text. */
import { posix } from "node:path";

export interface Zone {
  /** Folder (or file) that the row is about; the longest that fits a file counts. */
  readonly folder: string;
  /** Folders or files that it may import; its own folder always. */
  readonly may: readonly string[];
  /** Of these the types only. */
  readonly types?: readonly string[];
  /** No I/O and no clock. */
  readonly pure?: boolean;
}

const SHARED = "src/shared";
const PORTS = "src/station/ports.ts";

export const ZONES: readonly Zone[] = [
  { folder: SHARED, may: [] },
  { folder: "src/she/codec", may: [SHARED], pure: true },
  { folder: "src/she/update", may: ["src/she/codec", SHARED], pure: true },
  { folder: "src/pki", may: [SHARED], pure: true },
  { folder: "src/contract", may: [SHARED], pure: true },
  { folder: "src/profiles", may: [SHARED], pure: true },
  { folder: "src/ecu/link", may: [SHARED] },
  { folder: "src/ecu/transport", may: ["src/ecu/link/link.ts", SHARED] },
  { folder: "src/ecu/uds", may: ["src/ecu/transport/transport.ts", SHARED] },
  { folder: "src/token", may: [SHARED] },
  { folder: "src/audit", may: [SHARED] },
  { folder: "src/db", may: [SHARED] },
  { folder: "src/injection", may: ["src/ecu/uds", "src/token", "src/she", "src/pki", SHARED], types: [PORTS] },
  ...["vpki", "kms"].map((name) => ({
    folder: `src/servers/${name}`,
    may: ["src/servers/http", "src/contract", "src/pki", "src/she", "src/token", "src/audit", "src/db", SHARED],
  })),
  {
    folder: "src/servers/http",
    may: ["src/contract", "src/pki", "src/she", "src/token", "src/audit", "src/db", SHARED],
  },
  {
    folder: "src/power",
    may: ["src/ecu/link/stream.ts", "src/ecu/link/serial.ts", "src/ecu/link/tcp.ts", "src/ecu/link/url.ts", SHARED],
    types: [PORTS],
  },
  { folder: "src/clients", may: ["src/contract", SHARED], types: [PORTS] },
  { folder: "src/records", may: ["src/db", "src/audit", SHARED], types: [PORTS] },
  { folder: "src/station", may: ["src/profiles", "src/pki", "src/she/codec", SHARED] },
  { folder: "src/hmi/contract", may: [SHARED] },
  { folder: "src/hmi/api", may: ["src/hmi/contract", "src/station", "src/records", SHARED] },
  { folder: "src/hmi/web", may: ["src/hmi/contract"] },
  {
    folder: "firmware-sim",
    may: [
      "src/ecu/link",
      "src/ecu/transport",
      "src/ecu/uds/tables",
      "src/profiles",
      "src/pki",
      "src/she/codec",
      SHARED,
    ],
  },
  { folder: "src/app.ts", may: ["src"] },
  { folder: "src/cli", may: ["src", "firmware-sim"] },
];

interface PackageRule {
  readonly package: string;
  /** Folders or files that may import it. */
  readonly only: readonly string[];
  /** Loaded by `import()` alone (its types may be imported). */
  readonly dynamic?: boolean;
}

export const PACKAGES: readonly PackageRule[] = [
  { package: "xstate", only: ["src/station/run"] },
  { package: "serialport", only: ["src/ecu/link/serial.ts"], dynamic: true },
  { package: "socketcan", only: ["src/ecu/link/socketcan"], dynamic: true },
  { package: "pkcs11js", only: ["src/token"], dynamic: true },
  { package: "@photostructure/sqlite", only: ["src/db/database.ts"] },
  { package: "mqtt-packet", only: ["src/records/sinks/mqtt.ts"], dynamic: true },
  { package: "pg", only: ["src/db/postgres/connection.ts"] },
  { package: "node:sqlite", only: [] },
  { package: "sqlite", only: [] },
  // The bench's echo is the bare server that the KMS is set against.
  {
    package: "fastify",
    only: ["src/servers/vpki", "src/servers/kms", "src/servers/http", "src/hmi/api", "src/cli/bench/echo.ts"],
  },
  // The bench is a client of its own: what it measures must not be its own retries.
  { package: "undici", only: ["src/clients", "src/cli/bench"] },
  { package: "preact", only: ["src/hmi/web"] },
  { package: "vite", only: ["src/hmi/web/vite.config.ts"] },
  { package: "commander", only: ["src/cli", "firmware-sim"] },
];

/** What a pure folder may have of Node. */
const PURE_NODE = ["node:crypto", "node:util", "node:buffer"];
/** The one thing of node:net that opens nothing. */
const IS_IP = /^\{\s*isIP(?:v[46])?(?:\s*,\s*isIP(?:v[46])?)*\s*,?\s*\}$/;
const CLOCK = "src/shared/clock.ts";
/** The operator page has the browser's timers, and none of what runs in Node. */
const TIMERS = [CLOCK, "src/hmi/web/clock.ts"];
const TIME = /\b(?:Date|performance)\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)/;
/** The bench measures what people wait for. */
const OWN_TIME = [CLOCK, "src/hmi/web", "src/cli/bench"];
/** The store thread loads the module that its opener names; a profile may name a plant's own key algorithm. */
const COMPUTED_IMPORT = ["src/db/worker.ts", "src/shared/key-function.ts"];
export const MAX_LINES = 400;
export interface Import {
  readonly specifier: string;
  /** What stands between import and from. */
  readonly names: string;
  readonly kind: "static" | "dynamic";
  readonly typeOnly: boolean;
}

const within = (path: string, folder: string) =>
  path === folder || path.startsWith(`${folder}/`) || path === `${folder}.ts`;

const zoneOf = (path: string): Zone | undefined =>
  ZONES.filter((zone) => within(path, zone.folder)).sort((a, b) => b.folder.length - a.folder.length)[0];

/** The source without comments; strings keep their text. */
function withoutComments(source: string): string {
  return source.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`)|\/\*[\s\S]*?\*\/|(^|[^:\\/])\/\/[^\n]*/g,
    (_, text?: string, before?: string) => text ?? before ?? "",
  );
}

/** Everything that a source imports: import and export … from, import(), require(), type imports. */
export function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const found: Import[] = [];
  for (const match of code.matchAll(
    /\b(import|export)\b(?!\s*\()((?:[^"'`;=()]|=(?!>))*?)\bfrom\s*["']([^"']+)["']/g,
  )) {
    const names = (match[2] ?? "").trim();
    const inner = /^\{([\s\S]*)\}$/.exec(names)?.[1];
    const each = inner
      ?.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
    const typeOnly = /^type\b/.test(names) || each?.every((name) => /^type\s/.test(name)) === true;
    found.push({ specifier: match[3] ?? "", names, kind: "static", typeOnly });
  }
  for (const match of code.matchAll(/\bimport\s*["']([^"']+)["']/g))
    found.push({ specifier: match[1] ?? "", names: "", kind: "static", typeOnly: false });
  for (const match of code.matchAll(/(\btypeof\s+)?\bimport\s*\(\s*(?:["'`]([^"'`]+)["'`])?/g))
    found.push({ specifier: match[2] ?? "(computed)", names: "", kind: "dynamic", typeOnly: match[1] !== undefined });
  for (const match of code.matchAll(/\brequire\s*\(\s*["']([^"']+)["']/g))
    found.push({ specifier: match[1] ?? "", names: "", kind: "dynamic", typeOnly: false });
  return found;
}

/** What a set of sources (by path from the repository's root) breaks, one line each. */
export function violations(sources: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [path, source] of sources) {
    const zone = zoneOf(path);
    if (zone === undefined) {
      found.push(`${path}: stands in no folder of the design`);
      continue;
    }
    for (const entry of importsOf(source)) {
      const wrong = entry.specifier.startsWith(".") ? wrongFolder(path, zone, entry) : wrongPackage(path, zone, entry);
      if (wrong !== undefined) found.push(`${path}: ${wrong}`);
    }
    const code = withoutComments(source);
    const timer = /\bset(?:Timeout|Interval)\b|\bAbortSignal\s*\.\s*timeout\b/.exec(code);
    if (timer !== null && !TIMERS.includes(path)) found.push(`${path}: uses ${timer[0]}, take a Clock`);
    const time = TIME.exec(code);
    if (time !== null && !OWN_TIME.some((folder) => within(path, folder)))
      found.push(`${path}: uses ${time[0]}, take a Clock`);
    const lines = source.split("\n").length - 1;
    if (lines > MAX_LINES) found.push(`${path}: has ${lines} lines, at most ${MAX_LINES}`);
  }
  return found;
}

function wrongFolder(path: string, zone: Zone, entry: Import): string | undefined {
  const target = posix.join(posix.dirname(path), entry.specifier).replace(/\.js$/, ".ts");
  if (zone.pure === true && target === CLOCK) return "is pure and imports the clock";
  if (target === "src/app.ts" && !within(path, "src/cli"))
    return "imports app.ts, which nobody but the command line may";
  if (zoneOf(target) === zone || zone.may.some((folder) => within(target, folder))) return undefined;
  const types = zone.types?.some((folder) => within(target, folder)) ?? false;
  if (types && entry.typeOnly) return undefined;
  return `imports ${target}${types ? " (its types alone are allowed)" : ""}`;
}

function wrongPackage(path: string, zone: Zone, entry: Import): string | undefined {
  if (entry.specifier === "(computed)")
    return COMPUTED_IMPORT.includes(path) ? undefined : "imports a module whose name is computed";
  const rule = PACKAGES.find((row) => entry.specifier === row.package || entry.specifier.startsWith(`${row.package}/`));
  if (rule !== undefined) {
    if (!rule.only.some((folder) => within(path, folder))) return `imports ${entry.specifier}`;
    if (rule.dynamic === true && entry.kind === "static" && !entry.typeOnly)
      return `imports ${entry.specifier} statically (native: import() alone)`;
  }
  if (zone.pure === true && entry.specifier.startsWith("node:") && !PURE_NODE.includes(entry.specifier)) {
    if (entry.specifier === "node:net" && IS_IP.test(entry.names)) return undefined;
    return `is pure and imports ${entry.specifier}`;
  }
  return undefined;
}
