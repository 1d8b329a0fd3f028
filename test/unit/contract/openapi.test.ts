import { readFileSync } from "node:fs";
import { Check } from "typebox/schema";
import { describe, expect, it } from "vitest";
import { CORRELATION_ID, IDEMPOTENCY_KEY, REQUEST_ID, STATION_ID } from "../../../src/contract/common.js";
import { KMS_FAILURES, KMS_PATHS } from "../../../src/contract/kms.js";
import { openApiDocument } from "../../../src/contract/openapi/document.js";
import { issueExample } from "../../../src/contract/openapi/vpki-examples.js";
import { VPKI_FAILURES, VPKI_OPERATIONS, VPKI_TYPES, vpkiPath } from "../../../src/contract/vpki.js";
import { docsPage } from "../../../src/servers/http/docs.js";
import { checkCsr, Refusal } from "../../../src/servers/vpki/request.js";

interface Media {
  schema: Record<string, unknown>;
  examples: Record<string, { value: unknown }>;
}
interface Operation {
  operationId: string;
  parameters: { name: string; schema: { pattern: string }; example: string }[];
  requestBody: { content: Record<string, Media> };
  responses: Record<string, { description: string; headers: Record<string, unknown>; content: Record<string, Media> }>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

const document = openApiDocument({ version: "1.2.3", vpki: "https://v.example", kms: "https://k.example" });
const { paths, components } = JSON.parse(JSON.stringify(document)) as Document;
const operations = Object.entries(paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([method]) => method === "post" || method === "put")
    .map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
);
/** The schema with what it refers to. */
const whole = (schema: Record<string, unknown>) => ({ ...schema, components });
const media = (body: { content: Record<string, Media> }) => body.content["application/json"] as Media;

describe("the OpenAPI document", () => {
  it("has the nineteen endpoints, each with an id of its own", () => {
    const vpki = VPKI_TYPES.flatMap((type) => VPKI_OPERATIONS.map((operation) => `POST ${vpkiPath(type, operation)}`));
    const kms = Object.values(KMS_PATHS).flatMap((path) => [`POST ${path}`, `PUT ${path}`]);
    expect(operations.map(({ name }) => name).sort()).toEqual([...vpki, ...kms].sort());
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(19);
  });

  it.each(operations)("$name has examples that its schemas take", ({ operation }) => {
    const bodies = [operation.requestBody, ...Object.values(operation.responses)].map(media);
    for (const { schema, examples } of bodies) {
      expect(Object.keys(examples)).not.toEqual([]);
      for (const [name, { value }] of Object.entries(examples))
        expect([name, Check(whole(schema), value)]).toEqual([name, true]);
      expect(Check(whole(schema), { surely: "not" })).toBe(JSON.stringify(schema).includes("RevokeAnswer"));
    }
    for (const { schema, example } of operation.parameters) expect(example).toMatch(new RegExp(schema.pattern));
  });

  it.each(operations)("$name names its headers and answers", ({ name, operation }) => {
    const headers = operation.parameters.map((parameter) => parameter.name.toLowerCase());
    const kms = name.includes("/app/automotive/") ? [STATION_ID] : [];
    const put = name.startsWith("PUT") ? [CORRELATION_ID] : [];
    expect(headers).toEqual([IDEMPOTENCY_KEY, REQUEST_ID, ...kms, ...put]);
    expect(Object.keys(operation.responses)).toEqual(
      expect.arrayContaining(["200", "400", "405", "413", "429", "500"]),
    );
    for (const answer of Object.values(operation.responses)) expect(answer.headers).toHaveProperty("X-Request-Id");
    expect(operation.responses[429]?.headers).toHaveProperty("Retry-After");
  });

  it("tells every text of both contracts", () => {
    const told = new Set(
      operations.flatMap(({ operation }) =>
        Object.values(operation.responses).flatMap((answer) => Object.keys(media(answer).examples)),
      ),
    );
    for (const failures of [VPKI_FAILURES, KMS_FAILURES])
      expect(Object.keys(failures).filter((name) => name !== "noPath" && !told.has(name))).toEqual([]);
  });

  it("refers to nothing that is not there", () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(new Set(refs)).toEqual(new Set(Object.keys(components.schemas)));
  });

  it.each(VPKI_TYPES)("has a CSR of %s that the vPKI takes", async (type) => {
    expect(await checkCsr(type, issueExample(type), {})).not.toBeInstanceOf(Refusal);
  });

  it("has the published set of the master key", () => {
    const file = new URL("../../vectors/she-published.json", import.meta.url);
    const { vectors } = JSON.parse(readFileSync(file, "utf8")) as { vectors: Record<string, string>[] };
    const { m1, m2, m3, m4star, m5 } = vectors.find(({ id }) => id === "V7") ?? {};
    const { value } = media(paths[KMS_PATHS.key]?.post?.responses[200] ?? { content: {} }).examples.sample ?? {};
    expect(value).toMatchObject({ Records: { M1: m1, M2: m2, M3: m3, M4: `${m1}${m4star}`, M5: m5 } });
  });
});

it("the page has every endpoint, and asks for nothing from elsewhere", () => {
  const page = docsPage(document);
  for (const path of Object.keys(paths)) expect(page).toContain(`<code>${path}</code>`);
  expect(page).not.toMatch(/<script|<link|<img|@import|url\(|src=|href="(?!#|\/docs)/);
  expect(page).not.toContain("undefined");
});

it("the page shows markup in a document as text", () => {
  expect(docsPage({ info: { title: "<b>&\"'" }, paths: {} })).toContain("<title>&lt;b&gt;&amp;&quot;&#39;</title>");
});
