import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openApiDocument } from "../../../src/contract/openapi/document.js";
import { packageRoot } from "../../../src/shared/paths.js";

const FILE = join(packageRoot(), "docs", "api.md");

const HEAD = `# The REST APIs of vPKI and KMS

Made from the OpenAPI 3.1 document that both servers give at \`GET /docs/openapi.json\` (a browser gets it as a page at \`/docs\`):
\`UPDATE_DOCS=1 npx vitest run --project unit test/unit/docs/api\` writes it anew. HTTPS with a client certificate ([access.md](access.md)),
JSON in UTF-8, bodies up to 64 KiB. How the servers decide: [vpki.md](vpki.md), [kms.md](kms.md); CRL and OCSP are in [vpki.md](vpki.md#endpoints), the operator
page's API is in [operator-page.md](operator-page.md#for-programs-the-api).
`;

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly description?: string;
  readonly minLength?: number;
  readonly anyOf?: readonly Schema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Content {
  readonly "application/json"?: {
    readonly schema: Schema;
    readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
  };
}

interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly parameters: readonly { name: string; description: string; required?: boolean; schema: Schema }[];
  readonly requestBody: { readonly content: Content };
  readonly responses: Readonly<Record<string, { description: string; content?: Content }>>;
}

interface Row extends Operation {
  readonly method: string;
  readonly path: string;
}

const document = openApiDocument({ version: "", vpki: "https://vpki", kms: "https://kms" }) as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

const operations: Row[] = Object.entries(document.paths).flatMap(([path, item]) =>
  ["post", "put"].flatMap((method) => {
    const operation = item[method];
    return operation === undefined ? [] : [{ ...operation, method: method.toUpperCase(), path }];
  }),
);

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text: string) => `\`${cell(text)}\``;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Where a schema stands, or what it is. */
function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(", ");
  return [schema.type ?? "", schema.pattern === undefined ? "" : code(schema.pattern)]
    .filter((text) => text !== "")
    .join(" ");
}

const bodyOf = (content: Content | undefined) => {
  const schema = content?.["application/json"]?.schema;
  return schema === undefined ? "" : typeOf(schema);
};

function endpoints(tag: string): string {
  const rows = operations.filter(({ tags }) => tags.includes(tag));
  const body = rows.map(({ method, path, summary, requestBody, responses }) => [
    code(`${method} ${path}`),
    cell(summary),
    bodyOf(requestBody.content),
    bodyOf(responses["200"]?.content),
  ]);
  return table(["endpoint", "", "request", "answer (200)"], body);
}

/** Every status of a server's answers, with the texts that its body may have. */
function answers(tag: string): string {
  const statuses = new Map<string, { meanings: Set<string>; texts: Set<string> }>();
  for (const { tags, responses } of operations) {
    if (!tags.includes(tag)) continue;
    for (const [status, { description, content }] of Object.entries(responses)) {
      const row = statuses.get(status) ?? { meanings: new Set(), texts: new Set() };
      statuses.set(status, row);
      row.meanings.add(cell(description));
      for (const { value } of Object.values(content?.["application/json"]?.examples ?? {}))
        row.texts.add(textOf(value));
    }
  }
  const rows = [...statuses].toSorted().map(([status, { meanings, texts }]) => [
    status,
    [...meanings].join("<br>"),
    [...texts]
      .filter((text) => text !== "")
      .map(code)
      .join("<br>"),
  ]);
  return table(["status", "", "texts"], rows);
}

function textOf(value: unknown): string {
  const { resultMessage, ResultMessage, ResultReason } = value as Record<string, string | undefined>;
  const text = resultMessage ?? ResultMessage ?? "";
  return ResultReason === undefined || ResultReason === "" ? text : `${ResultReason}: ${text}`;
}

function headers(): string {
  const known = new Map(operations.flatMap(({ parameters }) => parameters.map((row) => [row.name, row] as const)));
  const rows = [...known.values()].map(({ name, description, required, schema }) => [
    code(name),
    required === true ? "yes" : "no",
    code(schema.pattern ?? ""),
    cell(description),
  ]);
  return table(["header", "required", "form", ""], rows);
}

function schemas(): string {
  return Object.entries(document.components.schemas)
    .map(([name, schema]) => `### ${name}\n\n${fields(schema)}`)
    .join("\n\n");
}

function fields({ properties = {}, required = [], anyOf }: Schema): string {
  if (anyOf !== undefined) return anyOf.map(fields).join("\n\nor\n\n");
  const rows = Object.entries(properties).flatMap(([name, schema]) => [
    [code(name), required.includes(name) ? "yes" : "no", typeOf(schema), cell(schema.description ?? "")],
    ...Object.entries(schema.properties ?? {}).map(([inner, deeper]) => [
      code(`${name}.${inner}`),
      schema.required?.includes(inner) ? "yes" : "no",
      typeOf(deeper),
      cell(deeper.description ?? ""),
    ]),
  ]);
  return rows.length === 0 ? "No members." : table(["member", "required", "type", ""], rows);
}

/** Long texts (PEM) are cut. */
const shown = (value: unknown) =>
  JSON.stringify(
    value,
    (_, part: unknown) => (typeof part === "string" && part.length > 80 ? `${part.slice(0, 60)}…` : part),
    2,
  );

/** The first endpoint of each request's schema. */
function samples(): string {
  const seen = new Set<string>();
  return operations
    .filter(({ method, tags, requestBody }) => {
      const key = `${tags.join()} ${method} ${bodyOf(requestBody.content)}`;
      return !seen.has(key) && seen.add(key);
    })
    .map(({ method, path, requestBody, responses }) => {
      const [asked, answered] = [requestBody.content, responses["200"]?.content].map(
        (content) => content?.["application/json"]?.examples?.sample?.value,
      );
      return `\`${method} ${path}\`\n\n\`\`\`json\n${shown(asked)}\n\`\`\`\n\`\`\`json\n${shown(answered)}\n\`\`\``;
    })
    .join("\n\n");
}

function page(): string {
  const parts = [
    ...["## vPKI", endpoints("vPKI"), answers("vPKI")],
    ...["## KMS", endpoints("KMS"), answers("KMS")],
    ...["## Headers of requests", headers()],
    ...["## Bodies", schemas()],
    ...["## Samples", samples()],
  ];
  return `${HEAD}\n${parts.join("\n\n")}\n`;
}

it("docs/api.md is what the OpenAPI document says", () => {
  if (process.env.UPDATE_DOCS === "1") writeFileSync(FILE, page());
  expect(readFileSync(FILE, "utf8"), "UPDATE_DOCS=1 writes it anew").toBe(page());
  expect(operations).toHaveLength(19);
});
