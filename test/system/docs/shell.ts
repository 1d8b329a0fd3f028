/** Runs the commands of a page one after the other in one bash, as a reader does who types them. */
import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../free-port.js";
import { root, run, tempFolder } from "../harness.js";
import type { Command } from "./commands.js";
import type { Block } from "./pages.js";

export interface Ran {
  readonly command: Command;
  /** undefined where it did not end, or was not reached. */
  readonly code: number | undefined;
  readonly output: string;
}

interface StandIn {
  readonly word: RegExp;
  readonly about: string;
  /** Shell text in its place. */
  readonly value: string;
}

/** Words in capitals that the reader fills in. */
const STAND_INS: readonly StandIn[] = [
  { word: /\bRUN\b/g, about: "id of a run", value: '"$(newest runId)"' },
  { word: /\bVIN\b(?!=)/g, about: "VIN of a unit", value: '"$(newest vin)"' },
  { word: /\bECUID\b/g, about: "EcuID of a unit", value: '"$(newest ecuId)"' },
  { word: /\bHASH\b/g, about: "hash of a profile", value: '"$(newest profile)"' },
];

interface Typed {
  readonly command: RegExp;
  readonly text: string;
}

/** What a person types where a command asks for it. */
const TYPED: readonly Typed[] = [
  { command: /\busers (?:add|pin)\b/, text: "47110815" },
  { command: /\bconsole passwd\b/, text: "correct horse battery staple" },
];

/** Commands that go on until Ctrl+C: another terminal goes on with the page, and SIGTERM ends them with it. */
const STAYS =
  /^(?:echo [^|]*\| )?(?:npx )?(?:ecustation (?:--\w+ \S+ )*(?:serve|servers|demo)\b(?!.*--(?:once|help))|ecu-sim (?!she\b|.*--help)|npm start\b(?!.*--once))/;

/** Programs of others that pages use, and the Debian package of each. */
export const TOOLS: Readonly<Record<string, string>> = {
  openssl: "openssl",
  socat: "socat",
  curl: "curl",
  python3: "python3",
  "softhsm2-util": "softhsm2",
  "pkcs11-tool": "opensc",
  tshark: "tshark",
};

export const toolsOf = (command: Command): string[] =>
  Object.keys(TOOLS).filter((tool) => new RegExp(`(?:^|[|;&(] *)${tool} `).test(command.text));

/** The commands of a page up to the first one whose tool is missing: those behind it may stand on it. */
export function runnableOf(commands: readonly Command[], missing: ReadonlySet<string>): Command[] {
  const end = commands.findIndex((command) => toolsOf(command).some((tool) => missing.has(tool)));
  return commands.slice(0, end < 0 ? undefined : end).filter(({ notRun }) => notRun === undefined);
}

/** ms for all of a page. */
const LIMIT = 240_000;

/** A home in which one unit has passed: readers of all pages but the first have begun with that. */
export async function firstHome(): Promise<string> {
  const home = tempFolder("docs-home");
  const env = { HOME: home, XDG_DATA_HOME: "" };
  const done = await run("ecustation", ["demo", "--once", "--trace", "log"], { env, limit: LIMIT });
  if (done.code !== 0) throw new Error(done.stdout + done.stderr);
  return home;
}

/**
 * @param files blocks that the page names as files: `<!-- file: NAME -->`
 * @param home what is in the home folder at the beginning
 */
