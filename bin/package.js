#!/usr/bin/env node
// Makes the Debian package and the portable archive: npm run package [-- --out DIR --version V --only deb|tar]. The same commit on the same
// kind of machine makes the same bytes: every time in them is SOURCE_DATE_EPOCH, else that of the commit.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { makeDeb } from "./package/deb.js";
import { sbom } from "./package/sbom.js";
import { root, stageProgram } from "./package/stage.js";
import { makeTarball } from "./package/tarball.js";

const { values } = parseArgs({
  options: { out: { type: "string", default: "packages" }, version: { type: "string" }, only: { type: "string" } },
});
const version = values.version ?? JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;

/** Seconds since the epoch. */
function sourceDate() {
  const given = process.env.SOURCE_DATE_EPOCH;
  const text = given ?? execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" }).trim();
  if (!/^\d{1,10}$/.test(text))
    throw new Error(`SOURCE_DATE_EPOCH: wrong value "${text}" (expected seconds since 1970)`);
  return Number(text);
}

const out = resolve(values.out);
const work = mkdtempSync(join(tmpdir(), "ecustation-package-"));
try {
  mkdirSync(out, { recursive: true });
  const seconds = sourceDate();
  const program = join(work, "program");
  stageProgram(program, version);
  const bom = sbom(version, seconds);
  const parts = { program, work, out, version, seconds, bom };
  const bomFile = join(out, `ecustation-${version}.cdx.json`);
  writeFileSync(bomFile, bom);
  console.log(bomFile);
  if (values.only !== "deb") console.log(makeTarball(parts));
  if (values.only !== "tar") console.log(await makeDeb(parts));
} finally {
  rmSync(work, { recursive: true, force: true });
}
