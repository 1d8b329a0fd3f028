import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { loadProfile } from "../../../src/profiles/loader.js";
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

  it("has a worked example that loads", () => {
    const base = parse(readFileSync(join(packageRoot(), "hw-profiles", "evcc.yaml"), "utf8")) as Record<
      string,
      unknown
    >;
    const blocks = [...docs.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => parse((match[1] ?? "").replace(/^ {3}/gm, "")) as unknown,
    );
    const [can, gets, inputs] = blocks as [{ can: unknown }, object, { name: string }[]];
    const kept = (base.inputs as { name: string }[]).filter(({ name }) => !["pcid", "evccid"].includes(name));
    const text = stringify({ ...base, name: "bms", ...can, ...gets, inputs: [...kept, ...inputs] });
    const { profile } = loadProfile(text, "bms.yaml");
    expect(profile.can).toMatchObject({ extendedIds: true, requestId: 0x18da40f1, padding: { station: null } });
    expect(profile.keys.map((key) => key.name)).toEqual(["master", "supplier"]);
    expect(profile.certificates[0]?.subject.at(-1)).toBe("CN=${bmsId}");
  });
});
