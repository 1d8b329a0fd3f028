import { describe, expect, it } from "vitest";
import { refuses } from "./bad-input/refuses.js";
import { callBuilt, run } from "./harness.js";

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
    ["run --profile ccu --set hostName=a --set hostName=b", /'hostName=b' is invalid\. hostName has two values/],
    ["run --profile evcc --vin KMHC851CFLU061234 --set vin=KMHC851CFLU069999", /--vin and --set vin=… differ/],
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
    ["run --profile evcc --config {fifo}", /fifo\.yaml: it is a FIFO \(expected a plain file\)/],
    ["run --profile evcc --config /dev/zero", /\/dev\/zero: it is a device/],
    ["run --profile evcc --config {huge}", /huge\.yaml: it has 5000000000 bytes \(expected at most 16777216\)/],
    ["run --profile {fifo}", /fifo\.yaml: it is a FIFO/],
    ["run --profile evcc --data /etc/hostname", /data: \/etc\/hostname cannot be made: EEXIST/],
    ["run --profile evcc --data /etc/hostname/data", /data: \/etc\/hostname\/data cannot be made: ENOTDIR/],
    ["run --profile evcc --config {brokenConfig}", /broken-config\.yaml:4:1: /],
    ["run --profile evcc --config {plantConfig}", /evcc has the simulator's security key/],
  ]);
});

describe("ecustation serve, servers and demo", () => {
  refuses("ecustation", [
    ["serve now", /too many arguments/],
    ["servers --data /etc/hostname", /data: \/etc\/hostname\/servers cannot be made: ENOTDIR/],
    ["serve --port 1", /unknown option '--port'/],
    ["serve --config {wrongConfig}", /wrong-config\.yaml:2:7: mode: /],
    ["serve --config {barePlantConfig}", /bare-plant\.yaml:1:1: servers\.embedded\.registry: is the simulator's/],
    ["servers --config {barePlantConfig}", /bare-plant\.yaml:1:1: servers\.embedded\.registry: is the simulator's/],
    ["serve --config {pageConfig}", /page\.tls: \S+page\.yaml and \S+page\.yaml are no certificate with its key/],
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
    ["records list --after foo", /'foo' is invalid\. expected `next` of the page before/],
    ["records list --ecu-id zz", /'zz' is invalid\. expected 54 hex digits/],
    ["records list --certificate zz", /'zz' is invalid\. expected hex digits/],
    ["records export --ecu-id zz", /'zz' is invalid\. expected 54 hex digits/],
    ["records list --outcome GOOD", /'GOOD' is invalid.*PASS, FAIL, ERROR, TIMEOUT, ABORTED/],
    ["records list --from yesterday", /'yesterday' is invalid.*expected a date/],
    ["records list --to 2026-13-01", /'2026-13-01' is invalid.*expected a date/],
    ["records list --limit 0", /expected a whole number from 1 to 500/],
    ["records list --limit 1.5", /expected a whole number from 1 to 500/],
    ["records show", /missing required argument 'runId'/],
    ["records show --data {folder} nobody", /there is no run nobody in .*records\.sqlite/],
    ["records verify --file {none}", /none\.yaml: there is no such file/],
    ["records verify --file {folder}", /bad-input[^ ]*: it is a folder/],
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
    ["config check {barePlantConfig}", /bare-plant\.yaml:1:1: servers\.embedded\.registry: is the simulator's/],
    ["config check {halfConfig}", /half\.yaml:\d+:\d+: servers\.external: names one of clientCertFile/],
    ["config check --strict", /unknown option '--strict'/],
    ["config check {wrongConfig} more", /too many arguments/],
    ["bench tea", /'tea' is invalid/],
    ["bench --fast", /unknown option '--fast'/],
  ]);
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
