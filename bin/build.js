#!/usr/bin/env node
// Compiles src and firmware-sim to dist. Without the development dependencies (npm ci --omit=dev)
// there is no compiler and dist comes ready in the package: that is no error.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

function compiler() {
  try {
    return createRequire(import.meta.url).resolve("typescript/package.json");
  } catch {
    return undefined;
  }
}

const found = compiler();
if (found === undefined) {
  if (!existsSync(join(root, "dist", "src", "cli", "main.js"))) {
    console.error("build: no TypeScript compiler and no dist: run npm ci with the development dependencies once");
  }
  process.exit(0);
}
const run = spawnSync(process.execPath, [join(dirname(found), "bin", "tsc"), "-p", join(root, "tsconfig.json")], {
  stdio: "inherit",
});
process.exit(run.status ?? 1);
