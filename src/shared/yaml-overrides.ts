/** Values that stand in place of parts of a YAML text. */
import type { YamlPath } from "./yaml.js";

export interface YamlOverride {
  readonly path: YamlPath;
  readonly value: unknown;
  /** Names it in errors, in place of file, line and column. */
  readonly source: string;
}

/** The override that gave what stands at `path`: of several the one that is nearest to it. */
export function overrideAt(overrides: readonly YamlOverride[], path: YamlPath): YamlOverride | undefined {
  return overrides.filter((one) => begins(path, one.path)).sort((a, b) => b.path.length - a.path.length)[0];
}

/** The override that made the part in which `path` is missing; undefined where the text has that part. */
export function makerOf(overrides: readonly YamlOverride[], path: YamlPath, raw: unknown): YamlOverride | undefined {
  const absent = path.slice(0, presentIn(raw, path) + 1);
  return absent.length < path.length ? overrides.find((one) => begins(one.path, absent)) : undefined;
}

/** A copy of what the text says with other values in place. */
export function overridden(raw: unknown, overrides: readonly YamlOverride[]): unknown {
  const whole = { "": structuredClone(raw) };
  for (const { path, value } of overrides) {
    let at: Record<string | number, unknown> = whole;
    let key: string | number = "";
    for (const part of path) {
      const inner = at[key];
      const next = typeof inner === "object" && inner !== null ? inner : typeof part === "number" ? [] : {};
      at[key] = next;
      at = next as Record<string | number, unknown>;
      key = part;
    }
    at[key] = value;
  }
  return whole[""];
}

/** Whether `path` is `start` or within it. */
export function begins(path: YamlPath, start: YamlPath): boolean {
  return start.every((part, at) => path[at] === part);
}

/** How many parts of the path the text has. */
function presentIn(raw: unknown, path: YamlPath): number {
  let at = raw;
  for (const [i, part] of path.entries()) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return i;
    at = (at as Record<string | number, unknown>)[part];
  }
  return path.length;
}
