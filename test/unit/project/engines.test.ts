import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../../src/shared/paths.js";

interface Package {
  readonly engines?: { readonly node?: string };
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(packageRoot(), name), "utf8"));
const versionOf = (text: string) => text.split(".").map((part) => Number.parseInt(part, 10) || 0);

function compare(a: readonly number[], b: readonly number[]): number {
  return [0, 1, 2].map((i) => (a[i] ?? 0) - (b[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** Whether a range of npm takes the version. */
function takes(range: string, version: readonly number[]): boolean {
  return range.split("||").some((all) =>
    [...all.matchAll(/(\^|~|>=?|<=?|=)?\s*v?(\d[\d.x]*)/g)].every(([, sign, text = ""]) => {
      const order = compare(version, versionOf(text));
      if (sign === ">=") return order >= 0;
      if (sign === ">") return order > 0;
      if (sign === "<=") return order <= 0;
      if (sign === "<") return order < 0;
      return order >= 0 && version[0] === versionOf(text)[0];
    }),
  );
}

it("every dependency takes the oldest Node that the package takes, so that npm ci warns of none", () => {
  const oldest = versionOf((read("package.json") as Package).engines?.node?.replace(">=", "") ?? "");
  const { packages } = read("package-lock.json") as { packages: Record<string, Package> };
  const refusing = Object.entries(packages).filter(([, { engines }]) => !takes(engines?.node ?? "*", oldest));
  expect(Object.keys(packages).length).toBeGreaterThan(100);
  expect(refusing.map(([path, { engines }]) => `${path}: ${engines?.node}`)).toEqual([]);
});
