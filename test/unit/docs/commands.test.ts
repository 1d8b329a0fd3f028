import { describe, expect, it } from "vitest";
import { commandsOf } from "../../system/docs/commands.js";
import { parsePage } from "../../system/docs/pages.js";
import { runnableOf } from "../../system/docs/shell.js";

const commandsIn = (text: string) => parsePage("x.md", text).blocks.flatMap(commandsOf);

describe("a shell block", () => {
  it("is read command by command: continued lines, here documents and remarks", () => {
    const text = "```sh\n# why\na \\\n  b   # c\n\ncat <<'EOF' > f\nx\nEOF\nd\n```";
    expect(commandsIn(text).map((command) => [command.line, command.text])).toEqual([
      [3, "a \\\n  b   # c"],
      [6, "cat <<'EOF' > f\nx\nEOF"],
      [9, "d"],
    ]);
  });

  it("may put a command into the background", () => {
    const [first, second] = commandsIn("```sh\necu-sim --profile evcc &  # stays\na && b\n```");
    expect([first?.text.trim(), first?.background, second?.background]).toEqual([
      "ecu-sim --profile evcc",
      true,
      false,
    ]);
  });

  it("takes the end that is promised, and why it is not run, from the remark before it", () => {
    const text =
      "<!-- exit 3: it fails -->\n```sh\na &\nb\n```\n<!-- not run: wants root -->\n```sh\nc\n```\n```sh\nd\n```";
    expect(commandsIn(text).map(({ exit, notRun }) => [exit, notRun])).toEqual([
      [0, undefined],
      [3, undefined],
      [0, "wants root"],
      [0, undefined],
    ]);
  });

  it("without the end of a command is refused", () => {
    expect(() => commandsIn("```sh\na \\\n```")).toThrow("x.md:2: the command has no end");
    expect(() => commandsIn("```sh\ncat <<EOF\nb\n```")).toThrow("x.md:2: the command has no end");
  });
});

it("a page ends for the test where a tool is missing that the rest may stand on", () => {
  const commands = commandsIn("```sh\na\nb | openssl x509\nc\n```\n<!-- not run: why -->\n```sh\nd\n```");
  expect(runnableOf(commands, new Set()).map(({ text }) => text)).toEqual(["a", "b | openssl x509", "c"]);
  expect(runnableOf(commands, new Set(["openssl"])).map(({ text }) => text)).toEqual(["a"]);
});
