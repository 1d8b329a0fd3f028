/** The package on this machine: built, installed, its services' command lines run as their users (containers have no systemd to do it). */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Running, root, startCommand, tempFolder } from "../system/harness.js";

/** What is on the machine once the package is. */
export const ETC = "/etc/ecustation";
export const LIB = "/usr/lib/ecustation";
export const VAR = "/var/lib/ecustation";
export type Service = "ecustation" | "ecustation-servers";
export const SERVICES: readonly Service[] = ["ecustation", "ecustation-servers"];
export const unitFile = (service: Service) => `/usr/lib/systemd/system/${service}.service`;

/** Why nothing may be installed here: it would be in the way of what somebody uses. */
export function occupied(): string | undefined {
  return [ETC, LIB, VAR].find(existsSync);
}

/** Standard output of a command that must end well. */
export function sh(command: string, args: readonly string[], env: Record<string, string> = {}): string {
  const done = spawnSync(command, args, { encoding: "utf8", env: { ...process.env, ...env }, maxBuffer: 64 << 20 });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.status}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

/** Makes both packages; the folder they are in. */
export async function build(env: Record<string, string>, umask: string): Promise<string> {
  const out = join(tempFolder("packages"), "out");
  const make = `umask ${umask} && exec "$0" "$@"`;
  const args = ["-c", make, process.execPath, join(root, "bin/package.js"), "--out", out];
  const { code, stdout, stderr } = await startCommand("sh", args, { env, limit: 280_000 }).finished;
  if (code !== 0) throw new Error(`npm run package: ${code}\n${stdout}${stderr}`);
  return out;
}

/** The package as an older version would have been. @param version lower than its own */
export function olderPackage(deb: string, version: string): string {
  const tree = join(tempFolder("older"), "tree");
  sh("dpkg-deb", ["--raw-extract", deb, tree]);
  sh("sed", ["-i", `s/^Version: .*/Version: ${version}/`, join(tree, "DEBIAN/control")]);
  sh("sed", ["-i", `s/^  "version": .*/  "version": "${version}",/`, join(tree, "usr/lib/ecustation/package.json")]);
  const file = join(dirname(tree), "older.deb");
  sh("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", tree, file]);
  return file;
}

/** `dpkg` without questions. Node may have come another way than by a Debian package. */
export function dpkg(...args: readonly string[]): string {
  const known = spawnSync("dpkg-query", ["--show", "nodejs"], { stdio: "ignore" }).status === 0;
  const options = [...(known ? [] : ["--ignore-depends=nodejs"]), "--force-confold", "--force-unsafe-io"];
  return sh("dpkg", [...options, ...args], { DEBIAN_FRONTEND: "noninteractive" });
}

/** systemd's PATH, behind the folder of this Node. */
const PATH = [dirname(process.execPath), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"].join(":");

/** Starts a command line as a user and with nothing but `env` in its environment. */
export function startAs(user: string, line: readonly string[], env: Record<string, string> = {}): Running {
  const values = Object.entries({ PATH, ...env }).map(([name, value]) => `${name}=${value}`);
  const as = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups"];
  return startCommand("env", ["-i", ...values, ...as, ...line], { cwd: "/", limit: 200_000 });
}

/** A setting of an installed unit. */
export function unitSetting(service: Service, name: string): string {
  const line = new RegExp(`^${name}=(.+)$`, "m").exec(readFileSync(unitFile(service), "utf8"));
  if (line?.[1] === undefined) throw new Error(`${unitFile(service)} has no ${name}`);
  return line[1];
}

/** Starts a service as its unit says. */
export function startService(service: Service, env: Record<string, string> = {}): Running {
  return startAs(unitSetting(service, "User"), unitSetting(service, "ExecStart").split(" "), env);
}
