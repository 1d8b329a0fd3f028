/** Settings of the KMS. */
import { type Static, Type } from "typebox";
import { PHASES } from "../../contract/kms.js";
import { TokenSchema } from "../../shared/token-config.js";
import { ConsoleConfigSchema } from "./console/config.js";

const strict = { additionalProperties: false };

const MasterKeySchema = Type.Object(
  {
    /** The token whose key wraps the master key. */
    pkcs11: TokenSchema,
    /** Label of that key; made where the token has none; default `KMS`. */
    keyLabel: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  },
  strict,
);

export const KmsConfigSchema = Type.Object(
  {
    /** Phase of a request that names none; default the registry's. */
    phase: Type.Optional(Type.Enum([...PHASES])),
    /** Largest body, bytes; default 65,536. */
    bodyLimit: Type.Optional(Type.Integer({ minimum: 1_024, maximum: 1_048_576 })),
    /**
     * How long an ECU is its station's after the station's last request, ms; default 300,000. Within it the results of all sets that the
     * station got should come.
     */
    lease: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000 })),
    /** Days that the answer of an Idempotency-Key is kept for certain; default 30, 1–3650. */
    idempotencyDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650 })),
    /** Where the master key is wrapped; default: it stands in its file as it is. */
    masterKey: Type.Optional(MasterKeySchema),
    /** What the registry is: the file, or the store that the file seeds; default the store where there is a user or it has one, else the file. */
    registryFrom: Type.Optional(Type.Enum(["file", "store"])),
    /** The console, which is there where its file has a user; docs/console.md. */
    console: Type.Optional(ConsoleConfigSchema),
  },
  { ...strict, default: {} },
);
export type KmsConfig = Static<typeof KmsConfigSchema>;
