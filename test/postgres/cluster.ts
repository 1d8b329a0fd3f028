/** A PostgreSQL server of the test's own, in a temporary folder; never run by root, who it refuses to serve. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Client } from "pg";
import type { PostgresConfig } from "../../src/db/postgres/config.js";
import { freePort } from "../free-port.js";
import { requireTool } from "../require.js";

const USER = "ecustation";
export const PASSWORD = "a password: 'x' %20 €";
const DEBIAN = "/usr/lib/postgresql";

/** Folder of initdb and postgres: in PATH, or the newest of Debian's. */
function programs(): string | undefined {
  const there = (folder: string) => {
    try {
      for (const name of ["initdb", "postgres"]) accessSync(join(folder, name));
      return true;
    } catch {
      return false;
    }
  };
  const versions = () => readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  const debian = () => {
    try {
      return versions().map((version) => join(DEBIAN, version, "bin"));
    } catch {
      return [];
    }
  };
  return [...(process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== ""), ...debian()].find(there);
}

export function requirePostgres(): boolean {
  return requireTool("PostgreSQL", () => programs() !== undefined, "apt-get install -y postgresql");
}

/** Ids of an account without rights where we are root; else our own. */
function account(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

export class Cluster {
  #server: ChildProcess | undefined;
  #databases = 0;

  private constructor(
    private readonly folder: string,
    private readonly bin: string,
    private readonly as: { uid: number; gid: number } | undefined,
    readonly port: number,
    private readonly durable: boolean,
  ) {}

  /** @param durable writes reach the disk before they are answered, as in a plant; else a test waits for no disk */
  static async start(durable = false): Promise<Cluster> {
    const bin = programs();
    if (bin === undefined) throw new Error("PostgreSQL is missing");
    const as = account();
    const folder = mkdtempSync(join(tmpdir(), "postgres-"));
    const passwords = join(folder, "password");
    writeFileSync(passwords, `${PASSWORD}\n`);
    if (as !== undefined) for (const path of [folder, passwords]) chownSync(path, as.uid, as.gid);
    const flags = ["-U", USER, "-A", "scram-sha-256", `--pwfile=${passwords}`, "-E", "UTF8", "--locale=C", "-N"];
    execFileSync(join(bin, "initdb"), ["-D", join(folder, "data"), ...flags], { ...as, cwd: folder, stdio: "pipe" });
    const cluster = new Cluster(folder, bin, as, await freePort(), durable);
    await cluster.resume();
    return cluster;
  }

  /** Starts the server again after `pause`. */
  async resume(): Promise<void> {
    const settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: this.folder,
      fsync: this.durable ? "on" : "off",
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const args = ["-D", join(this.folder, "data"), "-p", String(this.port), ...flags];
    const server = spawn(join(this.bin, "postgres"), args, {
      ...this.as,
      cwd: this.folder,
      env: { ...process.env, LC_ALL: "C" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#server = server;
    let log = "";
    await new Promise<void>((resolve, reject) => {
      server.stderr?.on("data", (chunk: Buffer) => {
        log += String(chunk);
        if (log.includes("ready to accept connections")) resolve();
      });
      server.once("exit", () => reject(new Error(`postgres ended: ${log}`)));
    });
  }

  /** Ends the server and its connections; the data stays. @param how SIGINT breaks the connections off, SIGQUIT is a crash */
  async pause(how: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, "exit");
    server.kill(how);
    await ended;
    this.#server = undefined;
  }

  /** A database that nobody has used, and how the program reaches it. */
  async database(): Promise<PostgresConfig> {
    const name = `test${++this.#databases}`;
    await this.query("postgres", `CREATE DATABASE ${name}`);
    return {
      host: "127.0.0.1",
      port: this.port,
      database: name,
      user: USER,
      passwordFile: join(this.folder, "password"),
    };
  }

  /** One statement past the program. */
  async query<T extends object>(database: string, sql: string, schema = "public"): Promise<T[]> {
    const client = await this.connect(database);
    try {
      await client.query(`SET search_path = ${schema}`);
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async connect(database: string): Promise<Client> {
    const client = new Client({ host: "127.0.0.1", port: this.port, database, user: USER, password: PASSWORD });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  }

  async remove(): Promise<void> {
    await this.pause();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
