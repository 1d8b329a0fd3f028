/** The OpenAPI 3.1 document of both REST APIs, made from their contracts. Pure. */
import { KMS_SCHEMAS, kmsPaths } from "./kms.js";
import type { JsonObject } from "./parts.js";
import { VPKI_SCHEMAS, vpkiPaths } from "./vpki.js";

export const OPENAPI_TYPE = "application/vnd.oai.openapi+json;version=3.1";

export interface DocumentOptions {
  readonly version: string;
  /** Base URLs of both servers. */
  readonly vpki: string;
  readonly kms: string;
}

export function openApiDocument({ version, vpki, kms }: DocumentOptions): JsonObject {
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: {
      title: "vPKI and KMS",
      version,
      description: "Certificates of the five types, and SHE key updates (M1–M5), for vehicle ECUs.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: vpki, description: "vPKI" }],
    tags: [
      { name: "vPKI", description: "Certificates" },
      { name: "KMS", description: "SHE keys" },
    ],
    security: [{ clientCertificate: [] }],
    paths: { ...vpkiPaths(), ...at(kms, kmsPaths()) },
    components: {
      schemas: { ...VPKI_SCHEMAS, ...KMS_SCHEMAS },
      securitySchemes: {
        clientCertificate: { type: "mutualTLS", description: "A client certificate of the allow list." },
      },
    },
  };
}

function at(url: string, paths: JsonObject): JsonObject {
  const servers = [{ url, description: "KMS" }];
  return Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, { servers, ...(item as JsonObject) }]));
}
