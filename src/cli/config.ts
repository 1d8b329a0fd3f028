/** The station's configuration: one YAML file (config/station.*.yaml), or the simulator's defaults where none is given. */
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { type CertificateType, CertificateTypes } from "../profiles/schema.js";
import { RateLimitSchema, ShutdownSchema } from "../servers/http/config.js";
import { isLoopback } from "../servers/http/ranges.js";
import { type KmsConfig, KmsConfigSchema } from "../servers/kms/config.js";
import { AuthoritiesSchema, CaKeysSchema, VpkiConfigSchema } from "../servers/vpki/config.js";
import { StationError } from "../shared/errors.js";
import { packageRoot } from "../shared/paths.js";
import { Secret } from "../shared/secret.js";
import type { TokenConfig } from "../shared/token-config.js";
import { parseYaml } from "../shared/yaml.js";
import { type BayConfig, BaysSchema, bayFault } from "./bays.js";
import { caConfigOf } from "./ca-keys.js";
import { type CredentialFiles, CredentialsSchema, credentialsOf } from "./credentials.js";
import { DatabaseSchema, databaseOf } from "./database.js";
import { ExternalSection, type ExternalServers, externalServersOf } from "./external.js";
import { readHexFile, readText } from "./files.js";
import { type OrdersConfig, OrdersSchema, ordersOf } from "./orders/config.js";
import { overridesOf } from "./overrides.js";
import { type PageConfig, PageSchema, pageOf } from "./page/config.js";
import { isSimulators, SIMULATOR_REGISTRY, SIMULATOR_SECRET, SIMULATORS_SECRET } from "./plant-secrets.js";
import { samePort } from "./ports.js";
import { type ProfilesConfig, ProfilesSchema, profilesOf } from "./profile-setting.js";
import { type RecordsConfig, RecordsSchema, ReworkSchema, recordsConfigOf } from "./records-setting.js";
import { type ResultsConfig, ResultsSchema, resultsOf } from "./results.js";
import { type Fault, TokensSchema, tokenOf, unitTokensOf } from "./tokens.js";
import { type TracesConfig, TracesSchema, tracesOf } from "./traces.js";

const strict = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Port = (fallback: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: fallback });
const Ms = (minimum: number, maximum: number, fallback: number) => Type.Number({ minimum, maximum, default: fallback });

const EmbeddedSection = Type.Object(
  {
    /** Address that both servers listen on. */
    host: Type.String({ minLength: 1, default: "127.0.0.1" }),
    /** File of the business servers that may use them (docs/access.md); needed where `host` is no loopback address. */
    access: Type.Optional(Text),
    /** 0 picks a free port. */
    vpkiPort: Port(0),
    kmsPort: Port(0),
    /** Plain HTTP for CRL, OCSP and CA certificates, as certificates name them; 0 picks a free port once and keeps to it. */
    statusPort: Port(0),
    /** Suppliers, ECU types, supplier secrets; without it config/registry.simulator.yaml. */
    registry: Type.Optional(Text),
    /** All (`true`) or these certificate types are issued exactly as the OEM's service was seen to (critical AKI/SKI, 2.5.29.32). */
    asSeen: Type.Union([Type.Boolean(), Type.Array(Type.Enum([...CertificateTypes]))], { default: [] }),
    /** Where CA keys are: encrypted files of the data folder, or a PKCS#11 token (docs/pkcs11.md). */
    caKeys: Type.Optional(CaKeysSchema),
    /** CAs whose certificate or key is the plant's own. */
    authorities: Type.Optional(AuthoritiesSchema),
    /** What one client may send; left out, 500 requests a second and 5000 at once, and no limit for loopback. */
    rateLimit: Type.Optional(RateLimitSchema),
    /** How the servers end, ms; docs/operations.md. */
    shutdown: ShutdownSchema,
    /** Addresses in certificates, revocation, names of the CAs; docs/vpki.md. */
    vpki: Type.Omit(VpkiConfigSchema, ["asSeen", "caKeys", "authorities"], { ...strict, default: {} }),
    /** Master key in a token, leases; docs/kms.md. */
    kms: KmsConfigSchema,
    /** Where the stores of both are; SQLite files of the data folder where nothing is said (docs/postgresql.md). */
    database: Type.Optional(DatabaseSchema),
  },
  strict,
);

