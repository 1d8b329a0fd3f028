/** The portable archive: to be unpacked anywhere on a machine of the same platform that has Node. */
import { execFileSync } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { normalise, PROGRAMS } from "./stage.js";

/** The file of the archive; parameters as in makeDeb. */
export function makeTarball({ program, work, out, version, seconds, bom }) {
  const name = `ecustation-${version}`;
  const tree = join(work, "tar", name);
  cpSync(program, tree, { recursive: true });
  writeFileSync(join(tree, "sbom.cdx.json"), bom);
  normalise(tree, seconds, (path) => PROGRAMS.some((bin) => path === join(tree, "bin", `${bin}.js`)));
  const file = join(out, `${name}-${process.platform}-${process.arch}.tar.gz`);
  const same = ["--sort=name", `--mtime=@${seconds}`, "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
  execFileSync("tar", [...same, "--use-compress-program=gzip -n -6", "-cf", file, "-C", join(work, "tar"), name]);
  return file;
}
