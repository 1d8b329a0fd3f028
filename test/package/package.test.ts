/** The Debian package on this machine, from installation to purge, and the portable archive: one story, each test goes on from the one before. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { python, requireTool, works } from "../require.js";
import { EVCC_ARGS, recordOf, recordsFile, rows } from "../system/cases.js";
import { type Running, root, startCommand, tempFolder } from "../system/harness.js";
import {
  build,
  dpkg,
  ETC,
  LIB,
  occupied,
  olderPackage,
  SERVICES,
  sh,
  startAs,
  startService,
  unitFile,
  unitSetting,
  VAR,
} from "./installed.js";

const able = [
  requireTool("root", () => process.getuid?.() === 0, "run it as root"),
  requireTool("dpkg", () => works("dpkg-deb", ["--version"]), "it is a test for Debian"),
  requireTool("python3", () => works(python, ["--version"]), "apt-get install -y python3"),
  requireTool("systemd-analyze", () => works("systemd-analyze", ["--version"]), "apt-get install -y systemd"),
  requireTool("adduser", () => works("adduser", ["--version"]), "apt-get install -y adduser"),
  requireTool("a machine without the package", () => occupied() === undefined, `remove ${occupied()}`),
].every((there) => there);

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const OLDER = "0.0.1";
const STATION = ["--config", `${ETC}/station.yaml`];
const CONFIGURATION = `${ETC}/station.yaml`;

/** Of a file or folder: owner, group, permission bits. */
const owned = (path: string) => sh("stat", ["-c", "%U:%G %a", path]).trim();

/** Prints each datagram of a unix socket that everybody may write to. */
const RECEIVER = `
import os, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
print("bound", flush=True)
while True:
    for line in receiver.recv(4096).decode().splitlines(): print(line, flush=True)
`;

const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends.splice(0)) end();
});

/** A socket as systemd gives it to a service; `until` passes over all that arrives before a word. */
async function notifySocket() {
  const folder = tempFolder("notify");
  chmodSync(folder, 0o755);
  const socket = join(folder, "socket");
  const child = spawn(python, ["-c", RECEIVER, socket], { stdio: ["ignore", "pipe", "inherit"] });
  ends.push(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const until = async (word: string) => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`no ${word} came`);
      if (value === word) return;
    }
  };
  await until("bound");
  return { socket, until };
}

