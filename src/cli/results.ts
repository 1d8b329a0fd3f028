/** `results` of the configuration: who is told what became of a unit, and how much may wait for them. */
import { type Static, Type } from "typebox";
import { createHttpClient } from "../clients/http.js";
import { DEFAULT_OUTBOX_LIMITS, type OutboxLimits } from "../records/outbox.js";
import { folderSink } from "../records/sinks/folder.js";
import { mqttSink } from "../records/sinks/mqtt.js";
import type { Sink } from "../records/sinks/sink.js";
import { webhookSink } from "../records/sinks/webhook.js";
import { KMS } from "../records/types.js";
import { isLoopback } from "../servers/http/ranges.js";
import type { Clock } from "../shared/clock.js";
import type { Logger } from "../shared/logger.js";
import { Secret } from "../shared/secret.js";
import { readBytes, readHexFile } from "./files.js";
import { openPeerFiles, PEER_FILES, type PeerFiles, peerFilesOf } from "./peer-files.js";
import type { Fault } from "./tokens.js";

const strict = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });

const WebhookSchema = Type.Object(
  {
    kind: Type.Literal("webhook"),
    url: Type.String({ pattern: "^https://[^\\s/@?#]+([/?][^\\s#]*)?$" }),
    ...PEER_FILES,
    /** Key of the signature, hex. */
    secretFile: Text,
    /** ms for one POST, connection and answer included. */
    timeout: Type.Number({ minimum: 100, maximum: 600_000, default: 10_000 }),
  },
  strict,
);

const FolderSchema = Type.Object({ kind: Type.Literal("folder"), path: Text }, strict);

const MqttSchema = Type.Object(
  {
    kind: Type.Literal("mqtt"),
    /** `mqtts:`, or `mqtt:` for a broker of this machine. */
    url: Type.String({ pattern: "^mqtts?://[^\\s/@?#]+/?$" }),
    caFile: Type.Optional(PEER_FILES.caFile),
    clientCertFile: PEER_FILES.clientCertFile,
    clientKeyFile: PEER_FILES.clientKeyFile,
    topic: Type.String({ pattern: "^[^#+\\u0000]{1,200}$" }),
    version: Type.Enum(["5", "3.1.1"], { default: "5" }),
    /** Left out: `ecustation-` and the station's id. */
    clientId: Type.Optional(Type.String({ pattern: "^[0-9a-zA-Z._-]{1,128}$" })),
    username: Type.Optional(Text),
    /** The password as text; white space at its end does not count. */
    passwordFile: Type.Optional(Text),
  },
  strict,
);

export const ResultsSchema = Type.Object(
  {
    sinks: Type.Record(
      Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$" }),
      // typebox fills in what a record's values lack only where these have a default of their own.
      Type.Union([WebhookSchema, FolderSchema, MqttSchema], { default: undefined }),
      { ...strict, default: {} },
    ),
    /** What may wait or be in quarantine, the KMS's included, before no further unit is begun. */
    limits: Type.Object(
      {
        rows: Type.Integer({ minimum: 1, maximum: 1_000_000, default: DEFAULT_OUTBOX_LIMITS.rows }),
        bytes: Type.Integer({ minimum: 1_024, maximum: 2 ** 40, default: DEFAULT_OUTBOX_LIMITS.bytes }),
        /** s since the oldest was written; left out: no limit. */
        age: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
      },
      { ...strict, default: {} },
    ),
  },
  { ...strict, default: {} },
);

type Given = Static<typeof ResultsSchema>;
type SinkConfig =
  | (Omit<Static<typeof WebhookSchema>, keyof PeerFiles> & { readonly peer: PeerFiles })
  | Static<typeof FolderSchema>
  | (Omit<Static<typeof MqttSchema>, keyof PeerFiles> & { readonly peer: PeerFiles | undefined });

export interface ResultsConfig {
  readonly sinks: ReadonlyMap<string, SinkConfig>;
  readonly limits: OutboxLimits;
}

