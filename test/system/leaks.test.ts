/**
 * What the programs leave behind, every byte of it, against every secret that the test knows: stores with their logs, traces, records,
 * logs, output, command lines and environments of running processes, reports of Node, temporary files. A secret may stand in its home alone.
 */
import { createPrivateKey, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { type Leak, LeakFinder, type TestSecret } from "../leaks.js";
import { OpensslPki, pem } from "../unit/firmware-sim/authentication-pki.js";
import { EVCC } from "./cases.js";
import {
  type Finished,
  type Options,
  type Running,
  root,
  type Servers,
  start,
  startEcu,
  startServers,
  tempFolder,
} from "./harness.js";

const folder = tempFolder("leaks");
const pki = new OpensslPki();
const place = (...names: string[]) => join(folder, ...names);
const SERVERS = "servers-data";
const STATION = "station-data";
const LEFT = "left";
const LIMIT = 120_000;

/** A unit whose keys the KMS takes from the registry. */
const UID = `00030001${"c3".repeat(11)}`;
const ECU_ID = `${"a1".repeat(12)}${UID}`;
const secretOf = (name: string, length = 16): TestSecret => ({ name, bytes: randomBytes(length) });
const hexOf = ({ bytes }: TestSecret) => Buffer.from(bytes).toString("hex");

const supplier = secretOf("supplier secret");
const access = secretOf("security access key");
const password = { name: "console password", bytes: Buffer.from(`pw-${randomBytes(9).toString("base64url")}`) };
const sheKeys = ["1", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D"].map((id) => secretOf(`SHE key ${id}`));

/** Where a secret may stand: files by the end of their name, each its owner's alone. */
const HOMES: readonly (readonly [secret: RegExp, file: RegExp])[] = [
  [/^supplier secret$/, /^home\/(supplier\.hex|registry\.yaml)$/],
  [/^security access key$/, /^home\/access\.hex$/],
  [/^SHE key/, /^home\/registry\.yaml$/],
  // The simulated ECU's memory.
  [/^SHE key/, /^home\/[a-z]+\.flash$/],
  [/^key of /, /^home\/station\.key$/],
  [/^servers-data\/servers\/kms\/.*/, /^servers-data\/servers\/kms\/[^/]+$/],
];

const secrets: TestSecret[] = [supplier, access, password, ...sheKeys];
const homeOf = (secret: string, file: string) =>
  secret === file || HOMES.some(([name, home]) => name.test(secret) && home.test(file));

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const write = (text: string, ...names: string[]) => {
  const file = place(...names);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};

/** Programs write their reports and temporary files where the test looks. */
const options = (env: Record<string, string> = {}): Options => ({
  limit: LIMIT,
  env: { TMPDIR: place(LEFT, "tmp"), NODE_OPTIONS: REPORTS, ...env },
});
const REPORTS = `--report-on-signal --report-uncaught-exception --report-directory=${place(LEFT, "reports")}`;

let count = 0;
function keep(name: string, { stdout, stderr }: Finished): void {
  count++;
  write(stdout, LEFT, `${count}-${name}.stdout`);
  write(stderr, LEFT, `${count}-${name}.stderr`);
}

/** What every user of the machine may see of a process, and what its own user may. */
function keepProcess(name: string, { child }: Running): void {
  for (const part of ["cmdline", "environ", "maps"])
    write(readFileSync(`/proc/${child.pid}/${part}`, "latin1"), LEFT, `${name}.${part}`);
}

const COMMON = ["--config", place("home", "station.yaml"), "--data", place(STATION), "--log", "--trace", "all"];
const INPUTS = ["--vin", EVCC.vin];
const runArgs = (url: string, profile = "leak", more: readonly string[] = []) => [
  "run",
  ...["--profile", place("home", `${profile}.yaml`), ...INPUTS, "--link", url, ...COMMON, ...more],
];
const codeOf = ({ stdout }: Finished) => /^ {2}([A-Z_]+) in /m.exec(stdout)?.[1] ?? /^(PASS)\b/m.exec(stdout)?.[1];

async function station(
  name: string,
  url: string,
  env: Record<string, string> = {},
  profile = "leak",
): Promise<Finished> {
  const running = start("ecustation", runArgs(url, profile), options(env));
  keepProcess(`${name}-station`, running);
  const done = await running.finished;
  keep(name, done);
  return done;
}

const ecuOptions = ["--state", place("home", "unit.flash"), "--ecu-id", ECU_ID, "--clock", "now"];

let servers: Servers;
const outcomes: Record<string, string | null | undefined> = {};

function prepare(): void {
  for (const name of ["home", LEFT, join(LEFT, "tmp"), join(LEFT, "reports")]) mkdirSync(place(name), { mode: 0o700 });
  const body = parse(readFileSync(join(root, "hw-profiles/body-she.yaml"), "utf8")) as { securityAccess: object };
  const key = { file: "access.hex" };
  write(stringify({ ...body, name: "leak", securityAccess: { ...body.securityAccess, key } }), "home", "leak.yaml");
  const roles = { station: "OU=end-of-line", ecu: "OU=ecu" };
  const how = { kind: "certificate", algorithm: "ecdsa-p256-sha256", credentials: "line-1", roles };
  write(stringify({ ...body, name: "certified", securityAccess: how }), "home", "certified.yaml");
  write(hexOf(access), "home", "access.hex");
  write(hexOf(supplier), "home", "supplier.hex");
  const keys = Object.fromEntries(sheKeys.map((secret) => [secret.name.slice(-1), hexOf(secret)]));
  const { 1: master, D: symmetric, ...secOC } = keys;
  const registry = {
    suppliers: [{ id: 1, name: "supplier" }],
    ecuTypes: [{ id: 3, name: "body" }],
    supplierSecrets: [{ name: "cluster", value: hexOf(supplier), keys: secOC }],
    ecus: [{ uid: UID, keys: { 1: master, D: symmetric } }],
  };
  write(stringify(registry), "home", "registry.yaml");
  const embedded = { registry: "registry.yaml" };
  write(stringify({ schema: 1, mode: "simulator", servers: { embedded } }), "home", "servers.yaml");
}

/** The station's configuration, and its certificate for ECUs that are opened by one. */
function prepareStation(): string[] {
  const [testers, ecus] = [pki.root("testers"), pki.root("ecus")];
  const tester = pki.issue("tester", testers, { subject: "/OU=end-of-line/CN=tester" });
  const ecu = pki.issue("ecu", ecus, { subject: "/OU=ecu/CN=ecu" });
  const key = write(readFileSync(tester.keyFile, "utf8"), "home", "station.key");
  const certificate = pki.file("station.pem", pem(tester));
  const credentials = { "line-1": { certificate, key, anchors: pki.file("station-trusts.pem", pem(ecus)) } };
  const external = {
    vpki: [servers.vpki],
    kms: [servers.kms],
    caFile: servers.ca,
    clientCertFile: servers.clientCert,
    clientKeyFile: servers.clientKey,
    chainFile: place(SERVERS, "servers", "vpki", "chain.pem"),
  };
  const given = { "simulator-cluster": { file: "supplier.hex" } };
  write(
    stringify({ schema: 1, mode: "simulator", servers: { external }, secrets: given, credentials }),
    ...["home", "station.yaml"],
  );
  secrets.push({ name: "key of the station's certificate", bytes: scalarOf(readFileSync(key, "utf8")) });
  const anchors = pki.file("ecu-trusts.pem", pem(testers));
  const identity = pki.file("ecu-is.pem", pem(ecu), readFileSync(ecu.keyFile, "utf8"));
  return ["--clock", "now", "--auth-anchors", anchors, "--auth-identity", identity];
}

/** The part of a private key that nobody else has. */
function scalarOf(text: string, passphrase?: string): Uint8Array {
  const key = createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) });
  const { d } = key.export({ format: "jwk" });
  return Buffer.from(d ?? "", "base64url");
}

