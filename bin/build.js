#!/usr/bin/env node
// Compiles src and firmware-sim to dist, and the operator page to dist/hmi; `build.js DIR` to another folder, without source maps.
// Without the development dependencies (npm ci --omit=dev) there is no compiler and dist comes ready in the package: that is no error.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = process.argv[2] === undefined ? undefined : resolve(process.argv[2]);

/** Program of a development dependency; undefined where it is not installed. */
function program(name, path) {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), path);
  } catch {
    return undefined;
  }
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const tsc = program("typescript", "bin/tsc");
const vite = program("vite", "bin/vite.js");
if (tsc === undefined || vite === undefined) {
  if (!existsSync(join(root, "dist", "src", "cli", "main.js"))) {
    console.error("build: no TypeScript compiler and no dist: run npm ci with the development dependencies once");
  }
  process.exit(0);
}
const elsewhere = out === undefined ? [] : ["--outDir", out, "--sourceMap", "false"];
run(tsc, "-p", join(root, "tsconfig.json"), ...elsewhere);
const page = out === undefined ? [] : ["--outDir", join(out, "hmi")];
run(vite, "build", join(root, "src", "hmi", "web"), "--logLevel", "warn", ...page);
