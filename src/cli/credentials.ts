/** `credentials` of the configuration: certificates and keys by which the station proves itself to ECUs (29 with certificates). */
import { type Static, Type } from "typebox";

const Text = Type.String({ minLength: 1 });

/** `credentials` of the configuration. */
export const CredentialsSchema = Type.Record(
  Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*$" }),
  Type.Object(
    {
      /** PEM: the station's certificate, behind it its issuing CAs. */
      certificate: Text,
      /** PEM: its private key, not encrypted. */
      key: Text,
      /** PEM: CAs of the ECUs' certificates, and their revocation lists. */
      anchors: Type.Optional(Text),
    },
    { additionalProperties: false },
  ),
  { additionalProperties: false, default: {} },
);

export type CredentialFiles = Static<typeof CredentialsSchema>[string];

/** The same with absolute paths. */
export function credentialsOf(
  given: Static<typeof CredentialsSchema>,
  at: (path: string) => string,
): ReadonlyMap<string, CredentialFiles> {
  return new Map(
    Object.entries(given).map(([name, { certificate, key, anchors }]) => [
      name,
      { certificate: at(certificate), key: at(key), ...(anchors !== undefined && { anchors: at(anchors) }) },
    ]),
  );
}