const StationSchema = Type.Object(
  {
    schema: Type.Literal(1),
    mode: Type.Enum(["simulator", "plant"]),
    /** Operator texts. */
    language: Type.Enum(["ko", "en", "both"], { default: "both" }),
    station: Type.Object(
      {
        id: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$", default: "station-1" }),
        bays: BaysSchema,
      },
      { ...strict, default: {} },
    ),
    /** Folder of stores, keys and traces; `--data` overrides it. */
    data: Type.Optional(Text),
    profiles: Type.Optional(ProfilesSchema),
    /** Where inputs come from that nobody gave: made up by the simulator, or nowhere. */
    orders: Type.Optional(OrdersSchema),
    /** Who is told what became of a unit, beside the KMS; docs/mes.md. */
    results: ResultsSchema,
    /** One of the two; embedded ones where nothing is said. */
    servers: Type.Object(
      { embedded: Type.Optional(EmbeddedSection), external: Type.Optional(ExternalSection) },
      { ...strict, default: {} },
    ),
    /** Supplier secrets by the name that profiles use. */
    secrets: Type.Record(
      Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$" }),
      Type.Union([
        Type.Object({ file: Text }, strict),
        Type.Object({ hex: Type.String({ pattern: "^([0-9a-fA-F]{2}){1,64}$" }) }, strict),
      ]),
      { ...strict, default: {} },
    ),
    /** Certificates and keys for ECUs that are opened by them, by the name that profiles use. */
    credentials: CredentialsSchema,
    /** Tokens that units' keys go into; docs/pkcs11.md. */
    tokens: TokensSchema,
    traces: TracesSchema,
    records: RecordsSchema,
    rework: ReworkSchema,
    /** The operator page; docs/operator-page.md. */
    page: PageSchema,
    /** ms; counts. */
    limits: Type.Object(
      {
        /** One HTTP request, connection included. */
        request: Ms(100, 600_000, 10_000),
        /** Tries of one request over all servers of a list. */
        attempts: Type.Integer({ minimum: 1, maximum: 100, default: 4 }),
        /** How long the end of a run waits for results that are still owed. */
        flush: Ms(0, 600_000, 5_000),
        /** How long a started simulator or server may take until it listens. */
        start: Ms(100, 600_000, 20_000),
      },
      { ...strict, default: {} },
    ),
  },
  strict,
);

type StationFile = Static<typeof StationSchema>;
export type Mode = StationFile["mode"];
export type Language = StationFile["language"];
export type EmbeddedServers = Omit<Static<typeof EmbeddedSection>, "registry" | "asSeen"> & {
  readonly registry: string;
  readonly asSeen: readonly CertificateType[];
};
export type ServersConfig =
  | ({ readonly kind: "embedded" } & EmbeddedServers)
  | ({ readonly kind: "external" } & ExternalServers);

/** The configuration as the program uses it: defaults filled in, every path absolute. */
export interface StationConfig extends ProfilesConfig, RecordsConfig {
  /** The file it was read from; undefined for the simulator's defaults. */
  readonly file: string | undefined;
  readonly mode: Mode;
  readonly language: Language;
  readonly station: {
    readonly id: string;
    readonly bays: readonly BayConfig[];
  };
  /** Folder of stores, keys and traces. */
  readonly dataDir: string;
  readonly orders: OrdersConfig;
  readonly results: ResultsConfig;
  readonly servers: ServersConfig;
  readonly secrets: ReadonlyMap<string, SecretSource>;
  readonly credentials: ReadonlyMap<string, CredentialFiles>;
  readonly tokens: ReadonlyMap<string, TokenConfig>;
  readonly traces: TracesConfig;
  readonly page: PageConfig;
  readonly limits: StationFile["limits"];
  /** An error at a place of the file, for what only the files that it names can tell. */
  readonly fault: Fault;
}

/** Where a secret is: a file of hex, or (simulator mode only) the configuration itself. */
export type SecretSource = { readonly file: string } | { readonly hex: Secret };

const DEFAULTS = `schema: 1\nmode: simulator\nsecrets: { simulator-cluster: { hex: "${SIMULATOR_SECRET}" } }\n`;

/**
 * Reads the configuration.
 * @param file path as given; without it the simulator's defaults hold
 * @param dataDir folder that overrides the file's
 * @param env the environment, whose settings override the file's (overrides.ts)
 * @throws StationError CONFIG_INVALID with `file:line:column: path: what is wrong`
 */
