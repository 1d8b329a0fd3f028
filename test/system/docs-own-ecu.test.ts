/** What README.md and docs/profile-guide.md do with a real ECU passes on a simulated one in its place, and prints what they show. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandsOf } from "./docs/commands.js";
import { type Page, readPages } from "./docs/pages.js";
import { type Finished, root, run, startEcu, tempFolder } from "./harness.js";

const ADAPTER = /^slcan:\/dev\//;

/** The page's run on a real ECU, on a simulated ECU of the profile. */
async function ranAsShown({ blocks }: Page, profile: string, folder: string, there = profile): Promise<Finished> {
  const shown = blocks
    .filter(({ language }) => language === "sh")
    .flatMap(commandsOf)
    .find(({ text, notRun }) => notRun !== undefined && /ecustation run\b/.test(text));
  const words = (shown?.text ?? "").match(/"[^"]*"|[^\s\\]+/g)?.map((word) => word.replaceAll('"', "")) ?? [];
  const args = words.slice(words.indexOf("ecustation") + 1);
  expect(args.some((word) => ADAPTER.test(word))).toBe(true);
  const ecu = await startEcu(join(folder, there));
  try {
    const own = args.map((word) =>
      word === `./${profile}` ? join(folder, profile) : word.replace(/^slcan:\/dev\/.*/, ecu.url),
    );
    return await run("ecustation", [...own, "--data", join(folder, "data")]);
  } finally {
    await ecu.stop();
  }
}

function page(name: string): Page {
  const found = readPages().find((one) => one.name === name);
  if (found === undefined) throw new Error(`no page ${name}`);
  return found;
}

/** Lines of steps without their times. */
const steps = (text: string) =>
  text.split("\n").flatMap((line) => (line.startsWith("✓") ? [line.replace(/ +\d+\.\d+ s/, "").trimEnd()] : []));

/** Whether the program printed the line; where `…` stands, anything. */
function isShown(line: string, printed: readonly string[]): boolean {
  const parts = line.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return printed.some((one) => new RegExp(`^${parts.join(".*")}$`).test(one));
}

describe("the way to an own ECU", () => {
  it("of README.md ends with PASS", async () => {
    const folder = tempFolder("own-ecu");
    writeFileSync(join(folder, "my-ecu.yaml"), readFileSync(join(root, "hw-profiles", "evcc.yaml")));
    const { code, stdout, stderr } = await ranAsShown(page("README.md"), "my-ecu.yaml", folder);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^PASS /m);
  }, 60_000);

  it("of the profile guide ends with PASS and prints the steps that it shows", async () => {
    const guide = page("docs/profile-guide.md");
    const folder = tempFolder("own-ecu");
    const block = guide.blocks.find(({ remarks }) => remarks.includes("file: bms.yaml"));
    writeFileSync(join(folder, "bms.yaml"), block?.text ?? "");
    writeFileSync(join(folder, "bms.hex"), "8f".repeat(16), { mode: 0o600 });
    const { code, stdout } = await ranAsShown(guide, "bms.yaml", folder);
    expect(code).toBe(0);
    const shown = guide.blocks.filter(({ language }) => language === "text").flatMap(({ text }) => steps(text));
    expect(shown.length).toBeGreaterThan(4);
    expect(shown.filter((line) => !isShown(line, steps(stdout)))).toEqual([]);
  }, 60_000);

  it("of the profile guide ends where nobody answers with the first code that it lists", async () => {
    const guide = page("docs/profile-guide.md");
    const folder = tempFolder("own-ecu");
    const bms = guide.blocks.find(({ remarks }) => remarks.includes("file: bms.yaml"))?.text ?? "";
    writeFileSync(join(folder, "bms.yaml"), bms);
    writeFileSync(
      join(folder, "other.yaml"),
      bms.replace("0x18DA40F1", "0x18DA41F1").replace("0x18DAF140", "0x18DAF141"),
    );
    writeFileSync(join(folder, "bms.hex"), "8f".repeat(16), { mode: 0o600 });
    const { code, stdout } = await ranAsShown(guide, "bms.yaml", folder, "other.yaml");
    expect(code).toBe(4);
    const listed = /^\| (.*ISOTP_TIMEOUT_BS.*) in \*(\w+)\* \|/m.exec(
      readFileSync(join(root, "docs", "profile-guide.md"), "utf8"),
    );
    const [, told, step] = / {2}(\w+) in (\w+)$/m.exec(stdout) ?? [];
    expect(listed?.[1]).toContain(`\`${told}\``);
    expect(listed?.[2]).toBe(step);
  }, 60_000);
});
