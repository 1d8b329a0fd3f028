import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ProfileSchema } from "../../../src/profiles/schema.js";
import { packageRoot } from "../../../src/shared/paths.js";

const docs = readFileSync(join(packageRoot(), "docs", "profiles.md"), "utf8");

/** Every property name of a schema, at any depth. */
function fields(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const own = "properties" in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(fields)];
}

describe("docs/profiles.md", () => {
  it("names every field", () => {
    const names = [...new Set(fields(ProfileSchema))];
    expect(names.length).toBeGreaterThan(80);
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(docs))).toEqual([]);
  });
});
