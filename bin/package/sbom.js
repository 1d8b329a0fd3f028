/** The bill of materials: CycloneDX JSON of the production dependencies, by npm from package-lock.json. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./stage.js";

/** Its text; the same one for the same lock file, version and time. @param seconds since the epoch */
export function sbom(version, seconds) {
  const folder = mkdtempSync(join(tmpdir(), "sbom-"));
  try {
    const manifest = { ...JSON.parse(readFileSync(join(root, "package.json"), "utf8")), version };
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    cpSync(join(root, "package-lock.json"), join(folder, "package-lock.json"));
    const options = [
      "--sbom-format",
      "cyclonedx",
      "--sbom-type",
      "application",
      "--package-lock-only",
      "--omit",
      "dev",
    ];
    const text = execFileSync("npm", ["sbom", ...options], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
    return settled(JSON.parse(text.toString()), manifest.name, seconds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** npm puts its own time, a random number and the folder's name in. */
function settled(bom, name, seconds) {
  const { serialNumber: _random, ...rest } = bom;
  rest.metadata.timestamp = new Date(seconds * 1000).toISOString();
  rest.metadata.component.name = name;
  const hash = createHash("sha256").update(JSON.stringify(rest)).digest("hex");
  // A name-based UUID (RFC 9562 version 8) of the content.
  const uuid = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ];
  const { $schema, bomFormat, specVersion, ...more } = rest;
  const head = { $schema, bomFormat, specVersion, serialNumber: `urn:uuid:${uuid.join("-")}` };
  return `${JSON.stringify({ ...head, ...more }, null, 2)}\n`;
}
