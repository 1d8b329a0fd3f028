/** Every command of README.md and docs/ is run as it stands there, in a folder of its own, with the built programs. */
import { beforeAll, describe, expect, it } from "vitest";
import { requireTool, works } from "../require.js";
import { COMMAND_LINE, commandsOf, misspelt } from "./docs/commands.js";
import { readPages } from "./docs/pages.js";
import { fileOf, firstHome, type Ran, runnableOf, runPage, TOOLS, toolsOf } from "./docs/shell.js";

const pages = readPages();
const blocks = pages.flatMap((page) => page.blocks);
const commands = blocks.filter(({ language }) => language === "sh").flatMap(commandsOf);
const at = ({ page, line }: { page: string; line: number }) => `${page}:${line}`;

const LANGUAGES = ["sh", "yaml", "json", "jsonl", "js", "sql", "text"];
/** It is read with nothing done before. */
const FIRST = "README.md";
/** Pages run side by side. */
const AT_ONCE = 2;

const missing = new Set(
  Object.entries(TOOLS)
    .filter(([tool]) => commands.some((command) => toolsOf(command).includes(tool)))
    .filter(
      ([tool, from]) =>
        !requireTool(tool, () => works("sh", ["-c", `command -v ${tool}`]), `apt-get install -y ${from}`),
    )
    .map(([tool]) => tool),
);
const byPage = new Map(
  pages
    .map(
      ({ name }) =>
        [
          name,
          runnableOf(
            commands.filter(({ page }) => page === name),
            missing,
          ),
        ] as const,
    )
    .filter(([, own]) => own.length > 0),
);
const runnable = [...byPage.values()].flat();

describe("the blocks", () => {
  it("say what they are, and commands stand in sh alone", () => {
    const unknown = blocks.filter(({ language }) => !LANGUAGES.includes(language));
    expect(unknown.map((block) => `${at(block)} ${block.language}`)).toEqual([]);
    const hidden = blocks
      .filter(({ language }) => language !== "sh")
      .flatMap((block) =>
        block.text.split("\n").map((text, i) => ({ page: block.page, line: block.line + i + 1, text })),
      )
      .filter(({ text }) => COMMAND_LINE.test(text));
    expect(hidden.map((line) => `${at(line)} ${line.text}`)).toEqual([]);
  });

  it("leave few commands to be parsed alone, each with its reason", () => {
    const left = commands.filter((command) => command.notRun !== undefined);
    const lines = left.map((command) => `  ${at(command)} ${command.text.split("\n")[0]} (${command.notRun})`);
    console.log(
      `${commands.length} commands of ${pages.length} pages: ${runnable.length} run, ${left.length} parsed alone, ${commands.length - runnable.length - left.length} without their tool\n${lines.join("\n")}`,
    );
    expect(left.length).toBeLessThanOrEqual(commands.length / 5);
    expect(runnable.length + left.length).toBeGreaterThan(60);
  });
});

describe("the words of commands", () => {
  it("in blocks are known to --help", async () => {
    const wrong: string[] = [];
    for (const command of commands)
      wrong.push(
        ...[await misspelt(command.text)].flatMap((what) => (what === undefined ? [] : `${at(command)} ${what}`)),
      );
    expect(wrong).toEqual([]);
  });

  it("in the text are known to --help", async () => {
    const spans = pages.flatMap((page) => page.spans).filter(({ text }) => COMMAND_LINE.test(text));
    expect(spans.length).toBeGreaterThan(40);
    const wrong: string[] = [];
    for (const span of spans)
      wrong.push(...[await misspelt(span.text)].flatMap((what) => (what === undefined ? [] : `${at(span)} ${what}`)));
    expect(wrong).toEqual([]);
  });

  it.each([
    "ecustation run --profil evcc",
    "ecustation recods list",
    "ecustation records lst",
    "ecu-sim --profile evcc --lnk x",
    "npm run test:sweeps",
    "UPDATE_DOCS=1 npx vitest run --project unit test/unit/no-such-folder",
    "true && sudo -u kim ecustation profile aprove bms",
  ])("that are wrong are found: %s", async (text) => {
    expect(await misspelt(text)).toContain(text);
  });
});

describe("the commands", () => {
  const ran = new Map<string, Ran[]>();

  beforeAll(async () => {
    const home = await firstHome();
    const queue = [...byPage];
    const took: string[] = [];
    const work = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [name, own] = next;
        const files = blocks.filter((block) => block.page === name && fileOf(block) !== undefined);
        const begun = performance.now();
        ran.set(name, await runPage(own, files, name === FIRST ? undefined : home));
        took.push(`${((performance.now() - begun) / 1_000).toFixed(1)} s ${name}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    console.log(took.join(", "));
  }, 600_000);

  it.each([...byPage.keys()])("of %s do what the page says", (name) => {
    const failed = (ran.get(name) ?? []).filter(({ command, code }) => code !== command.exit);
    const told = failed.map(({ command, code, output }) => `${at(command)} ${command.text}\n  exit ${code}\n${output}`);
    expect(told).toEqual([]);
    expect(ran.get(name)?.length).toBe(byPage.get(name)?.length);
  });
});
