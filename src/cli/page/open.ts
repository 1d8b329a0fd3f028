/** The operator page of a station: what its server needs, and where it is found. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppContext, Station } from "../../app.js";
import type { PagePorts } from "../../hmi/api/ports.js";
import { openPage, type Page, type PageOptions } from "../../hmi/api/server.js";
import type { CheckRow, OutboxRowView } from "../../hmi/contract/views.js";
import { overLimit } from "../../records/outbox.js";
import type { OutboxEntry } from "../../records/types.js";
import { describe, StationError } from "../../shared/errors.js";
import { readSettings, writeFileAtomic } from "../../shared/files.js";
import { packageRoot, programVersion } from "../../shared/paths.js";
import type { BayOrders } from "../bay-orders.js";
import { CHECKS, type Finding } from "../doctor/checks.js";
import { guarded } from "../doctor.js";
import { reason } from "../files.js";
import { checkPair, type TlsPair, TlsRenewal } from "../tls-renewal.js";
import type { PageConfig } from "./config.js";
import { KeptTraces } from "./kept-traces.js";
import { recallLastRuns } from "./last-runs.js";
import type { LiveTraces } from "./live-trace.js";
import { ProfileDesk } from "./profiles.js";
import { pageSimulator } from "./simulator.js";

/** ms between two looks at the files of `page.tls`. */
const TLS_LOOK = 60_000;

/** @throws StationError CONFIG_INVALID where it cannot listen, or has no certificate */
export async function openStationPage(
  context: AppContext,
  station: Station,
  orders: BayOrders,
  live: LiveTraces,
): Promise<Page> {
  const { page } = context.config;
  const { host, tls, names, pictures, scan, rules, session } = page;
  const held = tls && (await pairOf(tls));
  const options: Omit<PageOptions, "port"> = {
    ports: portsOf(context, station, orders, live),
    host,
    names,
    pictures,
    ...(held && { tls: held }),
    assets: join(packageRoot(), "dist", "hmi"),
    scan: { ...scan, rules },
    sessions: session,
  };
  await recallLastRuns(orders.bays, station.history);
  const opened = await listenOn(context, options);
  if (tls === undefined || held === undefined) return opened;
  const { clock, logger } = context;
  const renewal = new TlsRenewal({
    name: "page",
    clock,
    logger,
    every: TLS_LOOK,
    held,
    look: () => pairOf(tls),
    take: (pair) => opened.renewTls(pair),
  });
  return {
    ...opened,
    async close() {
      await renewal.close();
      await opened.close();
    },
  };
}

/** On the configured port, or on the one that stays. @throws StationError CONFIG_INVALID where it cannot listen */
async function listenOn(context: AppContext, options: Omit<PageOptions, "port">): Promise<Page> {
  const { page, dataDir } = context.config;
  const { host, port } = page;
  const listen = (wanted: number) =>
    openPage({ ...options, port: wanted }).catch((error: unknown) => {
      throw cannotListen(host, wanted, error);
    });
  if (port !== 0) return listen(port);
  const portFile = join(dataDir, "page-port");
  const kept = Number(await readFile(portFile, "utf8").catch(() => "0"));
  const again = kept > 0 && kept < 65_536 ? await listen(kept).catch(() => undefined) : undefined;
  if (again !== undefined) return again;
  const opened = await listen(0);
  // Another station of this folder has the page that browsers know.
  if (!(kept > 0)) await writeFileAtomic(portFile, `${opened.port}\n`, { mode: 0o644 });
  return opened;
}

async function pairOf({ certFile, keyFile }: NonNullable<PageConfig["tls"]>): Promise<TlsPair> {
  const pair = { cert: await pem(certFile), key: await pem(keyFile) };
  try {
    checkPair(pair);
  } catch (error) {
    const what = `page.tls: ${certFile} and ${keyFile} are no certificate with its key (${describe(error)})`;
    throw new StationError("CONFIG_INVALID", { details: { what }, cause: error });
  }
  return pair;
}

async function pem(file: string): Promise<string> {
  try {
    return await readSettings(file, "utf8");
  } catch (error) {
    throw new StationError("CONFIG_INVALID", {
      details: { what: `page.tls: ${file}: ${reason(error)}` },
      cause: error,
    });
  }
}

function cannotListen(host: string, port: number, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (cause instanceof StationError || code === undefined) return cause;
  return new StationError("CONFIG_INVALID", {
    details: { what: `page: cannot listen on ${host}:${port} (${code})` },
    cause,
  });
}

function portsOf(context: AppContext, station: Station, orders: BayOrders, live: LiveTraces): PagePorts {
  const { config, clock, logger } = context;
  const { history, users, yields, outbox, outages } = station;
  const places = config.station.bays;
  const kept = new KeptTraces(config.traces);
  return {
    station: {
      id: config.station.id,
      mode: config.mode,
      language: config.language,
      programVersion: programVersion(),
    },
    places: places.map(({ name, link, profile, power, takt }) => ({
      name,
      link: link === "sim:" ? undefined : link,
      profile,
      power: power?.supply,
      takt: takt === undefined ? undefined : takt * 1_000,
    })),
    bays: orders.bays,
    profiles: new ProfileDesk(config, station.profiles),
    async begin({ bay, profile, inputs, fault, operator }) {
      await orders.start({
        bay,
        profile: profile.file,
        inputs,
        ...(fault === undefined ? {} : { link: `sim:?fault=${encodeURIComponent(fault)}` }),
        ...(operator === undefined ? {} : { by: operator }),
      });
    },
    history,
    users,
    yields,
    servers: [
      { name: "vPKI", ping: (signal) => station.vpki.ping(signal) },
      { name: "KMS", ping: (signal) => station.kms.ping(signal) },
    ],
    outbox: {
      async count() {
        const load = await outbox.load();
        const full = overLimit(load, config.results.limits, clock.now()) !== undefined;
        return { waiting: load.waiting, quarantined: load.quarantined, full };
      },
      async rows() {
        const { waiting, quarantined } = await history.unsettled();
        return [...quarantined, ...waiting].map(outboxRow);
      },
      retry: (id, person) => outbox.retry(id, { actor: person }),
      waive: (id, person, why) => outbox.waive(id, { actor: person, reason: why }),
    },
    traces: {
      formatsOf: (runId) => kept.formatsOf(runId),
      fileOf: (runId, format) => kept.fileOf(runId, format),
      messages: (runId, step, signal) => kept.messages(runId, step, signal),
      live: (bay) => live.of(bay),
    },
    async adapters(signal) {
      const rows: CheckRow[] = [];
      for (const check of CHECKS)
        for (const finding of await guarded(check.name, () => check.run(config, signal))) rows.push(checkRow(finding));
      return rows;
    },
    simulator: outages && pageSimulator(config, outages),
    clock,
    logger,
  };
}

const STATES = { OK: "ok", WARNING: "warning", MISSING: "missing", FAILED: "broken" } as const;

function checkRow({ name, state, what, todo }: Finding): CheckRow {
  return { what: name, state: STATES[state], text: what, todo };
}

function outboxRow({ id, sink, runId, ecuId, result, state, attempts, nextAt, lastError }: OutboxEntry): OutboxRowView {
  const what = "keyId" in result ? `${result.kind} ${result.type} ${result.keyId}` : "result";
  const shown = state === "quarantined" ? "quarantined" : "waiting";
  return { id, sink, runId, ecuId, what, state: shown, attempts, nextAt, lastError };
}
