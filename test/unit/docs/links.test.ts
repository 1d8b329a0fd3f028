import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/shared/paths.js";
import { parsePage, readPages } from "../../system/docs/pages.js";

const pages = new Map(readPages().map((page) => [page.name, page]));

/** What is wrong with a link of a page; undefined: nothing. */
function broken(from: string, link: string): string | undefined {
  if (/^(?:https?|mailto):/.test(link)) return undefined;
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : relative(packageRoot(), join(packageRoot(), dirname(from), path));
  if (!existsSync(join(packageRoot(), target))) return `${from}: ${link}: there is no such file`;
  const page = pages.get(target);
  if (anchor === undefined || page === undefined || page.anchors.has(decodeURIComponent(anchor))) return undefined;
  return `${from}: ${link}: there is no such heading`;
}

describe("README.md and docs/", () => {
  it("have no link that leads nowhere", () => {
    const links = [...pages.values()].flatMap(({ name, links }) => links.map((link) => [name, link] as const));
    expect(links.length).toBeGreaterThan(100);
    expect(links.flatMap(([name, link]) => broken(name, link) ?? [])).toEqual([]);
  });

  it("have every page in the index", () => {
    const listed = new Set(pages.get("docs/README.md")?.links.map((link) => join("docs", link.split("#")[0] ?? "")));
    const all = [...pages.keys()].filter((name) => name.startsWith("docs/") && name !== "docs/README.md");
    expect(all.filter((name) => !listed.has(name))).toEqual([]);
  });

  it("would not get away with a wrong file or heading", () => {
    expect(broken("docs/README.md", "no-such.md")).toMatch(/no such file/);
    expect(broken("docs/README.md", "wire.md#no-such-heading")).toMatch(/no such heading/);
    expect(broken("README.md", "docs/wire.md#k-line")).toBeUndefined();
  });
});

describe("a page's parser", () => {
  it("knows headings as GitHub names them, twice the same one too", () => {
    const { anchors } = parsePage("x.md", "# `a` & B: c\n## Same\n## Same\n## 쉬운 [길](x)\n");
    expect([...anchors]).toEqual(["a--b-c", "same", "same-1", "쉬운-길"]);
  });

  it("keeps what stands before a block, and its place", () => {
    const text = "x\n<!-- not run: y -->\n<!-- file: z -->\n  ```sh\n  a \\\n    b\n  ```\n`c | d`";
    const { blocks, spans } = parsePage("x.md", text);
    expect(blocks).toEqual([
      { page: "x.md", line: 4, language: "sh", text: "a \\\n  b", remarks: ["not run: y", "file: z"] },
    ]);
    expect(spans).toEqual([{ page: "x.md", line: 8, text: "c | d" }]);
  });

  it("refuses a block without an end", () => {
    expect(() => parsePage("x.md", "```sh\na")).toThrow("x.md:1: the block has no end");
  });
});
