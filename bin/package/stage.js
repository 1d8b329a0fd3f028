/** The program as it is installed: what the build makes, the production dependencies, profiles, configurations and documents. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** Programs in `bin`; the rest of that folder makes them. */
export const PROGRAMS = ["ecustation", "ecu-sim"];

/** Of a dependency, what only its compilation needs. */
const SOURCES = /\.(?:[cm]?d\.[cm]?ts|map|c|cc|cpp|h|hpp|gyp|gypi|mk)$/;
const PLATFORM = `${process.platform}-${process.arch}`;

/**
 * @param folder that is made
 * @param version of the package.json in it
 */
export function stageProgram(folder, version) {
  mkdirSync(join(folder, "bin"), { recursive: true });
  execFileSync(process.execPath, [join(root, "bin", "build.js"), join(folder, "dist")], { stdio: "inherit" });
  for (const name of PROGRAMS) cpSync(join(root, "bin", `${name}.js`), join(folder, "bin", `${name}.js`));
  for (const name of ["hw-profiles", "docs", "README.md", "CHANGELOG.md", "LICENSE"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  cpSync(join(root, "config"), join(folder, "config"), {
    recursive: true,
    filter: (path) => path !== join(root, "config", "debian"),
  });
  const manifest = { ...JSON.parse(readFileSync(join(root, "package.json"), "utf8")), version };
  // They are for a checkout.
  delete manifest.scripts;
  delete manifest.devDependencies;
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const path of productionPackages()) copyPackage(path, join(folder, path));
}

/** Paths of the installed packages that the product needs, `node_modules/…`; optional ones may not be there. */
function productionPackages() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true && existsSync(join(root, path)))
    .map(([path]) => path);
}

function copyPackage(path, to) {
  const from = join(root, path);
  // A native module: all but the module itself is left over from its compilation.
  const compiled = existsSync(join(from, "binding.gyp"));
  cpSync(from, to, { recursive: true, filter: (file) => isNeeded(relative(from, file), compiled) });
}

/** Whether a file of a package is used at run time on this platform; packages within it are copied by themselves. */
function isNeeded(file, compiled) {
  const parts = file.split(sep);
  if (parts.includes("node_modules")) return false;
  const [first, second] = parts;
  if (first === "prebuilds" && second !== undefined) return second.startsWith(PLATFORM);
  if (compiled && first === "build" && second !== undefined)
    return second === "Release" && (parts.length === 2 || (parts.length === 3 && file.endsWith(".node")));
  return !SOURCES.test(file);
}

/** Gives everything in `folder` the same modes and the same time, whoever made it and when. @param seconds since the epoch */
export function normalise(folder, seconds, executable = () => false) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) normalise(path, seconds, executable);
    else if (!entry.isSymbolicLink()) chmodSync(path, executable(path) ? 0o755 : 0o644);
    lutimesSync(path, seconds, seconds);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, seconds, seconds);
}
