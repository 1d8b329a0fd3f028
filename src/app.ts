/** Composition root: reads the configuration and wires adapters to the station's ports. Nobody of the layers below imports it. */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { BayPower } from "./cli/bay-power.js";
import { recordsFile, type StationConfig } from "./cli/config.js";
import type { DatabaseConfig } from "./cli/database.js";
import type { ExternalServers } from "./cli/external.js";
import { readText } from "./cli/files.js";
import { type KillPoints, killPoints } from "./cli/kill-points.js";
import { openOrders } from "./cli/orders/config.js";
import { Outages } from "./cli/page/outages.js";
import { openPeerFiles } from "./cli/peer-files.js";
import { assertPlant, assertPlantRegistry } from "./cli/plant-secrets.js";
import { openSinks } from "./cli/results.js";
import { keepRecords } from "./cli/sealed-run.js";
import { type TlsPair, TlsRenewal } from "./cli/tls-renewal.js";
import type { TracedRunOptions } from "./cli/traces.js";
import type { UnitOrder } from "./cli/unit-run.js";
import { UnitTokens } from "./cli/unit-tokens.js";
import { createKmsClient } from "./clients/kms.js";
import { createVpkiClient } from "./clients/vpki.js";
import { withFileLock } from "./db/lock.js";
import { type StoreHost, workerStores } from "./db/store.js";
import type { History } from "./records/history.js";
import { openRecords } from "./records/journal.js";
import { createOutbox, type Outbox } from "./records/outbox.js";
import type { Profiles } from "./records/profiles.js";
import { type RevokedUnit, type RevokeOrder, revokeUnit } from "./records/revocation.js";
import type { Users } from "./records/users.js";
import type { Yields } from "./records/yield.js";
import { type Access, openAccess, ownAccess } from "./servers/http/access.js";
import { AccessFile } from "./servers/http/access-file.js";
import { Front } from "./servers/http/front.js";
import { ensureTls, type TlsFiles } from "./servers/http/tls.js";
import { createKms } from "./servers/kms/index.js";
import { createVpki } from "./servers/vpki/index.js";
import type { Clock } from "./shared/clock.js";
import { describe, StationError } from "./shared/errors.js";
import { makeFolder } from "./shared/folders.js";
import type { Logger } from "./shared/logger.js";
import type { KmsClient, RunHeader, RunRecord, VpkiClient } from "./station/ports.js";

/** What the commands that open a station or the servers have in common. */
export interface AppContext {
  readonly config: StationConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends a start that is still going on. */
  readonly signal: AbortSignal;
}

/** What was opened so far: closed in the opposite order, all of it, whatever fails. */
class Opened {
  readonly #ends: (() => Promise<void>)[] = [];

  add<T>(thing: T, end: (thing: T) => Promise<void>): T {
    this.#ends.push(() => end(thing));
    return thing;
  }

  /** @throws the first failure, once everything was tried */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const end of this.#ends.splice(0).reverse()) await end().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /** Closes after a failed start, whose own error is the one to tell. */
  async abandon(logger: Logger): Promise<void> {
    await this.close().catch((error: unknown) =>
      logger.warn("a failed start left something", { error: describe(error) }),
    );
  }
}

/** Most ms that a first start waits for another process that is making the same CAs. */
const FIRST_START_LIMIT = 30_000;
/** ms between two looks whether the servers' certificate, or the station's, nears its end. */
const TLS_LOOK = 3_600_000;

export interface RunningServers {
  /** Base URLs. */
  readonly vpki: string;
  readonly kms: string;
  /** PEM files: CA of the TLS certificates, and a client's certificate and key. */
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
  /** PEM bundle: issuing CAs and roots of the ECU certificates. */
  readonly chainFile: string;
  /** Ends gracefully: what is under way is finished. */
  close(): Promise<void>;
}

/** @throws StationError CONFIG_INVALID where there can be no such folder */
function makeDataFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (cause) {
    const what = `data: ${folder} cannot be made: ${describe(cause)}`;
    throw new StationError("CONFIG_INVALID", { details: { what }, cause });
  }
}

