/** Files that a configuration names: where it names them, what must be in them, and which of them hold secrets. */
import { loadAccess } from "../servers/http/access-file.js";
import { loadRegistry } from "../servers/kms/registry.js";
import { StationError } from "../shared/errors.js";
import type { YamlPath } from "../shared/yaml.js";
import type { EmbeddedServers, StationConfig } from "./config.js";
import { readBytes, readHexFile } from "./files.js";

export interface NamedFile {
  readonly path: YamlPath;
  readonly file: string;
  /** Holds key material, a PIN or a password. */
  readonly secret: boolean;
  /** @throws StationError CONFIG_INVALID where it cannot be what it is named for */
  check(): Promise<void>;
}

/** Members of a section that name files, and whether these are secrets. */
type Members = Readonly<Record<string, boolean>>;

const PEER: Members = { caFile: false, clientCertFile: false, clientKeyFile: true };
const PIN: Members = { pinFile: true };
const EMBEDDED = ["servers", "embedded"];

/** Those without which the configuration cannot work, and secrets that a program makes where they are missing. */
export function* namedFiles(config: StationConfig): Generator<NamedFile> {
  const { servers, secrets, credentials, tokens, orders, results, page } = config;
  if (servers.kind === "external") yield* filesOf(["servers", "external"], servers, { ...PEER, chainFile: false });
  else yield* embeddedFiles(servers);
  for (const [name, source] of secrets) if ("file" in source) yield hexFile(["secrets", name, "file"], source.file);
  for (const [name, files] of credentials)
    yield* filesOf(["credentials", name], files, { certificate: false, key: true, anchors: false });
  for (const [name, token] of tokens) yield* filesOf(["tokens", name], token, PIN);
  if (typeof orders === "object" && orders.kind === "http") yield* filesOf(["orders"], orders.peer, PEER);
  for (const [name, sink] of results.sinks) {
    const path = ["results", "sinks", name];
    if (sink.kind === "folder") continue;
    yield* filesOf(path, sink.peer, PEER);
    if (sink.kind === "webhook") yield hexFile([...path, "secretFile"], sink.secretFile);
    else yield* filesOf(path, sink, { passwordFile: true });
  }
  yield* filesOf(["page", "tls"], page.tls, { certFile: false, keyFile: true });
}

function* embeddedFiles(servers: EmbeddedServers): Generator<NamedFile> {
  const { access, registry, caKeys, authorities, kms, database } = servers;
  const read = (name: string, file: string, load: (file: string) => Promise<unknown>): NamedFile => ({
    path: [...EMBEDDED, name],
    file,
    // A registry may have some; whether it has, only its content says.
    secret: false,
    check: async () => void (await load(file)),
  });
  yield read("registry", registry, loadRegistry);
  if (access !== undefined) yield read("access", access, loadAccess);
  if (caKeys !== undefined && "pkcs11" in caKeys) yield* filesOf([...EMBEDDED, "caKeys", "pkcs11"], caKeys.pkcs11, PIN);
  if (caKeys !== undefined && "file" in caKeys)
    for (const made of filesOf([...EMBEDDED, "caKeys", "file"], caKeys.file, { passphraseFile: true }))
      yield { ...made, check: async () => undefined };
  for (const [name, authority] of Object.entries(authorities ?? {})) {
    const path = [...EMBEDDED, "authorities", name];
    yield* filesOf(path, authority, { certificateFile: false, keyFile: true, passphraseFile: true });
    yield* filesOf([...path, "pkcs11"], authority?.pkcs11, PIN);
  }
  yield* filesOf([...EMBEDDED, "kms", "masterKey", "pkcs11"], kms.masterKey?.pkcs11, PIN);
  const postgres = [...EMBEDDED, "database", "postgres"];
  yield* filesOf(postgres, database?.postgres, { passwordFile: true });
  yield* filesOf([...postgres, "tls"], database?.postgres.tls, PEER);
}

function* filesOf(path: YamlPath, section: object | undefined, members: Members): Generator<NamedFile> {
  for (const [name, secret] of Object.entries(members)) {
    const file: unknown = section === undefined ? undefined : Reflect.get(section, name);
    if (typeof file === "string") yield { path: [...path, name], file, secret, check: () => assertFilled(file) };
  }
}

function hexFile(path: YamlPath, file: string): NamedFile {
  return { path, file, secret: true, check: async () => (await readHexFile(file)).wipe() };
}

const SPACE = new Set([0x09, 0x0a, 0x0d, 0x20]);

async function assertFilled(file: string): Promise<void> {
  const bytes = await readBytes(file);
  const empty = bytes.every((byte) => SPACE.has(byte));
  bytes.fill(0);
  if (empty) throw new StationError("CONFIG_INVALID", { details: { what: `${file}: is empty` } });
}
