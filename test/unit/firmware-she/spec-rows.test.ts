import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CONSOLE_COMMANDS } from "../../../firmware-sim/she/commands.js";
import { BUSY_COMMANDS } from "../../../firmware-sim/she/index.js";
import { ERC } from "../../../src/she/codec/index.js";

/** What the text says in its tables and rules, one row each; every row is the title of a `describe` of this folder. */
const ROWS = [
  "4.9: M1 to M5 and the constants",
  "Table 4.5: 1 MASTER_ECU_KEY",
  "Table 4.5: 2 BOOT_MAC_KEY",
  "Table 4.5: 3 BOOT_MAC",
  "Table 4.5: 4..D KEY_n",
  "Table 4.5: E RAM_KEY",
  "Table 4.5: 0, F, PRNG_* and UID",
  "4.9.1: order in CMD_LOAD_KEY",
  "4.8.4: disallowed AuthID",
  "4.9.1: blank-key value",
  "4.4.4.2: UID",
  "4.4.1.4: WILDCARD flag",
  "4.9.1: counter",
  "4.4.1.1, 4.11: WRITE_PROTECTION",
  "4.4.1.2, 4.9.1: BOOT_PROTECTION",
  "4.4.1.3, Table 4.3: DEBUGGER_PROTECTION",
  "4.4: use of keys (Table 4.4)",
  "4.4.1.5: KEY_USAGE",
  "4.4.1: not-applicable flag",
  "4.4.3.1, 4.7.8-9: RAM_KEY",
  "4.7.19, 4.11: CMD_DEBUG",
  "4.7.17: CMD_GET_ID",
  "4.7.18: CMD_CANCEL in LOAD_KEY",
  "4.7, 4.8.11: errors",
  "4.6: SREG",
  "4.10: secure boot",
  "4.5: PRNG",
  "4.7: commands",
  "4.8: error codes",
  "Table 4.6: what CMD_LOAD_KEY may return",
  "SHE+: banks",
  "SHE+: VERIFY_ONLY",
];

/** The commands in the order of 4.7.1 to 4.7.19. */
const COMMANDS = [
  ...["ENC_ECB", "ENC_CBC", "DEC_ECB", "DEC_CBC", "GENERATE_MAC", "VERIFY_MAC", "LOAD_KEY", "LOAD_PLAIN_KEY"],
  ...["EXPORT_RAM_KEY", "INIT_RNG", "EXTEND_SEED", "RND", "SECURE_BOOT", "BOOT_FAILURE", "BOOT_OK", "GET_STATUS"],
  ...["GET_ID", "CANCEL", "DEBUG"],
];

it("every row of the text has its tests, and in one place", () => {
  const folder = new URL(".", import.meta.url);
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(new URL(name, folder), "utf8").replace(/const ROWS = \[[^\]]*\];/, ""));
  const places = ROWS.map((row) => {
    const title = JSON.stringify(row);
    return [row, sources.filter((text) => text.includes(`describe(${title}`) || text.includes(`[${title},`)).length];
  });
  expect(places).toEqual(ROWS.map((row) => [row, 1]));
});

describe("4.7: commands", () => {
  it("the console has them all, and its own ENV, RESET and WAIT", () => {
    const names = CONSOLE_COMMANDS.map(({ name }) => name);
    expect(names.sort()).toEqual([...COMMANDS, "ENV", "RESET", "WAIT"].sort());
  });

  it("all but CMD_GET_STATUS and CMD_CANCEL keep the SHE busy", () => {
    expect([...BUSY_COMMANDS]).toEqual(COMMANDS.filter((name) => name !== "GET_STATUS" && name !== "CANCEL"));
  });
});

describe("4.8: error codes", () => {
  it("have the numbers of she_api.h", () => {
    expect(Object.entries(ERC).sort(([, a], [, b]) => a - b)).toEqual(
      [
        ...["NO_ERROR", "SEQUENCE_ERROR", "KEY_NOT_AVAILABLE", "KEY_INVALID", "KEY_EMPTY", "NO_SECURE_BOOT"],
        ...["KEY_WRITE_PROTECTED", "KEY_UPDATE_ERROR", "RNG_SEED", "NO_DEBUGGING", "BUSY", "MEMORY_FAILURE"],
        "GENERAL_ERROR",
      ].map((name, number) => [`ERC_${name}`, number]),
    );
  });
});
