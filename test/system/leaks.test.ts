/**
 * What the programs leave behind, every byte of it, against every secret that the test knows: stores with their logs, traces, records,
 * logs, output, command lines and environments of running processes, reports of Node, temporary files. A secret may stand in its home alone.
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { MODULE, PATIENT, requireSoftHsm, SoftHsm } from "../interop/softhsm.js";
import { type Leak, LeakFinder } from "../leaks.js";
import { OpensslPki, pem } from "../unit/firmware-sim/authentication-pki.js";
import { EVCC } from "./cases.js";
import {
  externalServers,
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
import { openReceivers, type Receiver } from "./leaks/receivers.js";
import {
  access,
  ECU_ID,
  filesOf,
  hexOf,
  homeOf,
  password,
  registry,
  scalarOf,
  secrets,
  secretsIn,
  signature,
  supplier,
  TOKEN_ECU_ID,
} from "./leaks/secrets.js";
import { Visit } from "./leaks/visit.js";

const folder = tempFolder("leaks");
const pki = new OpensslPki();
const place = (...names: string[]) => join(folder, ...names);
const SERVERS = "servers-data";
const STATION = "station-data";
const LEFT = "left";
const LIMIT = 600_000;

const withToken = requireSoftHsm();
const hsm = withToken ? new SoftHsm("ccu-hsm") : undefined;

/** All that the programs left behind, each file with its name. */
const leftBehind = (): (readonly [name: string, file: string])[] => [
  ...filesOf(folder).map((file) => [relative(folder, file), file] as const),
  ...(hsm === undefined
    ? []
    : filesOf(hsm.folder).map((file) => [join("hsm", relative(hsm.folder, file)), file] as const)),
];

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
  more: readonly string[] = [],
): Promise<Finished> {
  const running = start("ecustation", runArgs(url, profile, more), options(env));
  keepProcess(`${name}-station`, running);
  const done = await running.finished;
  keep(name, done);
  return done;
}

const ecuOptions = ["--state", place("home", "unit.flash"), "--ecu-id", ECU_ID, "--clock", "now"];

let servers: Servers;
let receivers: ReadonlyMap<string, Receiver> = new Map();
const outcomes: Record<string, string | null | undefined> = {};

function prepare(): void {
  for (const name of ["home", LEFT, join(LEFT, "tmp"), join(LEFT, "reports")]) mkdirSync(place(name), { mode: 0o700 });
  const body = parse(readFileSync(join(root, "hw-profiles/body-she.yaml"), "utf8")) as { securityAccess: object };
  const key = { file: "access.hex" };
  write(stringify({ ...body, name: "leak", securityAccess: { ...body.securityAccess, key } }), "home", "leak.yaml");
  const roles = { station: "OU=end-of-line", ecu: "OU=ecu" };
  const how = { kind: "certificate", algorithm: "ecdsa-p256-sha256", credentials: "line-1", roles };
  write(stringify({ ...body, name: "certified", securityAccess: how }), "home", "certified.yaml");
  const ccu = parse(readFileSync(join(root, "hw-profiles/ccu-pkcs11.yaml"), "utf8")) as { certificates: unknown[] };
  write(stringify({ ...ccu, certificates: ccu.certificates.slice(0, 1), name: "token" }), "home", "token.yaml");
  write(hexOf(access), "home", "access.hex");
  write(hexOf(signature), "home", "mes.hex");
  write(hexOf(supplier), "home", "supplier.hex");
  write(stringify(registry()), "home", "registry.yaml");
  const embedded = { registry: "registry.yaml" };
  write(stringify({ schema: 1, mode: "simulator", servers: { embedded } }), "home", "servers.yaml");
}

/** The station's configuration, and its certificate for ECUs that are opened by one. */
async function prepareStation(): Promise<string[]> {
  const [testers, ecus] = [pki.root("testers"), pki.root("ecus")];
  const tester = pki.issue("tester", testers, { subject: "/OU=end-of-line/CN=tester" });
  const ecu = pki.issue("ecu", ecus, { subject: "/OU=ecu/CN=ecu" });
  const key = write(readFileSync(tester.keyFile, "utf8"), "home", "station.key");
  const certificate = pki.file("station.pem", pem(tester));
  const credentials = { "line-1": { certificate, key, anchors: pki.file("station-trusts.pem", pem(ecus)) } };
  const external = externalServers(servers, place(SERVERS));
  const given = { "simulator-cluster": { file: "supplier.hex" } };
  const tokens = hsm && { "ccu-hsm": { module: MODULE, token: "ccu-hsm", pinFile: hsm.pinFile, limits: PATIENT } };
  mkdirSync(place(LEFT, "results"));
  const opened = await openReceivers(pki, place("home", "mes.hex"), place(LEFT, "results"));
  receivers = opened.receivers;
  const results = { sinks: opened.sinks };
  const bay = { name: "P", link: `sim:?state=${place("home", "unit.flash")}`, profile: place("home", "leak.yaml") };
  const rest = { servers: { external }, secrets: given, credentials, results, station: { bays: [bay] } };
  write(stringify({ schema: 1, mode: "simulator", ...rest, ...(tokens && { tokens }) }), "home", "station.yaml");
  secrets.push({ name: "key of the station's certificate", bytes: scalarOf(readFileSync(key, "utf8")) });
  const anchors = pki.file("ecu-trusts.pem", pem(testers));
  const identity = pki.file("ecu-is.pem", pem(ecu), readFileSync(ecu.keyFile, "utf8"));
  return ["--clock", "now", "--auth-anchors", anchors, "--auth-identity", identity];
}