/** With absolute paths. @throws StationError CONFIG_INVALID */
export function resultsOf({ sinks, limits }: Given, at: (path: string) => string, fault: Fault): ResultsConfig {
  const { rows, bytes, age } = limits;
  return {
    sinks: new Map(
      Object.entries(sinks).map(([name, sink]) => {
        const path = ["results", "sinks", name];
        if (name === KMS) throw fault(path, "is the name of the KMS (expected another one)");
        return [name, sinkOf(sink, path, at, fault)];
      }),
    ),
    limits: { rows, bytes, age: age === undefined ? undefined : age * 1_000 },
  };
}

function sinkOf(
  sink: Given["sinks"][string],
  path: readonly string[],
  at: (path: string) => string,
  fault: Fault,
): SinkConfig {
  if (sink.kind === "folder") return { ...sink, path: at(sink.path) };
  if (!URL.canParse(sink.url)) throw fault([...path, "url"], "is no address");
  const { caFile, clientCertFile, clientKeyFile, ...rest } = sink;
  const own = {
    ...(clientCertFile === undefined ? {} : { clientCertFile }),
    ...(clientKeyFile === undefined ? {} : { clientKeyFile }),
  };
  const peer = caFile === undefined ? undefined : peerFilesOf({ caFile, ...own }, path, at, fault);
  if (rest.kind === "webhook") {
    if (peer === undefined) throw fault([...path, "caFile"], "is missing");
    return { ...rest, secretFile: at(rest.secretFile), peer };
  }
  const { protocol, hostname } = new URL(rest.url);
  if (protocol === "mqtts:" && peer === undefined) throw fault(path, "has no caFile, which mqtts: needs");
  if (protocol === "mqtt:" && (peer !== undefined || Object.keys(own).length > 0))
    throw fault([...path, "url"], "is mqtt:, which knows no certificates (expected mqtts:)");
  if (protocol === "mqtt:" && !isLoopback(hostname.replace(/^\[|\]$/g, "")))
    throw fault([...path, "url"], "leaves this machine in the clear (expected mqtts:)");
  if (rest.passwordFile !== undefined && rest.username === undefined)
    throw fault([...path, "passwordFile"], "stands without username");
  return { ...rest, ...(rest.passwordFile === undefined ? {} : { passwordFile: at(rest.passwordFile) }), peer };
}

/** Whose results they are, and what they work with. */
export interface SinkParts {
  /** Id of the station. */
  readonly station: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The receivers; files that they need are read once, so that a missing one is told at the start. @throws StationError CONFIG_INVALID */
export async function openSinks({ sinks }: ResultsConfig, parts: SinkParts): Promise<readonly Sink[]> {
  const opened: Sink[] = [];
  for (const [name, config] of sinks) opened.push(await openSink(name, config, parts));
  return opened;
}

async function openSink(name: string, config: SinkConfig, { station, clock, logger }: SinkParts): Promise<Sink> {
  if (config.kind === "folder") return folderSink({ name, path: config.path, clock });
  const { hostname, port, origin, pathname, search } = new URL(config.url);
  if (config.kind === "webhook") {
    const { secretFile, timeout, peer } = config;
    const secret = () => readHexFile(secretFile);
    (await secret()).wipe();
    const caller = createHttpClient(
      // The outbox tries again, with pauses of its own.
      { ...(await openPeerFiles(peer, logger)), baseUrls: [origin], clock, tryLimit: timeout, attempts: 1 },
      { unreachable: "SINK_UNREACHABLE", fault: "SINK_FAULT", rejected: "SINK_REJECTED" },
    );
    return webhookSink({ name, caller, path: `${pathname}${search}`, secret, clock });
  }
  const { passwordFile, username, topic, version, peer, clientId = `ecustation-${station}` } = config;
  const password = passwordFile === undefined ? undefined : () => readPassword(passwordFile);
  (await password?.())?.wipe();
  return mqttSink({
    name,
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (peer === undefined ? 1883 : 8883) : Number(port),
    ...(peer === undefined ? {} : { tls: (await openPeerFiles(peer, logger)).current }),
    version: version === "5" ? 5 : 4,
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    topic,
  });
}

const SPACE = new Set([0x09, 0x0a, 0x0d, 0x20]);

async function readPassword(file: string): Promise<Secret> {
  const bytes = await readBytes(file);
  const length = bytes.findLastIndex((byte) => !SPACE.has(byte)) + 1;
  const password = new Secret(Uint8Array.from(bytes.subarray(0, length)));
  bytes.fill(0);
  return password;
}