/** Private keys, master key and passphrase that the servers made. */
function addServersSecrets(): void {
  const files = filesOf(place(SERVERS));
  const own = files.find((file) => file.endsWith("/passphrase")) ?? "";
  const passphrase = readFileSync(own, "utf8").trim();
  secrets.push({ name: relative(folder, own), bytes: Buffer.from(passphrase) });
  for (const file of files) {
    const text = readFileSync(file, "latin1");
    const name = relative(folder, file);
    const raw = readFileSync(file);
    if (/BEGIN (EC )?PRIVATE KEY/.test(text)) secrets.push({ name, bytes: scalarOf(text) });
    // These stand nowhere in the clear, not even in their file.
    else if (text.includes("ENCRYPTED PRIVATE KEY"))
      secrets.push({ name: `in ${name}`, bytes: scalarOf(text, passphrase) });
    else if (/^[0-9a-f]{32,128}\s*$/i.test(text)) secrets.push({ name, bytes: Buffer.from(text.trim(), "hex") });
    else if (raw.length === 32 || raw.length === 16) secrets.push({ name, bytes: raw });
  }
}

beforeAll(async () => {
  prepare();
  servers = await startServers(["--config", place("home", "servers.yaml"), "--data", place(SERVERS)], options());
  keepProcess("servers", servers);
  const certified = prepareStation();
  addServersSecrets();

  const given = start(
    "ecustation",
    ["console", "passwd", "kim", "--config", place("home", "servers.yaml"), "--data", place(SERVERS)],
    { ...options(), input: `${Buffer.from(password.bytes).toString()}\n` },
  );
  keep("passwd", await given.finished);

  const ecu = await startEcu(place("home", "leak.yaml"), ecuOptions, options());
  keepProcess("ecu", ecu);
  outcomes.killed = (await station("killed", ecu.url, { ECUSTATION_KILL_AT: "after append key:secoc-5 noted" })).signal;
  // The program's own way out of a fault that nobody caught, amid the keys; and what Node writes of such a process.
  write(
    `const write = process.stdout.write.bind(process.stdout);
     process.stdout.write = (text, ...rest) => {
       if (String(text).includes("key:secoc-6"))
         setImmediate(() => { process.report.writeReport(); throw new Error("planted fault"); });
       return write(text, ...rest);
     };`,
    ...["home", "fault.mjs"],
  );
  const thrown = await station("thrown", ecu.url, {
    NODE_OPTIONS: `${REPORTS} --import=${place("home", "fault.mjs")}`,
  });
  outcomes.thrown = thrown.stderr.includes("planted fault") ? "thrown" : codeOf(thrown);
  outcomes.passed = codeOf(await station("passed", ecu.url));
  keep("ecu", await ecu.stop());

  for (const [name, fault] of [
    ["mismatch", "wrong-m4"],
    ["refused", "nrc:27:35"],
    ["silent", "silent-after:20"],
  ] as const) {
    const faulty = await startEcu(place("home", "leak.yaml"), [...ecuOptions, "--fault", fault], options());
    outcomes[name] = codeOf(await station(name, faulty.url));
    keep(`${name}-ecu`, await faulty.stop());
  }

  const state = [
    "--state",
    place("home", "certified.flash"),
    "--ecu-id",
    `${"b2".repeat(12)}00030001${"c4".repeat(11)}`,
  ];
  const third = await startEcu(place("home", "certified.yaml"), [...certified, ...state], options());
  outcomes.certified = codeOf(await station("certified", third.url, {}, "certified"));
  keep("certified-ecu", await third.stop());

  for (const words of [
    ["records", "list", "--json"],
    ["profile", "approvals", "--json"],
    ["config", "check"],
    ["doctor"],
  ]) {
    const args = [...words, "--config", place("home", "station.yaml"), "--data", place(STATION)];
    keep(words.join("-"), await start("ecustation", args, options()).finished);
  }
  const listed = start("ecustation", ["records", "list", "--json", "--data", place(STATION)], options());
  const { runs } = JSON.parse((await listed.finished).stdout) as { runs: readonly { runId: string }[] };
  for (const { runId } of runs) {
    const args = ["records", "show", runId, "--json", "--data", place(STATION)];
    keep("show", await start("ecustation", args, options()).finished);
  }
  servers.child.kill("SIGUSR2");
  keep("servers", await servers.kill());
}, 400_000);

