/**
 * `npm run test:socketcan`: the tests of this folder in a kernel that has CAN sockets. That is this machine's, if it can make a vcan
 * interface, else that of User-Mode Linux. Ends with 0 only if every test of tests.txt has passed; without a kernel it is a failure
 * where STATION_REQUIRE=1, else a skip that says what to install.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const KERNEL = "/usr/bin/linux.uml";
const INSTALL =
  "apt-get install -y --no-install-recommends user-mode-linux can-utils kmod iproute2 busybox-static socat";
/** Seconds for all tests, boot and end of the guest included. */
const LIMIT_S = 270;
const MEMORY = "1500M";

const vitest = (reports) => [
  process.execPath,
  join(root, "node_modules/vitest/vitest.mjs"),
  "run",
  "--project=socketcan",
  "--reporter=verbose",
  "--reporter=json",
  `--outputFile.json=${join(reports, "socketcan.json")}`,
];

const folder = mkdtempSync(join(tmpdir(), "socketcan-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.exitCode = main();

function main() {
  const modules = modulesFolder();
  let code;
  if (hostHasCan()) {
    console.log("test:socketcan: in this machine's kernel");
    code = spawn(vitest(folder), {}).status;
  } else if (existsSync(KERNEL) && modules !== undefined) {
    console.log("test:socketcan: in User-Mode Linux, because this machine's kernel has no CAN sockets for us");
    code = inGuest(modules);
  } else {
    console.log(`test:socketcan: no kernel with CAN sockets: ${INSTALL}`);
    return process.env.STATION_REQUIRE === "1" ? 1 : 0;
  }
  return judge(code);
}

function spawn([command, ...args], options) {
  return spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    timeout: LIMIT_S * 1_000,
    killSignal: "SIGKILL",
    ...options,
  });
}

/** Makes an interface and takes it away again. */
function hostHasCan() {
  const ip = (...args) => spawnSync("ip", args, { stdio: "ignore" }).status === 0;
  const probe = `vcan-${process.pid}`.slice(0, 15);
  return ip("link", "add", probe, "type", "vcan") && ip("link", "del", probe);
}

function modulesFolder() {
  const base = "/usr/lib/uml/modules";
  const version = existsSync(base) ? readdirSync(base)[0] : undefined;
  return version === undefined ? undefined : join(base, version, "kernel");
}

/** @returns the exit code of the tests; undefined when the guest ended without one */
function inGuest(modules) {
  const quoted = vitest("/run/share").map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const command = [
    `cd '${root}'`,
    "export CI=1 NO_COLOR=1 HOME=/run STATION_REQUIRE=1",
    // A terminal would be painted over and over.
    `${quoted.join(" ")} 2>&1 | cat`,
    "exit ${PIPESTATUS[0]}",
  ];
  writeFileSync(join(folder, "command.sh"), `${command.join("\n")}\n`);
  const args = [
    `mem=${MEMORY}`,
    "rootfstype=hostfs",
    "rootflags=/",
    "ro",
    `init=${join(here, "guest-init.sh")}`,
    // The kernel's messages stay out of the way, the tests' output comes on our stdout.
    "con=null",
    "con0=null,fd:3",
    "con1=null,fd:1",
    "quiet",
    "loglevel=3",
    "panic=-1",
    `umid=socketcan-${process.pid}`,
    `uml_dir=${folder}/`,
    `station.modules=${modules}`,
    `station.share=${folder}`,
  ];
  const log = join(folder, "kernel.log");
  const shell = ['exec "$@" 3>"$LOG" 2>>"$LOG"', "sh", KERNEL, ...args];
  const ended = spawn(["sh", "-c", ...shell], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, LOG: log },
  });
  const code = join(folder, "code");
  if (existsSync(code)) return Number(readFileSync(code, "utf8"));
  console.log(`test:socketcan: the guest ended without a result (${ended.signal ?? ended.status})`);
  if (existsSync(log)) console.log(readFileSync(log, "utf8").split("\n").slice(-20).join("\n"));
  return undefined;
}

/** Hands the report on, and sees that no test is missing from it. */
function judge(code) {
  const file = join(folder, "socketcan.json");
  if (!existsSync(file)) {
    console.log("test:socketcan: no report");
    return 1;
  }
  const report = readFileSync(file, "utf8");
  const reports = process.env.STATION_REPORTS;
  if (reports !== undefined) {
    mkdirSync(reports, { recursive: true });
    writeFileSync(join(reports, `socketcan-${process.pid}.json`), report);
  }
  const passed = new Set(
    JSON.parse(report).testResults.flatMap((entry) =>
      entry.assertionResults.filter((test) => test.status === "passed").map((test) => test.fullName),
    ),
  );
  const wanted = readFileSync(join(here, "tests.txt"), "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const missing = wanted.filter((name) => !passed.has(name));
  const unnamed = [...passed].filter((name) => !wanted.includes(name));
  for (const name of missing) console.log(`test:socketcan: did not pass: ${name}`);
  for (const name of unnamed) console.log(`test:socketcan: not in tests.txt: ${name}`);
  console.log(`test:socketcan: ${wanted.length - missing.length} of ${wanted.length} tests passed`);
  return code === 0 && missing.length === 0 && unnamed.length === 0 ? 0 : 1;
}