/**
 * Starts vPKI and KMS.
 * @throws StationError CONFIG_INVALID, STORE_FAILED, STORE_UNAVAILABLE; RUN_ABORTED where the signal ended first
 */
export async function startServers(context: AppContext): Promise<RunningServers> {
  const { config, clock, logger } = context;
  if (config.servers.kind !== "embedded") {
    const what = `${config.file ?? "(built-in configuration)"}: servers: names external servers (expected embedded)`;
    throw new StationError("CONFIG_INVALID", { details: { what } });
  }
  await assertPlantRegistry(config);
  const { host, vpkiPort, kmsPort, statusPort, registry, asSeen, caKeys, authorities, kms: kmsConfig } = config.servers;
  const { rateLimit, shutdown } = config.servers;
  const { signal } = context;
  const dir = join(config.dataDir, "servers");
  makeDataFolder(dir);
  const opened = new Opened();
  const stores = await storesOf(config.servers.database, logger, opened);
  const front = new Front({ host, clock, logger, rateLimit, shutdown });
  const { metrics } = front;
  // Known once the plain HTTP server listens, which is before anybody can ask for a certificate.
  let statusUrl: string | undefined;
  const tlsOptions = { clock, hosts: [host] };
  const startLock = join(dir, "start.lock");
  const make = async () => {
    const tls = await ensureTls(join(dir, "tls"), tlsOptions);
    signal.throwIfAborted();
    const vpki = await createVpki({
      stores: front.stores(stores(), "vpki"),
      metrics,
      dir: join(dir, "vpki"),
      clock,
      logger: logger.child({ server: "vpki" }),
      config: {
        asSeen: Object.fromEntries(asSeen.map((type) => [type, true])),
        ...config.servers.vpki,
        ...(caKeys && { caKeys }),
        ...(authorities && { authorities }),
      },
      baseUrl: () => {
        if (statusUrl !== undefined) return statusUrl;
        throw new StationError("INTERNAL", { details: { what: "the status server does not listen yet" } });
      },
    });
    opened.add(vpki, (server) => server.close());
    signal.throwIfAborted();
    const kms = await createKms({
      stores: front.stores(stores(), "kms"),
      metrics,
      dir: join(dir, "kms"),
      clock,
      logger: logger.child({ server: "kms" }),
      registryFile: registry,
      config: kmsConfig,
    });
    opened.add(kms, (server) => server.close());
    return { tls, vpki, kms };
  };
  try {
    const made = await withFileLock(startLock, FIRST_START_LIMIT, clock, make, signal);
    const { tls, vpki } = made;
    opened.add(front, (servers) => servers.end());
    const place = { port: statusPort, portFile: join(dir, "status-port") };
    const server = { ...place, plugin: vpki.status, isOurs: vpki.answersAt };
    const status = await front.plain("status", server).catch((error: unknown) => {
      throw cannotListen("status", host, statusPort, error);
    });
    statusUrl = status.url;
    await vpki.start();
    const access = await openAccessOf(context, tls.caPem, opened);
    const listen = async (name: "vpki" | "kms", port: number) => {
      signal.throwIfAborted();
      return front.https(name, port, { tls, access }, made[name]).catch((error: unknown) => {
        throw cannotListen(name, host, port, error);
      });
    };
    const urls = { vpki: await listen("vpki", vpkiPort), kms: await listen("kms", kmsPort) };
    const renewal = new TlsRenewal({
      name: "vpki, kms",
      clock,
      logger,
      every: TLS_LOOK,
      held: pairOf(tls),
      look: async (ending) => {
        const ensure = () => ensureTls(join(dir, "tls"), { ...tlsOptions, keepCa: true });
        return pairOf(await withFileLock(startLock, FIRST_START_LIMIT, clock, ensure, ending));
      },
      take: ({ cert, key }) => front.renewTls({ certPem: cert, keyPem: key }),
    });
    opened.add(renewal, (looks) => looks.close());
    return {
      ...urls,
      ca: tls.caFile,
      clientCert: tls.clientCertFile,
      clientKey: tls.clientKeyFile,
      chainFile: vpki.chainFile,
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.abandon(logger);
    throw error;
  }
}

const pairOf = ({ certPem, keyPem }: TlsFiles): TlsPair => ({ cert: certPem, key: keyPem });

/** Gives each server the host of its stores: without a database a store thread of its own, so that neither waits for the other's commits. */
async function storesOf(
  database: DatabaseConfig | undefined,
  logger: Logger,
  opened: Opened,
): Promise<() => StoreHost> {
  if (database === undefined) return () => opened.add(workerStores(logger), (host) => host.close());
  const { postgresStores } = await import("./db/postgres/store.js");
  const host = opened.add(postgresStores(database.postgres), (stores) => stores.close());
  return () => host;
}

/** The allow list, which is read anew when it changes and on SIGHUP; without one, this machine's programs alone come in. */
async function openAccessOf({ config, clock, logger }: AppContext, own: string, opened: Opened): Promise<Access> {
  const file = config.servers.kind === "embedded" ? config.servers.access : undefined;
  if (file === undefined) return config.mode === "simulator" ? openAccess(own) : ownAccess(own);
  const list = opened.add(await AccessFile.open({ file, own, clock, logger }), (access) => access.close());
  const reload = () => void list.reload();
  process.on("SIGHUP", reload);
  opened.add(reload, async () => void process.off("SIGHUP", reload));
  return list;
}

function cannotListen(name: string, host: string, port: number, cause: unknown): StationError {
  const what = `servers.embedded: ${name} cannot listen on ${host}:${port} (${(cause as NodeJS.ErrnoException).code})`;
  return new StationError("CONFIG_INVALID", { details: { what }, cause });
}

export interface Station {
  run(order: UnitOrder, options?: TracedRunOptions): Promise<RunRecord>;
  /** Headers of runs that began and never finished, oldest first. */
  interrupted(): Promise<readonly RunHeader[]>;
  /** @throws StationError UNIT_UNKNOWN, UNIT_AMBIGUOUS, VPKI_* */
  revoke(order: RevokeOrder): Promise<RevokedUnit>;
  readonly history: History;
  readonly profiles: Profiles;
  readonly users: Users;
  readonly yields: Yields;
  readonly outbox: Outbox;
  readonly vpki: VpkiClient;
  readonly kms: KmsClient;
  /** Simulator mode alone. */
  readonly outages: Outages | undefined;
  /** Switches off what a station that was killed left on; for a service, before its first unit. */
  powerOff(): Promise<void>;
  /** The embedded servers, where the configuration has them. */
  readonly servers: RunningServers | undefined;
  close(): Promise<void>;
}

/**
 * Opens the station: its records, the embedded servers where the configuration has them, clients and outbox.
 * @throws StationError CONFIG_INVALID, STORE_FAILED; RUN_ABORTED where the signal ended first
 */
export async function openStation(context: AppContext): Promise<Station> {
  const { config, clock, logger } = context;
  await assertPlant(config);
  makeDataFolder(config.dataDir);
  const opened = new Opened();
  const stores = opened.add(workerStores(logger), (host) => host.close());
  try {
    const sinks = [...config.results.sinks.keys()];
    const tell = { sinks, station: config.station.id };
    const records = await openRecords({ stores, file: recordsFile(config), clock, tell });
    const servers = config.servers.kind === "embedded" ? await startServers(context) : undefined;
    if (servers !== undefined) opened.add(servers, (running) => running.close());
    const points = killPointsOf(context);
    const clients = opened.add(await openClients(context, servers), (pair) => pair.close());
    const outages = config.mode === "simulator" ? new Outages() : undefined;
    const reached = {
      kms: outages?.kms(clients.kms) ?? clients.kms,
      vpki: outages?.vpki(clients.vpki) ?? clients.vpki,
    };
    const kms = points?.kms(reached.kms) ?? reached.kms;
    const vpki = points?.vpki(reached.vpki) ?? reached.vpki;
    const outbox = opened.add(
      createOutbox({
        records: points?.records(records) ?? records,
        kms,
        sinks: await openSinks(config.results, { station: config.station.id, clock, logger }),
        limits: config.results.limits,
        clock,
        logger,
      }),
      (box) => box.close(),
    );
    outbox.start();
    const runs = points?.runs(records.runs) ?? records.runs;
    const keeper = await keepRecords(context, records);
    const orders = opened.add(await openOrders(config.orders, clock, logger), (mes) => mes.close());
    const tokens = opened.add(new UnitTokens(context), (all) => all.close());
    const power = opened.add(new BayPower(context), (all) => all.close());
    return {
      interrupted: () => records.unfinished(),
      history: records.history,
      profiles: records.profiles,
      users: records.users,
      yields: records.yields,
      outbox,
      vpki,
      kms,
      outages,
      servers,
      powerOff: () => power.offAtStart(records.ledger),
      close: () => opened.close(),
      run: (order, options) =>
        keeper.run(
          order,
          {
            runs,
            ledger: records.ledger,
            profiles: records.profiles,
            results: outbox,
            kms,
            vpki,
            tokens,
            power,
            mes: orders.source,
          },
          options,
        ),
      revoke: (order) => revokeUnit({ store: records.store, vpki, clock }, order, context.signal),
    };
  } catch (error) {
    await opened.abandon(logger);
    throw error;
  }
}

/** Servers as the clients reach them: the embedded ones, or those of the configuration. */
function externalOf(config: StationConfig, servers: RunningServers | undefined): ExternalServers {
  if (config.servers.kind === "external") return config.servers;
  if (servers === undefined)
    throw new StationError("INTERNAL", { details: { what: "the embedded servers do not run" } });
  const { vpki, kms, ca, clientCert, clientKey, chainFile } = servers;
  const files = { caFile: ca, clientCertFile: clientCert, clientKeyFile: clientKey, chainFile };
  return { vpki: [vpki], kms: [kms], sharedStore: [], ...files };
}

/** Names an installation to the KMS: its records go on after a restart, those of another folder or computer know nothing of them. */
function stationId({ station, dataDir }: StationConfig): string {
  const place = createHash("sha256").update(`${hostname()}\0${dataDir}`).digest("hex");
  return `${station.id}.${place.slice(0, 16)}`;
}

async function openClients({ config, clock, logger }: AppContext, servers: RunningServers | undefined) {
  const external = externalOf(config, servers);
  const { sharedStore, caFile, serverKeys, clientCertFile, clientKeyFile, chainFile } = external;
  const own = clientCertFile === undefined || clientKeyFile === undefined ? {} : { clientCertFile, clientKeyFile };
  const common = {
    ...(await openPeerFiles({ caFile, ...own }, logger)),
    ...(serverKeys === undefined ? {} : { serverKeys }),
    clock,
    tryLimit: config.limits.request,
    attempts: config.limits.attempts,
  };
  const chain = chainFile === undefined ? "" : await readText(chainFile);
  const chainName = chainFile ?? "servers.external.chainFile";
  const list = (name: "vpki" | "kms") => ({ baseUrls: external[name], sharedStore: sharedStore.includes(name) });
  const vpki = createVpkiClient({ ...common, ...list("vpki"), chain, chainName });
  const kms = createKmsClient({ ...common, ...list("kms"), station: stationId(config) });
  return { vpki, kms, close: async () => void (await Promise.all([vpki.close(), kms.close()])) };
}

function killPointsOf({ config, env }: AppContext): KillPoints | undefined {
  const at = env.ECUSTATION_KILL_AT;
  if (at === undefined || at === "" || config.mode !== "simulator") return undefined;
  return killPoints(at, (line) => process.stderr.write(line));
}
