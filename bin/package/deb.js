/** The Debian package. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { normalise, PROGRAMS, root } from "./stage.js";
import { udevRules } from "./udev.js";

const NAME = "ecustation";
/** Debian's names of Node's. */
const ARCHITECTURES = { x64: "amd64", arm64: "arm64", arm: "armhf" };
const SOURCES = join(root, "config", "debian");
const UNITS = ["ecustation.service", "ecustation-servers.service"];
const CONFIGURATIONS = ["station.yaml", "servers.yaml"];
const MAINTAINER = "The ECU provisioning station's maintainers <maintainers@ecustation.invalid>";
const SCRIPTS = ["postinst", "prerm", "postrm"];

/**
 * @param program folder of the program
 * @param work folder to build in
 * @param out folder of the package
 * @param seconds time of everything in it, since the epoch
 * @returns its file
 */
export async function makeDeb({ program, work, out, version, seconds, bom }) {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  const tree = join(work, "deb");
  const lib = join(tree, "usr/lib", NAME);
  cpSync(program, lib, { recursive: true });
  for (const name of PROGRAMS) link(tree, `../lib/${NAME}/bin/${name}.js`, `usr/bin/${name}`);
  for (const name of UNITS) copy(join(SOURCES, name), tree, `usr/lib/systemd/system/${name}`);
  for (const name of CONFIGURATIONS) copy(join(SOURCES, name), tree, `etc/${NAME}/${name}`);
  const { USB_DEVICES } = await import(pathToFileURL(join(program, "dist/src/ecu/link/slcan/adapters.js")).href);
  write(udevRules(USB_DEVICES), tree, `usr/lib/udev/rules.d/60-${NAME}.rules`);
  write(bom, tree, `usr/share/doc/${NAME}/sbom.cdx.json`);
  copy(join(SOURCES, "copyright"), tree, `usr/share/doc/${NAME}/copyright`);
  copy(join(root, "CHANGELOG.md"), tree, `usr/share/doc/${NAME}/CHANGELOG.md`);
  write(gzipSync(changelog(version, seconds), { level: 9 }), tree, `usr/share/doc/${NAME}/changelog.gz`);
  const files = filesOf(tree);
  const size = files.reduce((sum, file) => sum + Math.ceil(statSync(file).size / 1024), 0);
  write(control({ architecture, version, size, libc: newestGlibc(files) }), tree, "DEBIAN/control");
  write(CONFIGURATIONS.map((name) => `/etc/${NAME}/${name}\n`).join(""), tree, "DEBIAN/conffiles");
  write(files.map((file) => `${md5(file)}  ${relative(tree, file)}\n`).join(""), tree, "DEBIAN/md5sums");
  for (const name of SCRIPTS) copy(join(SOURCES, name), tree, `DEBIAN/${name}`);
  normalise(tree, seconds, (path) => PROGRAMS.some((name) => path === join(lib, "bin", `${name}.js`)));
  for (const name of SCRIPTS) chmodSync(join(tree, "DEBIAN", name), 0o755);
  const file = join(out, `${NAME}_${version}_${architecture}.deb`);
  // One thread: what several of them make depends on the machine.
  execFileSync("dpkg-deb", ["--root-owner-group", "--threads-max=1", "-Zxz", "-z1", "--build", tree, file], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
  });
  return file;
}

/** What Debian's tools read of a package's history; what changed stands in CHANGELOG.md beside it. */
function changelog(version, seconds) {
  const date = new Date(seconds * 1_000).toUTCString().replace("GMT", "+0000");
  return [
    `${NAME} (${version}) stable; urgency=medium`,
    "  * See CHANGELOG.md.",
    ` -- ${MAINTAINER}  ${date}`,
    "",
  ].join("\n\n");
}

function control({ architecture, version, size, libc }) {
  const { engines, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return [
    `Package: ${NAME}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${size}`,
    `Depends: nodejs (${engines.node.replace(/^>=\s*/, ">= ")}), libc6 (>= ${libc}), libstdc++6, adduser`,
    "Section: electronics",
    "Priority: optional",
    "Description: provisions vehicle ECUs: certificates and SHE keys, proven and recorded",
    ...`${description}.`.match(/\S.{0,76}(?=\s|$)/g).map((line) => ` ${line}`),
    " .",
    " Station, vPKI and KMS servers, simulated ECUs.",
    " Services: ecustation, ecustation-servers.",
    "",
  ].join("\n");
}

/** The newest symbol version of the C library that native modules ask for. */
function newestGlibc(files) {
  let newest = [2, 28];
  for (const file of files.filter((path) => path.endsWith(".node") && !path.includes("musl")))
    for (const [, major, minor] of readFileSync(file, "latin1").matchAll(/GLIBC_(\d+)\.(\d+)/g))
      if (Number(major) === newest[0] && Number(minor) > newest[1]) newest = [Number(major), Number(minor)];
  return newest.join(".");
}

/** All files in `folder`, sorted; no links. */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const md5 = (file) => createHash("md5").update(readFileSync(file)).digest("hex");

function place(tree, path) {
  const to = join(tree, path);
  mkdirSync(join(to, ".."), { recursive: true });
  return to;
}

const copy = (from, tree, path) => cpSync(from, place(tree, path));
const write = (text, tree, path) => writeFileSync(place(tree, path), text);
const link = (tree, target, path) => symlinkSync(target, place(tree, path));