describe.runIf(able)("the packages", () => {
  let deb = "";
  let tar = "";
  /** A simulated unit that outlives the station's programs. */
  let ecu: Running;
  let link = "";

  beforeAll(async () => {
    const folders = await Promise.all([build({ TZ: "Asia/Seoul", LC_ALL: "C" }, "0022"), build({ TZ: "UTC" }, "0077")]);
    const sums = folders.map((folder) =>
      readdirSync(folder)
        .sort()
        .map((name) => [
          name,
          createHash("sha256")
            .update(readFileSync(join(folder, name)))
            .digest("hex"),
        ]),
    );
    expect(sums[1]).toEqual(sums[0]);
    const names = sums[0]?.map(([name]) => name ?? "") ?? [];
    const [folder = ""] = folders;
    const file = (end: string) => join(folder, names.find((name) => name.endsWith(end)) ?? `no ${end}`);
    deb = file(".deb");
    tar = file(".tar.gz");
    expect(JSON.parse(readFileSync(file(".cdx.json"), "utf8"))).toMatchObject({ bomFormat: "CycloneDX" });
  }, 290_000);

  afterAll(() => {
    if (!able) return;
    dpkg("--purge", "ecustation");
    rmSync(VAR, { recursive: true, force: true });
    for (const user of SERVICES) sh("deluser", ["--quiet", "--system", user]);
  });

  it("are the same bytes at every build, and their bill of materials has what they bring along", () => {
    const { components } = JSON.parse(readFileSync(join(deb, "..", `ecustation-${version}.cdx.json`), "utf8")) as {
      components: { name: string; version: string }[];
    };
    const listed = new Set(components.map((component) => `${component.name}@${component.version}`));
    const packed = sh("tar", ["-tzf", tar])
      .split("\n")
      .filter((path) => /node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path));
    expect(packed.length).toBeGreaterThan(60);
    const folder = tempFolder("unpacked");
    sh("tar", ["-xzf", tar, "-C", folder, ...packed]);
    const unlisted = packed
      .map((path) => JSON.parse(readFileSync(join(folder, path), "utf8")) as { name: string; version: string })
      .filter((one) => !listed.has(`${one.name}@${one.version}`));
    expect(unlisted).toEqual([]);
  });

  it("an older version is installed: files, users and modes are where they belong, and no service is begun", () => {
    dpkg("--install", olderPackage(deb, OLDER));
    expect(sh("dpkg-query", ["--show", "-f", "${Version} ${Status}", "ecustation"])).toBe(
      `${OLDER} install ok installed`,
    );
    expect(sh("/usr/bin/ecustation", ["--version"]).trim()).toBe(OLDER);
    const expected: Record<string, string> = {
      [`${ETC}/station.yaml`]: "root:root 644",
      [`${ETC}/servers.yaml`]: "root:root 644",
      [`${ETC}/secrets`]: "root:ecustation 750",
      [`${ETC}/servers-secrets`]: "root:ecustation-servers 750",
      [`${VAR}/station`]: "ecustation:ecustation 700",
      [`${VAR}/servers`]: "ecustation-servers:ecustation-servers 700",
      [`${LIB}/bin/ecustation.js`]: "root:root 755",
      [`${LIB}/package.json`]: "root:root 644",
      "/usr/lib/udev/rules.d/60-ecustation.rules": "root:root 644",
      "/usr/share/doc/ecustation/sbom.cdx.json": "root:root 644",
      "/usr/share/doc/ecustation/changelog.gz": "root:root 644",
      [unitFile("ecustation")]: "root:root 644",
    };
    expect(Object.fromEntries(Object.keys(expected).map((path) => [path, owned(path)]))).toEqual(expected);
    expect(sh("find", [LIB, "(", "!", "-user", "root", "-o", "-perm", "/022", ")", "!", "-type", "l"])).toBe("");
    expect(sh("id", ["-nG", "ecustation"]).trim().split(" ")).toEqual(["ecustation", "dialout"]);
    expect(readdirSync(`${VAR}/station`)).toEqual([]);
  });

  it("its units are ones for systemd, sandboxed", () => {
    expect(sh("systemd-analyze", ["verify", ...SERVICES.map(unitFile)])).toBe("");
    // Its own scale: 0 is closed, 10 open; these are "OK" (at most 2.5).
    for (const service of SERVICES) {
      sh("systemd-analyze", ["security", "--offline=true", "--threshold=25", unitFile(service)]);
      // A stop is the program's alone to pass on; a dump of its memory would hold keys.
      expect([unitSetting(service, "KillMode"), unitSetting(service, "LimitCORE")]).toEqual(["mixed", "0"]);
    }
  });

  it("its rules for udev have every slcan adapter that the program knows", () => {
    const rules = readFileSync("/usr/lib/udev/rules.d/60-ecustation.rules", "utf8");
    for (const [vendor, product] of [
      ["0403", "ffa8"],
      ["04d8", "000a"],
      ["ad50", "60c4"],
      ["16d0", "117e"],
    ])
      expect(rules).toContain(`ATTRS{idVendor}=="${vendor}", ATTRS{idProduct}=="${product}", GROUP="ecustation"`);
  });

  it("its configurations are valid", () => {
    for (const name of ["station", "servers"])
      expect(sh("ecustation", ["config", "check", `${ETC}/${name}.yaml`])).toContain(`data ${VAR}/${name}`);
  });

  it("the servers run as their user, and tell systemd that they are ready, live and end", async () => {
    const { socket, until } = await notifySocket();
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "1000000" };
    const servers = startService("ecustation-servers", env);
    const first = JSON.parse(await servers.line(() => true)) as { kms: string; clientKey: string };
    await until("READY=1");
    await until("WATCHDOG=1");
    await until("WATCHDOG=1");
    expect(first.kms).toBe("https://127.0.0.1:8444");
    expect(owned(first.clientKey)).toBe("ecustation-servers:ecustation-servers 600");
    servers.child.kill("SIGTERM");
    await until("STOPPING=1");
    expect((await servers.finished).code).toBe(0);
    // The station's user gets at no key of theirs.
    const reading = startAs("ecustation", ["cat", first.clientKey]);
    expect((await reading.finished).code).toBe(1);
  });

  it("the station's user provisions a simulated unit", async () => {
    const unit = ["ecustation", "run", ...STATION, ...EVCC_ARGS, "--link", "sim:", "--json"];
    const record = recordOf(await startAs("ecustation", unit).finished);
    expect([record.outcome, record.header.programVersion]).toEqual(["PASS", OLDER]);
    expect(owned(recordsFile(`${VAR}/station`))).toMatch(/^ecustation:ecustation /);
  });

  it("an upgrade keeps data and configuration, and the service of the new version takes up the run that was interrupted", async () => {
    const simulator = ["ecu-sim", "--profile", "evcc", "--link", "slcan+listen://127.0.0.1:0"];
    ecu = startAs("ecustation", simulator);
    link = (JSON.parse(await ecu.line(() => true)) as { listening: string }).listening;
    const unit = ["ecustation", "run", ...STATION, ...EVCC_ARGS, "--link", link];
    const killed = await startAs("ecustation", unit, { ECUSTATION_KILL_AT: "after append key:secoc-4 noted" }).finished;
    expect(killed.signal).toBe("SIGKILL");
    sh("sed", ["-i", "s/^language: both$/language: en/", CONFIGURATION]);

    dpkg("--install", deb);
    expect(sh("ecustation", ["--version"]).trim()).toBe(version);
    expect(readFileSync(CONFIGURATION, "utf8")).toContain("\nlanguage: en\n");
    expect(sh("dpkg", ["--verify", "ecustation"])).toMatch(/^(?:\S+ c \/etc\/ecustation\/station\.yaml\n)$/);

    const { socket, until } = await notifySocket();
    const service = startService("ecustation", { NOTIFY_SOCKET: socket });
    await until("READY=1");
    await service.line((line) => line.startsWith("PASS"));
    expect((await service.stop()).code).toBe(0);
    await until("STOPPING=1");
    await ecu.stop();
    const found = rows(recordsFile(`${VAR}/station`), "SELECT outcome, resumed FROM run ORDER BY started_at");
    expect(found).toEqual([
      { outcome: "PASS", resumed: 0 },
      { outcome: "PASS", resumed: 1 },
    ]);
    const verify = startAs("ecustation", ["ecustation", "records", "verify", ...STATION]);
    expect((await verify.finished).code).toBe(0);
  });

  it("a backup is taken and restored by the station's user", async () => {
    const place = tempFolder("backup");
    chmodSync(place, 0o777);
    const copy = join(place, "copy");
    const made = await startAs("ecustation", ["ecustation", "backup", ...STATION, "--to", copy]).finished;
    expect([made.code, made.stderr]).toEqual([0, ""]);
    rmSync(`${VAR}/station`, { recursive: true });
    mkdirSync(`${VAR}/station`, { mode: 0o700 });
    sh("chown", ["ecustation:ecustation", `${VAR}/station`]);
    // By root, as an operator does it: the files are the user's all the same.
    sh("ecustation", ["restore", ...STATION, "--from", copy]);
    expect(sh("find", [VAR, "-path", `${VAR}/station*`, "!", "-user", "ecustation"])).toBe("");
    const verify = startAs("ecustation", ["ecustation", "records", "verify", ...STATION]);
    expect((await verify.finished).code).toBe(0);
  });

  it("removed, it leaves configuration and data; purged, the data alone", () => {
    dpkg("--remove", "ecustation");
    expect([LIB, "/usr/bin/ecustation", unitFile("ecustation")].filter(existsSync)).toEqual([]);
    expect(readFileSync(CONFIGURATION, "utf8")).toContain("language: en");
    dpkg("--purge", "ecustation");
    expect(existsSync(ETC)).toBe(false);
    expect(statSync(recordsFile(`${VAR}/station`)).size).toBeGreaterThan(0);
  });

  it("the archive provisions a unit where it is unpacked", async () => {
    const folder = tempFolder("portable");
    sh("tar", ["-xzf", tar, "-C", folder]);
    const program = join(folder, `ecustation-${version}`, "bin/ecustation.js");
    const done = await startCommand(program, ["demo", "--once", "--data", join(folder, "data")], { cwd: folder })
      .finished;
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining("PASS")]);
  });
});
