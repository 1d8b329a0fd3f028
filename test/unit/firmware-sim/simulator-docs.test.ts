import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../firmware-sim/control/commands.js";
import { STEPS } from "../../../firmware-sim/faults/diagnostics.js";
import { FAULTS, faultForm } from "../../../firmware-sim/faults/faults.js";
import { main } from "../../../firmware-sim/main.js";
import { FakeProcess } from "./program.js";

const PAGE = new URL("../../../docs/ecu-simulator.md", import.meta.url);

/** The rows under a table's head, or what stands there once they are replaced. */
const TABLES = {
  faults: /(\| fault \| values \| what goes wrong \|\n\|---\|---\|---\|\n)((?:\|.*\n)*)/,
  commands: /(\| command \| fields \| what it does \|\n\|---\|---\|---\|\n)((?:\|.*\n)*)/,
};

function faultRows(): string {
  return Object.entries(FAULTS)
    .map(([name, { about, parameters }]) => {
      const values = Object.entries(parameters).map(([key, { range, optional, fallback }]) => {
        const many = fallback === Number.POSITIVE_INFINITY ? "all" : String(fallback);
        const left = fallback === undefined ? ", may be left out" : `, else ${many}`;
        return `${key}: ${range}${optional ? left : ""}`;
      });
      return `| \`${faultForm(name)}\` | ${values.join("; ")} | ${about} |\n`;
    })
    .join("");
}

function commandRows(): string {
  return Object.entries(COMMANDS)
    .map(([name, { about, fields }]) => {
      const values = Object.entries(fields).map(([field, row]) => {
        const what = [row.type, row.about].filter((text) => text !== "").join(", ");
        return `\`${field}\`${row.required === true ? "" : " (may be left out)"}: ${what}`;
      });
      return `| \`${name}\` | ${values.join("; ")} | ${about} |\n`;
    })
    .join("");
}

describe("docs/ecu-simulator.md", () => {
  it("has the tables of faults and commands as the program has them (UPDATE_DOCS=1 writes them)", async () => {
    const page = await readFile(PAGE, "utf8");
    const right = page
      .replace(TABLES.faults, (_, head: string) => head + faultRows())
      .replace(TABLES.commands, (_, head: string) => head + commandRows());
    if (process.env.UPDATE_DOCS === "1") await writeFile(PAGE, right);
    else expect(page).toBe(right);
    expect(right).toContain(faultRows());
    expect(right).toContain(commandRows());
  });

  it("lists every option of the program and no other", async () => {
    const io = new FakeProcess();
    await main(["--help"], io);
    const program = [...io.out.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option]) => option);
    const page = await readFile(PAGE, "utf8");
    const settings = page.slice(page.indexOf("## Settings"), page.indexOf("## What it simulates"));
    const rows = settings.split("\n").filter((line) => line.startsWith("| `--"));
    const listed = rows.flatMap((row) =>
      [...(row.split(" | ")[0] ?? "").matchAll(/`(--[a-z-]+)/g)].map(([, option]) => option),
    );
    expect(listed.toSorted()).toEqual(program.toSorted());
    expect(new Set(listed).size).toBe(listed.length);
  });

  it("names every step at which a fault can reset the ECU", async () => {
    const page = await readFile(PAGE, "utf8");
    const text = /`reset:STEP` names a step[\s\S]*?\n\n/.exec(page)?.[0] ?? "";
    for (const step of Object.keys(STEPS)) expect(text).toContain(`\`${step}\``);
  });
});