export async function loadConfig(
  file: string | undefined,
  dataDir: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<StationConfig> {
  const text = file === undefined ? DEFAULTS : await readText(file);
  return parseConfig(text, file, dataDir, env);
}

/** As loadConfig, from text. Relative paths count from the file's folder, also those that the environment gives. */
export function parseConfig(
  text: string,
  file: string | undefined,
  dataDir: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): StationConfig {
  const document = parseYaml(StationSchema, text, file ?? "(built-in configuration)", "CONFIG_INVALID", (raw) =>
    overridesOf(StationSchema, raw, env),
  );
  const given = document.value;
  const folder = file === undefined ? packageRoot() : dirname(resolve(file));
  const at = (path: string) => resolve(folder, path);
  const profileAt = (nameOrFile: string) => (isPath(nameOrFile) ? at(nameOrFile) : nameOrFile);
  const fault: Fault = (path, what) => document.error(path, what);
  const wrong = bayFault(given.station.bays, given.tokens);
  if (wrong !== undefined) throw fault(["station", "bays", ...wrong.path], wrong.what);
  const secrets = new Map<string, SecretSource>();
  for (const [name, source] of Object.entries(given.secrets)) {
    if ("file" in source) secrets.set(name, { file: at(source.file) });
    else if (given.mode === "simulator") secrets.set(name, { hex: Secret.fromHex(source.hex) });
    else throw fault(["secrets", name, "hex"], "may stand here in mode: simulator only (expected file)");
  }
  const data = resolve(dataDir ?? (given.data === undefined ? defaultDataDir(env) : at(given.data)));
  return {
    file,
    mode: given.mode,
    language: given.language,
    station: {
      id: given.station.id,
      bays: given.station.bays.map((bay) => ({
        ...bay,
        ...(bay.profile === undefined ? {} : { profile: profileAt(bay.profile) }),
      })),
    },
    dataDir: data,
    ...profilesOf(given.profiles, given.mode === "plant", at),
    orders: ordersOf(given.orders, given.mode, at, fault),
    results: resultsOf(given.results, at, fault),
    servers: serversOf(given, at, fault),
    secrets,
    credentials: credentialsOf(given.credentials, at),
    tokens: unitTokensOf(given.tokens, at, fault),
    traces: tracesOf(given.traces, data, at),
    ...recordsConfigOf(given),
    page: pageOf(given.page, at, profileAt, fault),
    limits: given.limits,
    fault,
  };
}

function serversOf(given: StationFile, at: (path: string) => string, fault: Fault): ServersConfig {
  const { embedded, external } = given.servers;
  if (external === undefined) {
    const { access, registry, asSeen, caKeys, authorities, kms, database, ...rest } =
      embedded ?? Value.Parse(EmbeddedSection, Value.Default(EmbeddedSection, {}));
    if (access === undefined && !isLoopback(rest.host))
      throw fault(
        ["servers", "embedded", "host"],
        "opens the servers to other machines without an allow list (expected access: FILE beside it, or a loopback address)",
      );
    const clash = samePort(rest, given.page);
    if (clash !== undefined) throw fault(clash.path, clash.what);
    const file = registry === undefined ? SIMULATOR_REGISTRY : at(registry);
    const ca = caConfigOf({ ...(caKeys && { caKeys }), ...(authorities && { authorities }) }, at, fault);
    const seen = typeof asSeen === "boolean" ? CertificateTypes.filter(() => asSeen) : asSeen;
    return {
      kind: "embedded",
      ...rest,
      ...ca,
      ...(access === undefined ? {} : { access: at(access) }),
      kms: kmsConfigOf(kms, at, fault),
      ...(database && { database: databaseOf(database, given.mode === "plant", at, fault) }),
      registry: file,
      asSeen: seen,
    };
  }
  if (embedded !== undefined) throw fault(["servers", "external"], "stands beside embedded (expected one of them)");
  return { kind: "external", ...externalServersOf(external, at, fault) };
}

function kmsConfigOf(given: KmsConfig, at: (path: string) => string, fault: Fault): KmsConfig {
  const { masterKey, console } = given;
  const path = ["servers", "embedded", "kms", "masterKey", "pkcs11"];
  return {
    ...given,
    ...(masterKey && { masterKey: { ...masterKey, pkcs11: tokenOf(masterKey.pkcs11, path, at, fault) } }),
    ...(console?.users !== undefined && { console: { ...console, users: at(console.users) } }),
  };
}

/** The text of docs/station.schema.json. */
export function stationSchemaJson(): string {
  const head = { $schema: "https://json-schema.org/draft/2020-12/schema", title: "Configuration of ecustation" };
  return `${JSON.stringify({ ...head, ...StationSchema }, null, 2)}\n`;
}

/** True for a profile given by its file instead of its name. */
export function isPath(nameOrPath: string): boolean {
  return /[\\/]|\.ya?ml$/i.test(nameOrPath);
}

/** The user's data folder by the habits of the system. */
export function defaultDataDir(env: Readonly<Record<string, string | undefined>>, platform = process.platform): string {
  if (platform === "win32") {
    const local = env.LOCALAPPDATA;
    return join(local === undefined || local === "" ? join(homedir(), "AppData", "Local") : local, "ecustation");
  }
  const xdg = env.XDG_DATA_HOME;
  // A relative XDG path is to be ignored (XDG base directory specification).
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), ".local", "share"), "ecustation");
}

/** The station's records: runs, journals, results owed. */
export function recordsFile(config: StationConfig): string {
  return join(config.dataDir, "records.sqlite");
}

/** The secret of that name; the caller wipes it. @throws StationError CONFIG_INVALID */
export async function readSecret(config: StationConfig, name: string): Promise<Secret> {
  const source = config.secrets.get(name);
  if (source === undefined) {
    const what = `${config.file ?? "(built-in configuration)"}: secrets.${name}: is missing, a profile needs it`;
    throw new StationError("CONFIG_INVALID", { details: { what } });
  }
  if ("hex" in source) return source.hex.use((bytes) => new Secret(bytes.slice()));
  const secret = await readHexFile(source.file);
  if (config.mode === "simulator" || !isSimulators(secret)) return secret;
  secret.wipe();
  throw config.fault(["secrets", name, "file"], `${source.file}: ${SIMULATORS_SECRET}`);
}
