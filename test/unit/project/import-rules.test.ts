import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/shared/paths.js";
import { importsOf, MAX_LINES, PACKAGES, violations, ZONES } from "./import-rules.js";

function sources(): Map<string, string> {
  const root = packageRoot();
  const found = new Map<string, string>();
  for (const folder of ["src", "firmware-sim"]) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
      const path = `${folder}/${entry.replaceAll("\\", "/")}`;
      if (/\.tsx?$/.test(path)) found.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  return found;
}

const check = (path: string, source: string) => violations(new Map([[path, source]]));

/** A relative import from one file of the repository to another. */
function specifier(from: string, to: string): string {
  return `${"../".repeat(from.split("/").length - 1)}${to.replace(/\.ts$/, ".js")}`;
}

const fileIn = (folder: string, name = "probe") => (folder.endsWith(".ts") ? folder : `${folder}/${name}.ts`);
const allowed = (from: string, to: string) =>
  ZONES.some(({ folder, may }) => folder === from && may.some((each) => to === each || to.startsWith(`${each}/`)));

describe("the sources", () => {
  it("keep the import table", () => {
    const all = sources();
    expect(all.size).toBeGreaterThan(10);
    expect(violations(all)).toEqual([]);
  });
});

describe("the checker sees a planted violation", () => {
  for (const zone of ZONES) {
    const path = fileIn(zone.folder);
    const others = ZONES.filter((other) => other !== zone && other.folder !== "src/app.ts");
    const barred = others.filter((other) => !allowed(zone.folder, other.folder));
    it(`in ${zone.folder}: ${barred.length} folders that it may not import`, () => {
      for (const other of barred) {
        const target = specifier(path, fileIn(other.folder, "target"));
        expect(check(path, `import { x } from "${target}";\n`), target).toHaveLength(1);
      }
    });
    it(`in ${zone.folder}: and none in what it may import`, () => {
      for (const folder of zone.may) {
        const target = specifier(path, fileIn(folder, "target"));
        expect(check(path, `import { x } from "${target}";\n`), target).toEqual([]);
      }
    });
    if (zone.types !== undefined) {
      it(`in ${zone.folder}: a value where types alone are allowed`, () => {
        for (const file of zone.types ?? []) {
          const target = specifier(path, file);
          expect(check(path, `import { x } from "${target}";\n`)).toHaveLength(1);
          expect(check(path, `import type { X } from "${target}";\n`)).toEqual([]);
          expect(check(path, `import { type X, type Y } from "${target}";\n`)).toEqual([]);
        }
      });
    }
    if (zone.pure === true) {
      it(`in ${zone.folder}: I/O and the clock`, () => {
        expect(check(path, `import { readFile } from "node:fs/promises";\n`)).toHaveLength(1);
        expect(check(path, `import { connect } from "node:net";\n`)).toHaveLength(1);
        expect(check(path, `import { isIP } from "node:net";\n`)).toEqual([]);
        expect(check(path, `import { isIP, connect } from "node:net";\n`)).toHaveLength(1);
        expect(check(path, `import type { Clock } from "${specifier(path, "src/shared/clock.ts")}";\n`)).toHaveLength(
          1,
        );
      });
    }
  }

  for (const rule of PACKAGES) {
    it(`of the package ${rule.package}`, () => {
      expect(check("src/cli/probe.ts", `import x from "${rule.package}";\n`)).toHaveLength(
        rule.only.includes("src/cli") ? 0 : 1,
      );
      expect(check("src/records/probe.ts", `await import("${rule.package}");\n`)).toHaveLength(1);
      for (const folder of rule.only) {
        expect(check(fileIn(folder), `await import("${rule.package}");\n`)).toEqual([]);
        expect(check(fileIn(folder), `import type { X } from "${rule.package}";\n`)).toEqual([]);
        expect(check(fileIn(folder), `import { x } from "${rule.package}";\n`)).toHaveLength(rule.dynamic ? 1 : 0);
      }
    });
  }

  it.each([
    ["an import over several lines", `import {\n  a,\n  type B,\n} from "../ecu/link/open.js";`],
    ["a bare import", `import "../ecu/link/open.js";`],
    ["a default import", `import x from '../ecu/link/open.js';`],
    ["a namespace import", `import * as x from "../ecu/link/open.js";`],
    ["a re-export", `export { x } from "../ecu/link/open.js";`],
    ["a re-export of everything", `export * from "../ecu/link/open.js";`],
    ["a type import", `import type { X } from "../ecu/link/open.js";`],
    ["a type re-export", `export type { X } from "../ecu/link/open.js";`],
    ["import()", `const x = await import("../ecu/link/open.js");`],
    ["a type by import()", `let x: typeof import("../ecu/link/open.js");`],
    ["require()", `createRequire(import.meta.url);\nrequire("../ecu/link/open.js");`],
    ["an import behind code on its line", `const a = 1; import { x } from "../ecu/link/open.js";`],
    ["an import behind a comment with a quote", `// don't\nimport { x } from "../ecu/link/open.js";`],
    ["a computed import", `await import(name);`],
  ])("as %s", (_, source) => {
    expect(check("src/clients/probe.ts", `${source}\n`)).toHaveLength(1);
  });

  it("of app.ts outside the command line", () => {
    expect(check("src/station/probe.ts", `import { x } from "../app.js";\n`)).toHaveLength(1);
    expect(check("src/cli/probe.ts", `import { x } from "../app.js";\n`)).toEqual([]);
  });

  it("of the other server", () => {
    expect(check("src/servers/kms/probe.ts", `import { x } from "../vpki/domain.js";\n`)).toHaveLength(1);
    expect(check("src/servers/kms/probe.ts", `import { x } from "../http/server.js";\n`)).toEqual([]);
  });

  it("of more than the interface of the layer below", () => {
    expect(check("src/ecu/uds/probe.ts", `import { x } from "../transport/isotp/machine.js";\n`)).toHaveLength(1);
    expect(check("src/ecu/transport/probe.ts", `import { x } from "../link/open.js";\n`)).toHaveLength(1);
  });

  it.each([
    "setTimeout(f, 1)",
    "globalThis.setInterval(f, 1)",
    "AbortSignal.timeout(5)",
    "Date.now()",
    "performance.now()",
    "new Date()",
  ])("of time: %s", (code) => {
    expect(check("src/clients/probe.ts", `${code};\n`)).toHaveLength(1);
    expect(check("src/clients/probe.ts", `// ${code}\n`)).toEqual([]);
    expect(check("src/shared/clock.ts", `${code};\n`)).toEqual([]);
  });

  it("of size", () => {
    expect(check("src/clients/probe.ts", "\n".repeat(MAX_LINES + 1))).toHaveLength(1);
    expect(check("src/clients/probe.ts", "\n".repeat(MAX_LINES))).toEqual([]);
    expect(check("firmware-sim/she/device.ts", "\n".repeat(461))).toHaveLength(1);
  });

  it("of place: a file outside the folders of the design", () => {
    expect(check("src/utils/probe.ts", "")).toHaveLength(1);
  });
});

it("text and comments are no imports", () => {
  expect(
    importsOf(`/* import { x } from "./a.js"; */\n// import "./b.js"\nconst s = "http://x"; const from = "y";\n`),
  ).toEqual([]);
});
