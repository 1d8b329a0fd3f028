/** The bill of materials, CycloneDX 1.5 JSON: every package of package-lock.json that the product needs. (npm sbom leaves out those that a tool of development names, too.) */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./stage.js";

const NODE_MODULES = "node_modules/";

/** Its text; the same one for the same lock file, version and time. @param seconds since the epoch */
export function sbom(version, seconds) {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const { "": product, ...others } = packages;
  const shipped = new Map(Object.entries(others).filter(([, { dev }]) => dev !== true));
  const refs = new Map([...shipped].map(([path, { version: its }]) => [path, `${nameOf(path)}@${its}`]));
  const self = `${product.name}@${version}`;
  // One package may be installed at several places.
  const components = new Map(
    [...shipped].map(([path, entry]) => [refs.get(path), component(refs.get(path), path, entry)]),
  );
  const edges = new Map([[self, dependenciesOf("", product, refs)]]);
  for (const [path, entry] of shipped)
    edges.set(refs.get(path), [...(edges.get(refs.get(path)) ?? []), ...dependenciesOf(path, entry, refs)]);
  const content = {
    version: 1,
    metadata: {
      timestamp: new Date(seconds * 1000).toISOString(),
      component: {
        "bom-ref": self,
        type: "application",
        name: product.name,
        version,
        licenses: licences(product),
        purl: `pkg:npm/${self}`,
      },
    },
    components: sorted(components).map(([, one]) => one),
    dependencies: sorted(edges).map(([ref, on]) => ({ ref, dependsOn: [...new Set(on)].sort() })),
  };
  const head = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
  };
  return `${JSON.stringify({ ...head, serialNumber: serialNumber(content), ...content }, null, 2)}\n`;
}

const nameOf = (path) => path.slice(path.lastIndexOf(NODE_MODULES) + NODE_MODULES.length);
const sorted = (map) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
const licences = ({ license }) => (license === undefined ? [] : [{ expression: license }]);

function component(ref, path, { version, license, integrity, optional }) {
  const [algorithm, value] = integrity?.split("-") ?? [];
  return {
    "bom-ref": ref,
    type: "library",
    name: nameOf(path),
    version,
    scope: optional === true ? "optional" : "required",
    hashes: algorithm === "sha512" ? [{ alg: "SHA-512", content: Buffer.from(value, "base64").toString("hex") }] : [],
    licenses: licences({ license }),
    purl: `pkg:npm/${nameOf(path).replace("@", "%40")}@${version}`,
  };
}

/** What a package loads, as Node finds it: the nearest `node_modules` upwards. */
function dependenciesOf(path, { dependencies = {}, optionalDependencies = {} }, refs) {
  return Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) => {
    for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf(`/${NODE_MODULES}`)))) {
      const found = refs.get(`${folder === "" ? "" : `${folder}/`}${NODE_MODULES}${name}`);
      if (found !== undefined) return [found];
      if (folder === "") return [];
    }
  });
}

/** A UUID made of the content (RFC 9562, version 8). */
function serialNumber(content) {
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  const parts = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ];
  return `urn:uuid:${parts.join("-")}`;
}