export async function runPage(
  commands: readonly Command[],
  files: readonly Block[],
  home: string | undefined,
): Promise<Ran[]> {
  const folder = tempFolder("docs");
  if (home !== undefined) cpSync(home, folder, { recursive: true });
  const out = join(folder, ".out");
  mkdirSync(out);
  for (const name of ["bin", "config", "hw-profiles", "package.json"])
    symlinkSync(join(root, name), join(folder, name));
  writePrograms(join(folder, ".programs"));
  const world = await placesOf(commands.map(({ text }) => text).join("\n"), folder);
  for (const block of files) writeFileSync(join(folder, fileOf(block) ?? ""), world(block.text));
  writeFileSync(join(folder, ".script"), scriptOf(commands, world));
  await new Promise<void>((resolve) => {
    const bash = spawn("bash", ["--norc", ".script"], {
      cwd: folder,
      detached: true,
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...process.env,
        HOME: folder,
        XDG_DATA_HOME: undefined,
        TMPDIR: folder,
        PATH: `${join(folder, ".programs")}:${process.env.PATH}:/usr/sbin`,
      },
    });
    const killer = setTimeout(() => process.kill(-(bash.pid ?? 0), "SIGKILL"), LIMIT);
    bash.on("close", () => {
      clearTimeout(killer);
      resolve();
    });
  });
  return commands.map((command, i) => {
    const code = join(out, `${i}.code`);
    const text = join(out, String(i));
    return {
      command,
      code: existsSync(code) ? Number(readFileSync(code, "utf8")) : undefined,
      output: existsSync(text) ? readFileSync(text, "utf8") : "",
    };
  });
}

/** The name of the file that a block is. */
export function fileOf({ remarks }: Block): string | undefined {
  return remarks.map((text) => /^file: ([\w.-]+)$/.exec(text)?.[1]).find((name) => name !== undefined);
}

/** Fixed places of the pages become places of this run: ports that are free, /tmp its own folder. */
async function placesOf(text: string, folder: string): Promise<(text: string) => string> {
  const ports = new Map<string, number>();
  for (const [, port = ""] of text.matchAll(/127\.0\.0\.1:(\d{2,5})\b/g))
    if (!ports.has(port)) ports.set(port, await freePort());
  return (given) =>
    given.replace(/\b\d{2,5}\b/g, (number) => String(ports.get(number) ?? number)).replaceAll("/tmp/", `${folder}/`);
}

function writePrograms(folder: string): void {
  const node = process.execPath;
  const programs = {
    ecustation: `exec "${node}" "${root}/bin/ecustation.js" "$@"`,
    "ecu-sim": `exec "${node}" "${root}/bin/ecu-sim.js" "$@"`,
    npx: 'case "$1" in ecustation|ecu-sim) exec "$@";; *) echo "npx $1: not one of ours" >&2; exit 127;; esac',
    npm: `[ "$1" = start ] || { echo "npm $1 changes the package" >&2; exit 127; }
shift; [ "$1" = -- ] && shift
exec "${node}" "${root}/$(cd "${root}" && "${node}" -p 'require("./package.json").scripts.start.replace(/^node /, "").split(" ")[0]')" demo "$@"`,
    newest: `exec "${node}" "${join(root, "test/system/docs/newest.mjs")}" "$1"`,
  };
  mkdirSync(folder);
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
}

function scriptOf(commands: readonly Command[], world: (text: string) => string): string {
  const head = `set -m
# A program in the background is ready when it has said something.
ready() { local n=0; until [ -s .out/$1 ] || ! kill -0 $2 2>/dev/null || [ $n -ge 600 ]; do sleep 0.1; n=$((n + 1)); done; }
running=()
`;
  const parts = commands.map((command, i) => {
    let text = world(command.text);
    for (const { word, value } of STAND_INS) text = text.replace(word, value);
    const typed = TYPED.find((row) => row.command.test(text))?.text;
    const stdin = typed === undefined ? "< /dev/null" : `<<< '${typed}'`;
    if (!command.background && !STAYS.test(text))
      return `{ ${text}\n} > .out/${i} 2>&1 ${stdin}; echo $? > .out/${i}.code\n`;
    return `( trap : TERM; ${text}\necho $? > .out/${i}.code ) > .out/${i} 2>&1 ${stdin} &
running+=($!); ready ${i} $!
`;
  });
  const end = `for pid in "\${running[@]}"; do kill -TERM -- -$pid 2>/dev/null; done
wait
`;
  return `${head}${parts.join("")}${end}`;
}
