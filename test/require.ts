/** Foreign programs that these tests stand on: present, skipped by name, or (with STATION_REQUIRE=1) a failure. */
import { spawnSync } from "node:child_process";
import { describe, it } from "vitest";

/** Tells whether a command ends with 0 within 20 s. */
export function works(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 20_000 }).status === 0;
}

/**
 * Whether a tool is there. Without it a test is skipped whose name says what to install;
 * with STATION_REQUIRE=1 that test fails.
 */
export function requireTool(name: string, probe: () => boolean, installLine: string): boolean {
  if (probe()) return true;
  const wanted = `${name} is missing: ${installLine}`;
  if (process.env.STATION_REQUIRE === "1") {
    it(wanted, () => {
      throw new Error(wanted);
    });
  } else {
    describe.skip(wanted, () => {
      it("is needed", () => undefined);
    });
  }
  return false;
}

/** OpenSSL's program, the outside judge of certificates and MACs. */
export function requireOpenssl(): boolean {
  return requireTool("openssl", () => works("openssl", ["version"]), "apt-get install -y openssl");
}

export const python = "/usr/bin/python3";
const pythonPackages = "apt-get install -y python3-cryptography";

/** Python 3 with its cryptography package, as Debian brings them. */
export function requirePython(): boolean {
  return requireTool("python3 with cryptography", () => works(python, ["-c", "import cryptography"]), pythonPackages);
}