beforeAll(async () => {
  prepare();
  servers = await startServers(["--config", place("home", "servers.yaml"), "--data", place(SERVERS)], options());
  keepProcess("servers", servers);
  const certified = await prepareStation();
  secrets.push(...secretsIn(folder, SERVERS));

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

  if (hsm !== undefined) {
    const unit = ["--ecu-id", TOKEN_ECU_ID, "--state", place("home", "token.flash"), "--clock", "now"];
    const ecu = await startEcu(place("home", "token.yaml"), unit, options());
    outcomes.token = codeOf(await station("token", ecu.url, hsm.env, "token", ["--set", "hostName=ccu-1.plant"]));
    keep("token-ecu", await ecu.stop());
  }
  await visited();

  for (const words of [
    ["records", "list", "--json"],
    ["records", "export", "--format", "json"],
    ["records", "export", "--format", "jsonl"],
    ["records", "export", "--format", "csv"],
    ["records", "export", "--audit"],
    ["outbox", "list"],
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
  for (const [name, receiver] of receivers) {
    write(receiver.received().toString("latin1"), LEFT, `${name}.received`);
    await receiver.close();
  }
  servers.child.kill("SIGUSR2");
  keep("servers", await servers.kill());
}, LIMIT);

/** A unit at a bay of `serve`, in front of which somebody looks at the operator page. */
async function visited(): Promise<void> {
  const service = start("ecustation", ["serve", "--jsonl", ...COMMON], options(hsm?.env));
  const { page } = JSON.parse(await service.line((line) => line.includes('"page"'))) as { page: string };
  const visit = new Visit(page, "P");
  service.child.stdin.write(`${JSON.stringify({ bay: "P", inputs: { vin: EVCC.vin } })}\n`);
  const ended = JSON.parse(await service.line((line) => line.includes('"event":"ended"'))) as {
    outcome: string;
    failure?: { code: string };
  };
  outcomes.served = ended.failure?.code ?? ended.outcome;
  for (const [name, bytes] of await visit.end("key:secoc-5")) writeFileSync(place(LEFT, name), bytes, { mode: 0o600 });
  keep("serve", await service.stop());
}

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
      served: "PASS",
      ...(withToken ? { token: "PASS" } : {}),
    });
    const names = leftBehind().map(([name]) => name);
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
    for (const [name, file] of leftBehind()) {
      for (const { secret, form, at } of finder.find(readFileSync(file)))
        if (!homeOf(secret, name)) found.push(`${name}: ${secret} in ${form} at ${at}`);
    }
    expect(found).toEqual([]);
  });

  it("keeps each secret's home for its owner alone", () => {
    const finder = new LeakFinder(secrets);
    const homes = leftBehind()
      .filter(([, file]) => finder.find(readFileSync(file)).length > 0)
      .map(([, file]) => file);
    expect(homes.length).toBeGreaterThanOrEqual(8);
    const open = homes.filter((file) => (statSync(file).mode & 0o777) !== 0o600);
    expect(open.map((file) => `${relative(folder, file)} ${(statSync(file).mode & 0o777).toString(8)}`)).toEqual([]);
  });

  it.each([
    ["a store", join(STATION, "records.sqlite")],
    ["a trace", join(STATION, "traces")],
    ["a log", join(LEFT, "1-passwd.stderr")],
    ["an export as JSON", /records-export---format-json\.stdout$/],
    ["an export as JSON lines", /records-export---format-jsonl\.stdout$/],
    ["an export of the audit log", /records-export---audit\.stdout$/],
    ["what serve --jsonl tells", /-serve\.stdout$/],
    ["the page's list of runs", /page-runs$/],
    ["the page's export", /page-export$/],
    ["the page's list of profiles", /page-profiles$/],
    ["the page's bays", /page-bays$/],
    ["an export as CSV", /records-export---format-csv\.stdout$/],
    ["what a webhook was sent", /webhook\.received$/],
    ["what a broker was sent", /mqtt\.received$/],
    ["a file of results", /left\/results\/.*\.json$/],
    ["the page's events", /page-events$/],
    ["the page's live trace", /page-live-trace$/],
    ["a record on the page", /page-record$/],
    ["messages on the page", /page-messages$/],
    ["a trace that the page gave", /page-trace$/],
  ])("would be found out by a planted one in %s", (_, where) => {
    const found = leftBehind().find(([name]) =>
      typeof where === "string" ? name.startsWith(where) : where.test(name),
    );
    const bytes = readFileSync(found?.[1] ?? "");
    expect(bytes.length).toBeGreaterThan(typeof where === "string" ? -1 : 100);
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