afterAll(() => pki.close());

/** Leaks outside of their homes. */
function leaksIn(bytes: Uint8Array, file: string): Leak[] {
  return new LeakFinder(secrets).find(bytes).filter(({ secret }) => !homeOf(secret, file));
}

describe("what the programs leave behind", () => {
  it("is that of runs that passed, failed, were killed and threw", () => {
    expect(outcomes).toEqual({
      killed: "SIGKILL",
      thrown: "thrown",
      passed: "PASS",
      mismatch: "TARGET_KEY_MISMATCH",
      refused: "UDS_ACCESS_DENIED",
      silent: expect.stringMatching(/^(UDS|ISOTP)_TIMEOUT/),
      certified: "PASS",
    });
    const names = filesOf(folder).map((file) => relative(folder, file));
    for (const kind of [
      /records\.sqlite$/,
      /kms\.sqlite-wal$/,
      /\.pcapng$/,
      /\.asc$/,
      /\.log$/,
      /report\..*\.json$/,
      /station\.environ$/,
    ])
      expect(names.filter((name) => kind.test(name))).not.toEqual([]);
    expect(secrets.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/servers\/tls\/.*/),
        expect.stringMatching(/servers\/kms\/.*/),
        expect.stringMatching(/^in servers-data\/servers\/vpki\//),
      ]),
    );
  });

  it("has no secret in any file, line, command line or environment but in its home", () => {
    const finder = new LeakFinder(secrets);
    const found: string[] = [];
    for (const file of filesOf(folder)) {
      const name = relative(folder, file);
      for (const { secret, form, at } of finder.find(readFileSync(file)))
        if (!homeOf(secret, name)) found.push(`${name}: ${secret} in ${form} at ${at}`);
    }
    expect(found).toEqual([]);
  });

  it("keeps each secret's home for its owner alone", () => {
    const finder = new LeakFinder(secrets);
    const homes = filesOf(folder).filter((file) => finder.find(readFileSync(file)).length > 0);
    expect(homes.length).toBeGreaterThanOrEqual(8);
    const open = homes.filter((file) => (statSync(file).mode & 0o777) !== 0o600);
    expect(open.map((file) => `${relative(folder, file)} ${(statSync(file).mode & 0o777).toString(8)}`)).toEqual([]);
  });

  it.each([
    ["a store", join(STATION, "records.sqlite")],
    ["a trace", join(STATION, "traces")],
    ["a log", LEFT],
  ])("would be found out by a planted one in %s", (_, where) => {
    const target = place(where);
    const file = existsSync(target) && statSync(target).isFile() ? target : (filesOf(target)[0] ?? "");
    const bytes = readFileSync(file);
    for (const [i, secret] of secrets.entries()) {
      const part = Buffer.from(secret.bytes.subarray(secret.bytes.length - 8));
      const text =
        [part.toString("latin1"), part.toString("hex").toUpperCase(), part.toString("base64url")][i % 3] ?? "";
      const half = bytes.length >> 1;
      const planted = Buffer.concat([bytes.subarray(0, half), Buffer.from(text, "latin1"), bytes.subarray(half)]);
      expect(leaksIn(planted, "planted").map((leak) => leak.secret)).toContain(secret.name);
    }
  });
});
