/** The page of an OpenAPI document: no script, and nothing from anywhere else. */
import type { Json, JsonObject } from "../../contract/openapi/parts.js";

export const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
} as const;

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #ccc}summary{cursor:pointer;padding:.3rem 0}code,pre{font-family:ui-monospace,monospace;font-size:.875rem}
pre{background:#f4f4f4;padding:.75rem;overflow:auto}table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}
.method{display:inline-block;min-width:3.5rem;font-weight:600}`;

export function docsPage(document: JsonObject): string {
  const info = object(document.info);
  const schemas = object(object(document.components).schemas);
  const title = text(info.title);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><style>${STYLE}</style></head>
<body><h1>${title} <small>${text(info.version)}</small></h1>
<p>${text(info.description)} The same as <a href="/docs/openapi.json">OpenAPI ${text(document.openapi)}</a>.</p>
<h2>Endpoints</h2>
${entries(document.paths).map(pathItem).join("\n")}
<h2>Schemas</h2>
${entries(schemas)
  .map(
    ([name, schema]) =>
      `<details id="${text(name)}"><summary><code>${text(name)}</code></summary>${pre(schema)}</details>`,
  )
  .join("\n")}
</body></html>
`;
}

const METHODS: readonly string[] = ["get", "post", "put"];

function pathItem([path, item]: [string, Json]): string {
  return entries(item)
    .filter(([method]) => METHODS.includes(method))
    .map(([method, operation]) => operationOf(method, path, object(operation)))
    .join("\n");
}

function operationOf(
  method: string,
  path: string,
  { summary, parameters, requestBody, responses }: JsonObject,
): string {
  return `<details><summary><span class="method">${text(method.toUpperCase())}</span> <code>${text(path)}</code> ${text(summary)}</summary>
<h4>Headers</h4><table>${list(parameters).map(parameterRow).join("")}</table>
<h4>Request</h4>${bodyOf(object(requestBody))}
<h4>Answers</h4><table>${entries(responses).map(answerRow).join("")}</table></details>`;
}

function parameterRow(parameter: Json): string {
  const { name, description, schema } = object(parameter);
  return `<tr><td><code>${text(name)}</code></td><td>${text(description)}</td><td><code>${text(object(schema).pattern)}</code></td></tr>`;
}

function answerRow([status, answer]: [string, Json]): string {
  const { description } = object(answer);
  return `<tr><td>${text(status)}</td><td>${text(description)}${bodyOf(object(answer))}</td></tr>`;
}

function bodyOf({ content }: JsonObject): string {
  const { schema, examples } = object(object(content)["application/json"]);
  const shown = list(object(schema).anyOf ?? [schema ?? null]).map(schemaLink);
  const samples = entries(examples).map(
    ([name, example]) => `<p>${text(name)}</p>${pre(object(example).value ?? null)}`,
  );
  return `<p>${shown.join(" or ")}</p><details><summary>Examples</summary>${samples.join("")}</details>`;
}

function schemaLink(schema: Json): string {
  const name = text(object(schema).$ref).replace(/^.*\//, "");
  return `<a href="#${name}"><code>${name}</code></a>`;
}

function object(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function entries(value: Json | undefined): [string, Json][] {
  return Object.entries(object(value));
}

function pre(value: Json): string {
  return `<pre>${text(JSON.stringify(value, undefined, 2))}</pre>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function text(value: Json | undefined): string {
  return String(value ?? "").replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
