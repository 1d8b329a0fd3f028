/** Commands of shell blocks: where one ends, what it stands for, and whether the programs know its words. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { callBuilt, type Program, root } from "../harness.js";
import type { Block } from "./pages.js";

export interface Command {
  readonly page: string;
  readonly line: number;
  readonly text: string;
  /** The line ends with `&`. */
  readonly background: boolean;
  /** Why it is only parsed. */
  readonly notRun: string | undefined;
  /** The exit code that the page promises; what stays up until the end of the page ends with 0. */
  readonly exit: number;
}

/** `<!-- not run: REASON -->` and `<!-- exit CODE: REASON -->` before a block hold for all of its commands. */
export function commandsOf(block: Block): Command[] {
  const notRun = remark(block, /^not run: (.+)$/);
  const exit = Number(remark(block, /^exit (\d+): .+$/) ?? 0);
  const commands: Command[] = [];
  const lines = block.text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const first = i;
    let text = lines[i] ?? "";
    if (text.trim() === "" || text.trimStart().startsWith("#")) continue;
    const wanted = /<<-?\s*'?(\w+)'?/.exec(text)?.[1];
    while (text.endsWith("\\") || (wanted !== undefined && lines[i] !== wanted)) {
      i++;
      if (i >= lines.length) throw new Error(`${block.page}:${block.line + first + 1}: the command has no end`);
      text += `\n${lines[i]}`;
    }
    const background = /[^&]&\s*(?:#.*)?$/.test(text);
    commands.push({
      ...{ page: block.page, line: block.line + first + 1, notRun, background, exit: background ? 0 : exit },
      text: background ? text.replace(/&\s*(?:#.*)?$/, "") : text,
    });
  }
  return commands;
}

function remark(block: Block, form: RegExp): string | undefined {
  return block.remarks.map((text) => form.exec(text)?.[1]).find((found) => found !== undefined);
}

/** First words of a line that only a shell block may have. */
export const COMMAND_LINE =
  /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:sudo (?:-u \w+ )?)?(?:npx|npm|ecustation|ecu-sim|openssl|socat|curl|systemctl|apt-get|ip link)(?: |$)/;

/** What is wrong with the words of every ecustation, ecu-sim and npm of a command line; undefined: nothing. */
export async function misspelt(text: string): Promise<string | undefined> {
  for (const part of simpleCommands(text)) {
    const words = part.filter(
      (word, i) => !(/^[A-Z_]+=/.test(word) && part.slice(0, i).every((w) => /^[A-Z_]+=/.test(w))),
    );
    if (words[0] === "sudo") words.splice(0, words[1] === "-u" ? 3 : 1);
    if (words[0] === "npx") words.shift();
    const [name = "", ...rest] = words;
    const wrong =
      name === "ecustation" || name === "ecu-sim"
        ? await unknownWord(name, rest)
        : name === "npm"
          ? unknownScript(rest)
          : name === "vitest"
            ? missingFile(rest)
            : undefined;
    if (wrong !== undefined) return `${text}: ${wrong}`;
  }
  return undefined;
}

/** Words of each simple command; quotes are taken away. */
function simpleCommands(text: string): string[][] {
  const [line = ""] = text.replace(/\\\n/g, " ").split("\n");
  const tokens =
    line.match(/'[^']*'|"(?:[^"\\]|\\.)*"|&&|\|\||[|;&<>]|\$\(|[()]|(?:[^\s'"|;&<>()]|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ??
    [];
  const commands: string[][] = [[]];
  for (const token of tokens) {
    if (/^#/.test(token)) break;
    if (/^(?:&&|\|\||[|;&<>()]|\$\()$/.test(token)) commands.push([]);
    else commands.at(-1)?.push(token.replace(/^(["'])(.*)\1$/, "$2"));
  }
  return commands.filter((words) => words.length > 0);
}

interface Help {
  readonly commands: ReadonlySet<string>;
  readonly options: ReadonlySet<string>;
}
const helps = new Map<string, Promise<Help>>();

function helpOf(program: Program, path: readonly string[]): Promise<Help> {
  const key = [program, ...path].join(" ");
  const known = helps.get(key) ?? readHelp(program, path);
  helps.set(key, known);
  return known;
}

async function readHelp(program: Program, path: readonly string[]): Promise<Help> {
  const { code, stdout, stderr } = await callBuilt(program, [...path, "--help"]);
  if (code !== 0) throw new Error(`${program} ${path.join(" ")} --help ends with ${code}: ${stderr}`);
  const [, commands = ""] = /^Commands:\n((?: .*\n|\n(?= ))*)/m.exec(stdout) ?? [];
  const names = [...commands.matchAll(/^ {2}([a-z][a-z0-9-]*)/gm)].map(([, name = ""]) => name);
  if (program === "ecu-sim" && path.length === 0) names.push("she");
  const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--?[a-zA-Z][a-z-]*)/gm)].map(([, name = ""]) => name);
  return { commands: new Set(names), options: new Set([...options, "-h", "--help"]) };
}

/** The first word that `--help` of the command does not have. */
async function unknownWord(program: Program, words: readonly string[]): Promise<string | undefined> {
  const path: string[] = [];
  let help = await helpOf(program, path);
  let value = false;
  for (const word of words) {
    // What stands for words of the reader's choice.
    if (word === "--" || word === "…") break;
    if (word.startsWith("-") && word !== "-") {
      const [option = ""] = word.split("=");
      if (!help.options.has(option)) return `${[program, ...path].join(" ")} has no ${option}`;
      value = true;
    } else if (help.commands.has(word)) {
      path.push(word);
      help = await helpOf(program, path);
      value = false;
    } else if (help.commands.size > 0 && !value) return `${[program, ...path].join(" ")} has no command ${word}`;
    else value = false;
  }
  return undefined;
}

const scripts = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> })
  .scripts;
/** npm's own commands that the pages use. */
const NPM: readonly string[] = ["ci", "rebuild", "audit", "pack", "exec", "install"];

function unknownScript([verb = "", name = ""]: readonly string[]): string | undefined {
  const script = verb === "run" ? name : verb;
  return NPM.includes(script) || script in scripts ? undefined : `package.json has no script ${script}`;
}

function missingFile(words: readonly string[]): string | undefined {
  const files = words.filter((word) => word.startsWith("test/"));
  return files.find((file) => ![file, `${file}.test.ts`].some((name) => existsSync(join(root, name))));
}
