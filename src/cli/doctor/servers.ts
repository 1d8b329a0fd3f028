import { type ConnectionOptions, connect } from "node:tls";
import { type TlsSettings, tlsOptions } from "../../clients/connection.js";
import { withLimit } from "../../shared/abort.js";
import { systemClock } from "../../shared/clock.js";
import { describe } from "../../shared/errors.js";
import { readSettings } from "../../shared/files.js";
import type { StationConfig } from "../config.js";
import type { ExternalServers } from "../external.js";
import { reason } from "../files.js";
import { assertPlantRegistry } from "../plant-secrets.js";
import type { Finding } from "./checks.js";

/** Embedded servers: their registry. External ones: their files, and a TLS handshake with each. */
export async function checkServers(config: StationConfig, signal: AbortSignal): Promise<readonly Finding[]> {
  const { servers } = config;
  if (servers.kind === "embedded") {
    const { loadRegistry } = await import("../../servers/kms/registry.js");
    const { loadAccess } = await import("../../servers/http/access-file.js");
    const { access, registry } = servers;
    return [
      await fileOf("registry", registry, async () => {
        await assertPlantRegistry(config);
        await loadRegistry(registry);
      }),
      ...(access === undefined ? [] : [await fileOf("allow list", access, () => loadAccess(access))]),
    ];
  }
  const findings: Finding[] = [];
  let tls: ConnectionOptions;
  try {
    tls = tlsOptions(await settingsOf(servers));
  } catch (error) {
    return [{ name: "servers", state: "FAILED", needed: true, what: describe(error) }];
  }
  for (const [name, urls] of [
    ["vpki", servers.vpki],
    ["kms", servers.kms],
  ] as const) {
    let reachable = false;
    const failed: Finding[] = [];
    for (const url of urls) {
      try {
        const protocol = await handshake(url, tls, config.limits.request, signal);
        findings.push({ name, state: "OK", needed: true, what: `${url} (${protocol})` });
        reachable = true;
      } catch (error) {
        signal.throwIfAborted();
        const todo = "check the address, the network, caFile and serverKeys";
        failed.push({ name, state: "FAILED", needed: false, what: `${url}: ${describe(error)}`, todo });
      }
    }
    // One server of a list is enough.
    findings.push(...failed.map((finding) => ({ ...finding, needed: !reachable })));
  }
  return findings;
}

async function fileOf(name: string, file: string, load: () => Promise<unknown>): Promise<Finding> {
  try {
    await load();
    return { name, state: "OK", needed: true, what: file };
  } catch (error) {
    return { name, state: "FAILED", needed: true, what: describe(error) };
  }
}

async function settingsOf(servers: ExternalServers): Promise<TlsSettings> {
  const read = (file: string) =>
    readSettings(file, "utf8").catch((error: unknown) => {
      throw new Error(`${file}: ${reason(error)}`);
    });
  return {
    ca: await read(servers.caFile),
    ...(servers.clientCertFile === undefined ? {} : { cert: await read(servers.clientCertFile) }),
    ...(servers.clientKeyFile === undefined ? {} : { key: await read(servers.clientKeyFile) }),
    ...(servers.serverKeys === undefined ? {} : { serverKeys: servers.serverKeys }),
  };
}

/** The protocol version of a TLS connection that was checked against the CA, then closed. */
function handshake(url: string, tls: ConnectionOptions, ms: number, signal: AbortSignal): Promise<string> {
  const { hostname, port } = new URL(url);
  const late = () => new Error(`no answer within ${ms} ms`);
  return withLimit(
    systemClock,
    ms,
    signal,
    late,
    (ending) =>
      new Promise((resolve, reject) => {
        const host = hostname.replace(/^\[|\]$/g, "");
        const name = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
        const socket = connect({ ...tls, ...name, host, port: port === "" ? 443 : Number(port) });
        const close = () => socket.destroy();
        ending.addEventListener("abort", close, { once: true });
        socket.once("error", reject);
        socket.once("secureConnect", () => {
          resolve(socket.getProtocol() ?? "TLS");
          socket.end();
        });
      }),
  );
}
