/** Tokens of SoftHSM2 in a folder of their own, and what other programs see in them. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireTool } from "../require.js";
import { root, tempFolder } from "../system/harness.js";

export const MODULE =
  ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"].find(existsSync) ?? "";

/** pkcs11-tool ends with an error whatever it is asked without a library. */
const starts = (program: string) => spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;

export function requireSoftHsm(): boolean {
  const compiled = existsSync(join(root, "node_modules/pkcs11js/build/Release/pkcs11.node"));
  return (
    requireTool("pkcs11js", () => compiled, "apt-get install g++ make python3, then npm ci") &&
    requireTool(
      "SoftHSM2 with pkcs11-tool",
      () => MODULE !== "" && starts("softhsm2-util") && starts("pkcs11-tool"),
      "apt-get install softhsm2 opensc",
    )
  );
}

export const PIN = "pin-7391-of-the-token";

/** Limits of a token on a machine that does much else, ms. */
export const PATIENT = { call: 60_000, open: 120_000, generate: 120_000 };

/** A SoftHSM2 of its own; what it does not get from this object, it does not see. */
export class SoftHsm {
  readonly folder = tempFolder("softhsm");
  readonly pinFile = join(this.folder, "pin");
  readonly #tokens = join(this.folder, "tokens");
  /** For the programs that use it. */
  readonly env = { SOFTHSM2_CONF: join(this.folder, "softhsm2.conf") };

  constructor(...labels: readonly string[]) {
    mkdirSync(this.#tokens);
    writeFileSync(this.env.SOFTHSM2_CONF, `directories.tokendir = ${this.#tokens}\nlog.level = ERROR\n`);
    writeFileSync(this.pinFile, `${PIN}\n`, { mode: 0o600 });
    for (const label of labels)
      this.#run("softhsm2-util", ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "so-pin-1"]);
  }

  /** The tokens are gone. */
  remove(): void {
    renameSync(this.#tokens, `${this.#tokens}-away`);
  }

  putBack(): void {
    renameSync(`${this.#tokens}-away`, this.#tokens);
  }

  tool(label: string, args: readonly string[]): string {
    return this.#run("pkcs11-tool", ["--module", MODULE, "--token-label", label, "--login", "--pin", PIN, ...args]);
  }

  /** AES keys of a token by label, with what pkcs11-tool calls usage and access. */
  secretKeys(label: string): { label: string; usage: string; access: string }[] {
    return objectsIn(this.tool(label, ["--list-objects", "--type", "secrkey"]), "Secret Key Object");
  }

  /** Private keys of a token by label, with what pkcs11-tool calls usage and access. */
  privateKeys(label: string): { label: string; usage: string; access: string }[] {
    return objectsIn(this.tool(label, ["--list-objects", "--type", "privkey"]), "Private Key Object");
  }

  /** Serial number and slot of a token. */
  place(label: string): { serial: string; slot: number } {
    const slots = this.#run("softhsm2-util", ["--show-slots"]).split(/^Slot /m);
    const text = slots.find((slot) => new RegExp(`Label: +${label} *$`, "m").test(slot)) ?? "";
    return { serial: /Serial number: +(\w+)/.exec(text)?.[1] ?? "", slot: Number.parseInt(text, 10) };
  }

  #run(program: string, args: readonly string[]): string {
    return execFileSync(program, args, { env: { ...process.env, ...this.env }, stdio: "pipe" }).toString();
  }
}

/** The objects of one kind in what pkcs11-tool prints. */
function objectsIn(text: string, kind: string): { label: string; usage: string; access: string }[] {
  const field = (block: string, name: string) => new RegExp(`^ *${name}: *(.*)$`, "m").exec(block)?.[1] ?? "";
  return text
    .split(new RegExp(`^${kind}`, "m"))
    .slice(1)
    .map((block) => ({
      label: field(block, "label"),
      usage: field(block, "Usage"),
      access: field(block, "Access"),
    }));
}

export interface TokenObject {
  /** Private Key, Public Key, Secret Key, Certificate, Data. */
  readonly kind: string;
  readonly label: string;
  readonly id: string;
  readonly usage: string;
  readonly access: string;
}

/** All objects in what pkcs11-tool prints. */
export function objectsOf(text: string): TokenObject[] {
  const field = (block: string, name: string) => new RegExp(`^ *${name}: *'?(.*?)'?$`, "m").exec(block)?.[1] ?? "";
  return text
    .split(/^(?=(?:Private Key|Public Key|Secret Key|Certificate|Data) [Oo]bject)/m)
    .filter((block) => / [Oo]bject/.test(block))
    .map((block) => ({
      kind: / [Oo]bject/.exec(block) === null ? "" : block.slice(0, block.search(/ [Oo]bject/)),
      label: field(block, "label"),
      id: field(block, "ID"),
      usage: field(block, "Usage"),
      access: field(block, "Access"),
    }));
}

/** Processes of tokens that a program has started. */
export function tokenProcesses(parent: number): number[] {
  const about = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "latin1");
    } catch {
      // It ended in the meantime.
      return "";
    }
  };
  // Field 4 of stat is the parent; the name before it is in parentheses (proc(5)).
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && about(pid, "stat").split(") ")[1]?.split(" ")[1] === String(parent))
    .filter((pid) => /(?:token|pkcs11)\/host\.js/.test(about(pid, "cmdline")))
    .map(Number);
}

export function textOf(file: string): string {
  return readFileSync(file, "latin1");
}
