import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callBuilt, type Finished, type Options, type Program, root, run, tempFolder } from "./harness.js";

/** A command line, what its one line of complaint says, and what stands on standard input. */
type Row = readonly [args: string, complaint: RegExp, input?: string];

const QUOTES = "''";
const folder = tempFolder("bad-input");
const files = fileSet(folder);
const taken = createServer();
let takenPort = 0;

beforeAll(async () => {
  takenPort = await listen(taken);
  const ports = (which: string) => `schema: 1\nmode: simulator\nservers:\n  embedded: { ${which}: ${takenPort} }\n`;
  writeFileSync(join(folder, "vpki-port.yaml"), ports("vpkiPort"));
  writeFileSync(join(folder, "kms-port.yaml"), ports("kmsPort"));
});
afterAll(() => void taken.close());

/** One line on standard error that matches, nothing on standard output, exit 2. */
function expectRefused(done: Finished, complaint: RegExp, stdout = ""): void {
  expect(done).toMatchObject({ code: 2, signal: null, stdout });
  expect(done.stderr).toMatch(complaint);
  expect(done.stderr).toMatch(/^ecu(station|-sim)[^\n]+\n$/);
  expect(done.stderr).not.toMatch(/\bat .+:\d+:\d+\)|node:internal|undefined|\[object/);
}

/** Words of a command line; `{name}` is a file of the set, `''` an empty word. */
function words(line: string): string[] {
  const filled = line.replace(/\{(\w+)\}/g, (_, name: string) =>
    name === "port" ? String(takenPort) : (files[name] ?? `no file ${name}`),
  );
  return filled === "" ? [] : filled.split(" ").map((word) => (word === QUOTES ? "" : word));
}

/** All rows through the built program's entry, since a process each would take minutes; `as` says which of the two ways. */
function refuses(program: Program, rows: readonly Row[], as: typeof run = callBuilt): void {
  it.each(rows.map((row) => ({ line: row[0], row })))(
    `refuses: ${program} $line`,
    async ({ row: [line, complaint, input] }) => {
      const env = { XDG_DATA_HOME: join(folder, "data") };
      const options: Options = input === undefined ? { env } : { env, input };
      expectRefused(await as(program, words(line), options), complaint);
    },
  );
}

describe("as processes of their own", () => {
  refuses(
    "ecustation",
    [
      ["provision", /unknown command 'provision'/],
      ["run --profile {brokenProfile}", /broken-profile\.yaml:7:\d+: /],
      ["run --profile evcc --link usb:can0", /usb:can0: unknown scheme usb:/],
      ["run --profile evcc --vin KMHC851", /vin: "KMHC851" is not like /],
      ["servers --registry {wrongRegistry}", /wrong-registry\.yaml:2:\d+: suppliers\[0\]\.id: /],
      ["servers --config {kmsPort}", /kms cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/],
      ["she generate --uid 00", / missing|30 hex digits wanted/],
      ["records show nobody", /there is no run nobody/],
    ],
    run,
  );
  refuses(
    "ecu-sim",
    [
      ["--profile nobody", /no such profile: nobody/],
      ["--profile evcc --state {brokenConfig}", /broken-config\.yaml/],
      ["she --loud", /[Uu]nknown option '--loud'/],
    ],
    run,
  );
});

describe("ecustation without a command that it knows", () => {
  refuses("ecustation", [
    ["", /a command is missing/],
    ["provision", /unknown command 'provision'/],
    ["provision --help", /unknown command 'provision'/],
    ["help provision", /unknown command 'provision'/],
    ["--data", /--data <dir>.*argument missing/],
    ["--config", /--config <file>.*argument missing/],
    ["--verbose run", /unknown option '--verbose'/],
    ["she", /a subcommand is missing/],
    ["she make", /unknown command 'make'/],
    ["records", /a subcommand is missing/],
    ["records drop", /unknown command 'drop'/],
    ["profile", /a subcommand is missing/],
    ["profile print", /unknown command 'print'/],
    ["config", /a subcommand is missing/],
    ["config print", /unknown command 'print'/],
  ]);
});

