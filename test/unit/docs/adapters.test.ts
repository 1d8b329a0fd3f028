import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ADAPTERS, type AdapterKind, bitrateCommand, USB_DEVICES } from "../../../src/ecu/link/slcan/adapters.js";
import { packageRoot } from "../../../src/shared/paths.js";

const FILE = join(packageRoot(), "docs", "adapters.md");

/** The rows under a table's head. */
const TABLES = {
  kinds: /(\| `adapter=` \|.*\n\|[-|]+\n)((?:\|.*\n)*)/,
  usb: /(\| USB id \|.*\n\|[-|]+\n)((?:\|.*\n)*)/,
};

const ACKNOWLEDGES = { cr: "yes", none: "no", learn: "learned while opening" };

function kindRow(kind: AdapterKind): string {
  const s7 = kind.s7 === undefined ? "not used" : `${kind.s7 / 1_000} kbit/s`;
  const rates = [...kind.dataRates.keys()].map((rate) => rate / 1_000_000).join(", ");
  const fd = kind.fd === false ? "no" : `${rates} Mbit/s${kind.fd === "learn" ? ", where it takes their command" : ""}`;
  return `| \`${kind.name}\` | ${ACKNOWLEDGES[kind.ack]} | ${s7} | ${fd} |\n`;
}

const kindRows = () => [...ADAPTERS.values()].map(kindRow).join("");

function usbRows(): string {
  const rows = [...USB_DEVICES].map(([id, { text, adapters }]) => {
    const link =
      adapters.length === 0 ? "`kline:`, or any adapter" : adapters.map((name) => `\`adapter=${name}\``).join(" or ");
    return `| \`${id}\` | ${text} | ${link} |\n`;
  });
  return rows.join("");
}

it("docs/adapters.md has the adapters and USB devices that the program knows (UPDATE_DOCS=1 writes them)", () => {
  const page = readFileSync(FILE, "utf8");
  const right = page
    .replace(TABLES.kinds, (_, head: string) => head + kindRows())
    .replace(TABLES.usb, (_, head: string) => head + usbRows());
  if (process.env.UPDATE_DOCS === "1") writeFileSync(FILE, right);
  else expect(page).toBe(right);
  for (const rows of [kindRows(), usbRows()]) expect(right).toContain(rows);
});

it("docs/adapters.md names the bit rates that every adapter has", () => {
  const rates = [10, 20, 50, 83.3, 100, 125, 250, 500, 800, 1000].filter((rate) =>
    [...ADAPTERS.values()].every((kind) => bitrateCommand(kind, rate * 1_000) !== undefined),
  );
  expect(readFileSync(FILE, "utf8")).toContain(`${rates.slice(0, -1).join(", ")} and ${rates.at(-1)} kbit/s`);
});
