/** README.md and the pages of docs/, as the documents' tests read them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../harness.js";

/** A fenced block. */
export interface Block {
  readonly page: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** HTML comments right before it, from the top. */
  readonly remarks: readonly string[];
}

/** A span of code within the text. */
export interface Span {
  readonly page: string;
  readonly line: number;
  readonly text: string;
}

export interface Page {
  /** Relative to the package, e.g. `docs/bays.md`. */
  readonly name: string;
  readonly blocks: readonly Block[];
  readonly spans: readonly Span[];
  /** Targets of links and pictures, as they stand there. */
  readonly links: readonly string[];
  /** What `#…` of a link may be. */
  readonly anchors: ReadonlySet<string>;
}

/** All of them; the order is by name. */
export function readPages(): Page[] {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...docs.toSorted().map((name) => `docs/${name}`)].map((name) =>
    parsePage(name, readFileSync(join(root, name), "utf8")),
  );
}

export function parsePage(name: string, text: string): Page {
  const blocks: Block[] = [];
  const spans: Span[] = [];
  const links: string[] = [];
  const anchors = new Set<string>();
  const lines = text.split("\n");
  let remarks: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const fence = /^(\s*)```(\w*)\s*$/.exec(line);
    const remark = /^\s*<!--\s*(.*?)\s*-->\s*$/.exec(line)?.[1];
    if (fence !== null) {
      const [, indent = "", language = ""] = fence;
      const end = lines.findIndex((next, at) => at > i && next.trim() === "```");
      if (end < 0) throw new Error(`${name}:${i + 1}: the block has no end`);
      const body = lines.slice(i + 1, end).map((next) => next.replace(new RegExp(`^${indent}`), ""));
      blocks.push({ page: name, line: i + 1, language, text: body.join("\n"), remarks });
      i = end;
    } else {
      const plain = line.replace(/`([^`]+)`/g, (_, code: string) => {
        spans.push({ page: name, line: i + 1, text: code.replaceAll("\\|", "|") });
        return "";
      });
      for (const [, target = ""] of plain.matchAll(/\]\(([^)\s]+)[^)]*\)/g)) links.push(target);
      const heading = /^#{1,6}\s+(.*)$/.exec(line)?.[1];
      if (heading !== undefined) anchors.add(slug(heading, anchors));
    }
    if (remark !== undefined) remarks = [...remarks, remark];
    else if (line.trim() !== "") remarks = [];
  }
  return { name, blocks, spans, links, anchors };
}

/** A heading's anchor as GitHub makes it. */
function slug(heading: string, taken: ReadonlySet<string>): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").trim();
  const base = plain
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
    .replace(/\s/g, "-");
  let name = base;
  for (let i = 1; taken.has(name); i++) name = `${base}-${i}`;
  return name;
}