describe("ecustation run", () => {
  refuses("ecustation", [
    ["run", /required option '--profile <profile>' not specified/],
    ["run --profile", /'--profile <profile>' argument missing/],
    ["run --profile evcc --fast", /unknown option '--fast'/],
    ["run --profile evcc KMHC851CFLU061234", /too many arguments/],
    ["run --profile eevcc", /no such profile: eevcc \(there are body-she, ccu, ccu-pkcs11, evcc, generic-uds\)/],
    ["run --profile {none}", /none\.yaml: there is no such file/],
    ["run --profile {folder}/", /it is a folder/],
    ["run --profile {brokenProfile}", /broken-profile\.yaml:7:\d+: /],
    ["run --profile {wrongProfile}", /wrong-profile\.yaml:\d+:\d+: can\.bitrate: /],
    ["run --profile {extraProfile}", /extra-profile\.yaml:\d+:\d+: .*colour/],
    ["run --profile evcc --vin KMHC851", /vin: "KMHC851" is not like /],
    ["run --profile evcc --vin ''", /vin: "" is not like /],
    ["run --profile evcc --pcid kurz", /pcid: "kurz" is not like /],
    ["run --profile evcc --evccid KM7", /evccid: "KM7" is not like /],
    ["run --profile body-she --pcid KM8P2844A9TD84HR91", /pcid: profile body-she has no such input \(it has vin\)/],
    ["run --profile ccu --set colour=red", /colour: profile ccu has no such input/],
    ["run --profile ccu --set hostName", /'--set <name=value>'.*'hostName'.*expected name=value/],
    ["run --profile ccu --set =x", /expected name=value/],
    ["run --profile ccu --set mac=1:2", /mac: "1:2" is not like /],
    ["run --profile ccu --set __proto__=x", /__proto__|proto/],
    ["run --profile evcc --ecu-id 01", /'--ecu-id <hex>'.*expected 54 hex digits/],
    [`run --profile evcc --ecu-id ${"zz".repeat(27)}`, /expected 54 hex digits/],
    ["run --profile evcc --link", /'--link <url>' argument missing/],
    ["run --profile evcc --link can0", /link.*can0: a link is SCHEME:DEVICE/],
    ["run --profile evcc --link usb:can0", /usb:can0: unknown scheme usb:/],
    ["run --profile evcc --link slcan+tcp://127.0.0.1", /HOST:PORT is wanted/],
    ["run --profile evcc --link slcan+tcp://127.0.0.1:0", /HOST:PORT is wanted, port 1 to 65535/],
    ["run --profile evcc --link slcan+tcp://127.0.0.1:1?speed=1", /unknown parameter speed/],
    ["run --profile evcc --link slcan+tcp://127.0.0.1:1?bitrate=fast", /bitrate must be a whole number/],
    ["run --profile evcc --link slcan:/dev/ttyACM0?adapter=brand", /unknown adapter brand/],
    ["run --profile evcc --link slcan:", /the serial device is missing/],
    ["run --profile evcc --link sim:evcc", /sim:evcc \(expected sim: or sim:\?/],
    ["run --profile evcc --link sim:?speed=1", /sim:\?speed=1 \(expected sim: or sim:\?/],
    ["run --profile evcc --config {none}", /none\.yaml: there is no such file/],
    ["run --profile evcc --config {brokenConfig}", /broken-config\.yaml:4:1: /],
    ["run --profile evcc --config {plantConfig}", /evcc has the simulator's security key/],
  ]);
});

describe("ecustation serve, servers and demo", () => {
  refuses("ecustation", [
    ["serve now", /too many arguments/],
    ["serve --port 1", /unknown option '--port'/],
    ["serve --config {wrongConfig}", /wrong-config\.yaml:2:7: mode: /],
    ["servers now", /too many arguments/],
    ["servers --port 1", /unknown option '--port'/],
    ["servers --registry", /'--registry <file>' argument missing/],
    ["servers --registry {none}", /none\.yaml: .*no such file/],
    ["servers --registry {brokenRegistry}", /broken-registry\.yaml:4:1: /],
    ["servers --registry {wrongRegistry}", /wrong-registry\.yaml:2:\d+: suppliers\[0\]\.id: /],
    ["servers --config {externalConfig}", /external\.yaml: servers: names external servers/],
    ["servers --config {vpkiPort}", /vpki cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/],
    ["servers --config {kmsPort}", /kms cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/],
    ["demo now", /too many arguments/],
    ["demo --twice", /unknown option '--twice'/],
    ["demo --profile", /'--profile <profile>' argument missing/],
    ["demo --once --profile nobody", /no such profile: nobody/],
    ["demo --once --config {none}", /none\.yaml: there is no such file/],
  ]);
});

describe("ecustation doctor, records, profile, config and bench", () => {
  refuses("ecustation", [
    ["doctor now", /too many arguments/],
    ["doctor --fix", /unknown option '--fix'/],
    ["doctor --config {none}", /none\.yaml: there is no such file/],
    ["records list now", /too many arguments/],
    ["records list --all", /unknown option '--all'/],
    ["records list --vin", /'--vin <vin>' argument missing/],
    ["records list --ecu-id", /'--ecu-id <hex>' argument missing/],
    ["records list --serial", /'--serial <number>' argument missing/],
    ["records list --after", /'--after <mark>' argument missing/],
    ["records list --outcome GOOD", /'GOOD' is invalid.*PASS, FAIL, ERROR, TIMEOUT, ABORTED/],
    ["records list --from yesterday", /'yesterday' is invalid.*expected a date/],
    ["records list --to 2026-13-01", /'2026-13-01' is invalid.*expected a date/],
    ["records list --limit 0", /expected a whole number from 1 to 500/],
    ["records list --limit 1.5", /expected a whole number from 1 to 500/],
    ["records show", /missing required argument 'runId'/],
    ["records show --data {folder} nobody", /there is no run nobody in .*records\.sqlite/],
    ["records show --data {folder} nobody more", /too many arguments/],
    ["profile check", /missing required argument 'profile'/],
    ["profile check nobody", /no such profile: nobody/],
    ["profile check {brokenProfile}", /broken-profile\.yaml:7:\d+: /],
    ["profile check {wrongProfile}", /wrong-profile\.yaml:\d+:\d+: can\.bitrate: /],
    ["profile check --strict evcc", /unknown option '--strict'/],
    ["profile hash", /missing required argument 'profile'/],
    ["profile hash {none}", /none\.yaml: there is no such file/],
    ["config check {none}", /none\.yaml: there is no such file/],
    ["config check {brokenConfig}", /broken-config\.yaml:4:1: /],
    ["config check {wrongConfig}", /wrong-config\.yaml:2:7: mode: /],
    ["config check {halfConfig}", /half\.yaml:\d+:\d+: servers\.external: names one of clientCertFile/],
    ["config check --strict", /unknown option '--strict'/],
    ["config check {wrongConfig} more", /too many arguments/],
    ["bench tea", /'tea' is invalid/],
    ["bench --fast", /unknown option '--fast'/],
  ]);
});

const KEY = "000102030405060708090a0b0c0d0e0f";
const UID = "000000000000000000000000000001";
const GENERATE = `--uid ${UID} --auth-key-id 1 --auth-key ${KEY} --key-id 4 --new-key ${KEY} --counter 1`;
const without = (option: string) =>
  `she generate ${GENERATE.replace(new RegExp(`${option} \\S+`), "")
    .replace(/ +/g, " ")
    .trim()}`;
const having = (option: string, value: string) => `${without(option)} ${option} ${value}`;
const M1 = "00000000000000000000000000000141";
const M2 = "2b111e2d93f486566bcbba1d7f7a9797c94643b050fc5d4d7de14cff682203c3";
const M3 = "b9d745e5ace7d41860bc63c2b9f5bb46";
const DECODE = `she decode ${M1} ${M2} ${M3}`;

describe("ecustation she", () => {
  refuses("ecustation", [
    ["she generate", /--uid.* missing|missing/],
    ["she generate --slot 4", /unknown option '--slot'/],
    ["she generate 4", /too many arguments/],
    ["she generate --uid", /'--uid <hex>' argument missing/],
    [without("--uid"), /--uid is missing/],
    [without("--auth-key-id"), /--auth-key-id is missing/],
    [without("--auth-key"), /--auth-key\b.* missing/],
    [without("--key-id"), /--key-id is missing/],
    [without("--new-key"), /--new-key\b.* missing/],
    [without("--counter"), /--counter is missing/],
    [having("--uid", "00"), /--uid: 30 hex digits wanted, 2 characters given/],
    [having("--auth-key-id", "16"), /--auth-key-id: /],
    [having("--auth-key", "0011"), /--auth-key: 32 hex digits wanted\n/],
    [having("--key-id", "G"), /--key-id: /],
    [having("--new-key", "zz"), /--new-key: 32 hex digits wanted\n/],
    [having("--new-key", "-"), /--new-key: standard input ended before this key/, ""],
    [having("--counter", "268435456"), /--counter: an integer 0\.\.268435455 wanted/],
    [having("--counter", "-1"), /--counter/],
    [having("--counter", "1e3"), /--counter: an integer/],
    [`${having("--counter", "1")} --flags 32`, /--flags: an integer 0\.\.31 wanted/],
    [`${having("--counter", "1")} --flags FAST`, /--flags: no flag is called "FAST"/],
    [`${having("--counter", "1")} --bank 9`, /--bank: an integer 0\.\.8 wanted/],
    [`${having("--counter", "1")} --device-uid 1`, /--device-uid: 30 hex digits wanted/],
    [`${having("--counter", "1")} --auth-key-file {none}`, /exclude each other/],
    [`${without("--auth-key")} --auth-key-file {none}`, /--auth-key-file: .*none\.yaml/],
    [`${without("--new-key")} --new-key-file {brokenConfig}`, /holds neither 16 bytes nor 32 hex digits/],
    ["she decode", /M1 \(--m1\) is missing/],
    ["she decode --quick", /unknown option '--quick'/],
    ["she decode 00", /M1: 32 hex digits wanted, 2 characters given/],
    [`she decode ${M1}`, /M2 \(--m2\) is missing/],
    [`she decode ${M1} ${M2}`, /M3 \(--m3\) is missing/],
    [`she decode ${M1} ${M2} ${M3}00`, /M3: 32 hex digits wanted, 34 characters given/],
    [`${DECODE} 1 2 3`, /five messages at most, 6 given/],
    [`${DECODE} --m1 ${M1}`, /M1 is given twice/],
    [`${DECODE} --m4 00`, /M4: 64 hex digits wanted/],
    [`${DECODE} --m5 ${M3}`, /M4 and M5 are only checked together/],
    [`${DECODE} --auth-key xy`, /--auth-key: 32 hex digits wanted\n/],
    [`${DECODE} --auth-key-file {none}`, /--auth-key-file: /],
    [`${DECODE} --bank many`, /--bank: an integer 0\.\.8 wanted/],
    [`${DECODE} --uid 00`, /--uid: 30 hex digits wanted/],
    [`${DECODE} --counter x`, /--counter: an integer/],
    [`${DECODE} --stored-flags 99`, /--stored-flags: an integer 0\.\.31/],
    [`${DECODE} --key-id x`, /--key-id: an integer 0\.\.15/],
    [`${DECODE} --auth-key-id x`, /--auth-key-id: an integer 0\.\.15/],
    [`${DECODE} --flags x`, /--flags: no flag is called "x"/],
    ["she verify", /M1 \(--m1\) is missing/],
    ["she verify --quick", /unknown option '--quick'/],
    [`she verify ${M1} ${M2} ${M3} --counter x`, /--counter: an integer/],
  ]);

  const good = `{"uid":"${UID}","authKeyId":1,"authKey":"${KEY}","keyId":4,"newKey":"${KEY}","counter":1,"flags":0}`;
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["no JSON", "{", /line 3: not valid JSON\n/],
    ["an array", "[]", /line 3: not a JSON object\n/],
    ["no uid", "{}", /line 3: uid: missing\n/],
    ["a short key", good.replace(KEY, "00"), /line 3: authKey: 32 hex digits in a string wanted\n/],
    ["a slot too high", good.replace('"keyId":4', '"keyId":16'), /line 3: keyId: an integer 0\.\.15 wanted\n/],
    ["a counter in a string", good.replace('"counter":1', '"counter":"1"'), /line 3: counter: an integer/],
    ["six flags", good.replace('"flags":0', '"flags":32'), /line 3: flags: an integer 0\.\.31 wanted\n/],
    ["a name in another case", good.replace("newKey", "newkey"), /line 3: newkey: the field is called newKey\n/],
    ["a bad bank", good.replace("}", ',"bank":9}'), /line 3: bank: an integer 0\.\.8 wanted\n/],
    ["verifyOnly as a number", good.replace("}", ',"verifyOnly":1}'), /line 3: verifyOnly: true or false wanted\n/],
  ];
  it.each(bad)("answers the lines before one with %s, and names that one", async (_, line, complaint) => {
    const done = await callBuilt("ecustation", ["she", "generate", "--jsonl"], {
      input: `${good}\n\n${line}\n${good}\n`,
    });
    expect(done.stdout).toMatch(/^\{"M1":"[^\n]+\}\n$/);
    expectRefused(done, complaint, done.stdout);
    expect(done.stderr).not.toContain(KEY);
  });
});

describe("ecu-sim", () => {
  refuses("ecu-sim", [
    ["", /required option '--profile <profile>' not specified/],
    ["start", /too many arguments|unknown command|required option/],
    ["--profile evcc start", /too many arguments/],
    ["--profile", /'--profile <profile>' argument missing/],
    ["--profile evcc --loud", /unknown option '--loud'/],
    ["--profile nobody", /no such profile: nobody/],
    ["--profile {none}", /none\.yaml/],
    ["--profile {brokenProfile}", /broken-profile\.yaml:7:\d+: /],
    ["--profile {wrongProfile}", /wrong-profile\.yaml:\d+:\d+: can\.bitrate: /],
    ["--profile evcc --link", /'--link <url>' argument missing/],
    ["--profile evcc --link nowhere", /nowhere: a link is SCHEME:DEVICE/],
    ["--profile evcc --link slcan+listen://127.0.0.1", /HOST:PORT is wanted/],
    ["--profile evcc --link slcan+listen://127.0.0.1:0?pace=x", /pace must be a whole number/],
    ["--profile evcc --link slcan-adapter:", /the serial device is missing/],
    ["--profile evcc --state", /'--state <file>' argument missing/],
    ["--profile evcc --state {folder}", /bad-input/],
    ["--profile evcc --state {brokenConfig}", /broken-config\.yaml/],
    ["--profile evcc --count 0", /N is a whole number from 1 to 256/],
    ["--profile evcc --count many", /N is a whole number from 1 to 256/],
    ["--profile evcc --count 2 --link virtual:a", /--count: several ECUs need slcan\+listen:/],
    ["--profile evcc --vin SHORT", /--vin: a VIN has 17 characters/],
    ["--profile evcc --ecu-id 00", /--ecu-id: 27 bytes of hex are wanted/],
    [`--profile evcc --ecu-id ${"00".repeat(27)}`, /--ecu-id: the last 15 bytes are the SHE UID/],
    [`--profile evcc --count 2 --ecu-id ${"01".repeat(27)}`, /--ecu-id: belongs to one ECU/],
    ["--profile evcc --ecu-type xyz", /one to four hex digits/],
    ["--profile evcc --supplier-id 12345", /one to four hex digits/],
    ["--profile evcc --blank-key 00", /--blank-key: 16 bytes of hex are wanted/],
    ["--profile evcc --seed", /'--seed <text>' argument missing/],
    ["--profile evcc --fault", /'--fault <spec>' argument missing/],
    ["--profile evcc --fault tired", /--fault "tired": known are wrong-m4, /],
    ["--profile evcc --fault ''", /--fault "": known are /],
    ["--profile evcc --fault wrong-m4:10", /SLOT must be hex, at most F/],
    ["--profile evcc --fault wrong-proof:1", /expected wrong-proof/],
    ["--profile evcc --fault wrong-kind,", /--fault "": known are /],
    ["--profile evcc --fault silent-after", /N must be a whole number from 0/],
    ["--profile evcc --fault nrc:10", /NRC must be hex/],
    ["--profile evcc --fault nrc:10:22:0", /TIMES must be a whole number from 1/],
    ["--profile evcc --fault drop-answer:x", /ROUTINE must be hex/],
    ["--profile evcc --fault drop:sideways", /DIR must be one of both, in, out/],
    ["--profile evcc --fault drop:rate=2", /RATE must be a number from 0 to 1/],
    ["--profile evcc --fault delay", /MS must be a whole number from 1 to 600000/],
    ["--profile evcc --fault reset:nap", /STEP must be one of session, /],
    ["--profile evcc --fault power-cut:1:nowhere", /KIND must be one of any, /],
    ["--profile evcc --fault clock-skew:fast", /PPM must be a whole number from -1000000/],
    ["--profile evcc --share-bus --ids 600", /--ids "600": expected REQUEST:RESPONSE/],
    ["--profile evcc --share-bus --count 9", /--ids: ECU 9 would have 7E8, which ECU 1 has/],
    ["--profile evcc --ids 600:680", /--ids: needs --share-bus/],
    ["--profile evcc --control here", /--control "here": expected unix:PATH or tcp:/],
    ["--profile evcc --control tcp://192.0.2.1:1", /it listens on this machine alone/],
    ["--profile evcc --fault slow:-1", /MS must be a whole number from 0/],
    ["she --loud", /[Uu]nknown option '--loud'/],
    ["she now", /[Uu]nexpected argument 'now'/],
    ["she --state", /--state.*argument missing/],
    ["she --state {brokenConfig}", /broken-config\.yaml/],
  ]);

  it("says in one line that its port is taken; that is the adapter's failure, exit 3", async () => {
    const done = await run("ecu-sim", words("--profile evcc --link slcan+listen://127.0.0.1:{port}"));
    expect(done).toMatchObject({ code: 3, signal: null, stdout: "" });
    expect(done.stderr).toMatch(/^ecu-sim: [^\n]*127\.0\.0\.1:\d+[^\n]*\n$/);
  });

  it("answers a bad line of the SHE console with what is wrong, and goes on", async () => {
    const lines = ["{", "[]", "{}", '{"cmd":"FLY"}', '{"cmd":"LOAD_KEY","M1":"00"}', '{"cmd":"GET_STATUS"}'];
    const done = await callBuilt("ecu-sim", ["she"], { input: `${lines.join("\n")}\n` });
    expect(done).toMatchObject({ code: 0, stderr: "" });
    const answers = done.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(answers).toEqual([
      { error: expect.stringContaining("not JSON") },
      { error: expect.stringContaining("not a JSON object") },
      { error: expect.stringContaining("cmd: missing") },
      { error: expect.stringContaining('"FLY"') },
      { error: expect.stringContaining("M1: 16 bytes") },
      expect.objectContaining({ erc: "ERC_NO_ERROR" }),
    ]);
  });
});

describe("--help", () => {
  it("of every command exits 0 and shows an example", async () => {
    const paths: string[][] = [[]];
    for (const path of paths) {
      const { code, stdout, stderr } = await callBuilt("ecustation", [...path, "--help"]);
      expect({ path, code, stderr }).toEqual({ path, code: 0, stderr: "" });
      expect(stdout, path.join(" ")).toMatch(/\nExamples?:\n +(npx )?(ecustation|echo)/);
      paths.push(...subcommands(stdout).map((name) => [...path, name]));
    }
    const names = paths.map((path) => path.join(" "));
    expect(names).toEqual(expect.arrayContaining(["run", "servers", "serve", "doctor", "records show", "she verify"]));
    expect(names).toEqual(expect.arrayContaining(["profile check", "profile hash", "config check", "records list"]));
  });

  it.each([[["--help"]], [["she", "--help"]]])("of ecu-sim %j exits 0 and shows an example", async (args) => {
    const done = await callBuilt("ecu-sim", args);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toMatch(/\nExamples?:\n/);
  });
});

/** Names in a help's list of commands. */
function subcommands(help: string): string[] {
  const list = /\nCommands:\n((?: .*\n)+)/.exec(help)?.[1] ?? "";
  const names = [...list.matchAll(/^ {2}(\w\S*)/gm)].map((match) => match[1] ?? "");
  return names.filter((name) => name !== "help");
}

function fileSet(dir: string): Record<string, string> {
  const profile = readFileSync(join(root, "hw-profiles/evcc.yaml"), "utf8");
  const texts: Record<string, string> = {
    "broken-profile": profile.replace("  en: EV charging controller", '  en: "EV charging controller'),
    "wrong-profile": profile.replace("bitrate: 500000", "bitrate: fast"),
    "extra-profile": profile.replace("takt: 60", "takt: 60\ncolour: red"),
    "broken-config": "schema: 1\nmode: simulator\nstation: { id: [\n",
    "wrong-config": "schema: 1\nmode: sometimes\n",
    half: `schema: 1\nmode: simulator\nservers:\n  external:\n    vpki: ["https://localhost:1"]\n    kms: ["https://localhost:2"]\n    caFile: ca.pem\n    clientCertFile: c.pem\n`,
    external: `schema: 1\nmode: simulator\nservers:\n  external: { vpki: ["https://localhost:1"], kms: ["https://localhost:2"], caFile: ca.pem }\n`,
    plant: "schema: 1\nmode: plant\nstation: { bays: [{ name: a, link: 'slcan+tcp://127.0.0.1:9' }] }\n",
    "broken-registry": "phase: Prod\nsuppliers: []\necuTypes: [\n",
    "wrong-registry": "phase: Prod\nsuppliers: [{ id: one }]\necuTypes: []\n",
  };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(dir, `${name}.yaml`), text);
  const at = (name: string) => join(dir, `${name}.yaml`);
  return {
    folder: dir,
    none: at("none"),
    brokenProfile: at("broken-profile"),
    wrongProfile: at("wrong-profile"),
    extraProfile: at("extra-profile"),
    brokenConfig: at("broken-config"),
    wrongConfig: at("wrong-config"),
    halfConfig: at("half"),
    externalConfig: at("external"),
    plantConfig: at("plant"),
    brokenRegistry: at("broken-registry"),
    wrongRegistry: at("wrong-registry"),
    vpkiPort: at("vpki-port"),
    kmsPort: at("kms-port"),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
