/** How a configuration names a token. */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false };
const Path = Type.String({ minLength: 1 });
const Ms = (minimum: number, maximum: number) => Type.Optional(Type.Integer({ minimum, maximum }));

/** A PKCS#11 token; `token`, `serial` or `slot` must be there. */
export const TokenSchema = Type.Object(
  {
    /** Path of its PKCS#11 library, or its name where the system finds it. */
    module: Path,
    /** Label of the token. */
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 32 })),
    serial: Type.Optional(Type.String({ minLength: 1, maxLength: 16 })),
    /** Number of the slot that it is in, where that is fixed. */
    slot: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffff_ffff })),
    /** File with the user PIN. */
    pinFile: Path,
    /** See TokenLimits: sizes, and times in ms. */
    limits: Type.Optional(
      Type.Object(
        {
          sessions: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
          queue: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
          call: Ms(100, 600_000),
          generate: Ms(100, 600_000),
          open: Ms(100, 600_000),
          pause: Ms(0, 600_000),
          probe: Ms(100, 3_600_000),
        },
        strict,
      ),
    ),
  },
  strict,
);
export type TokenConfig = Static<typeof TokenSchema>;

/** False for a token that nothing is said of to find it by. */
export function namesToken({ token, serial, slot }: TokenConfig): boolean {
  return token !== undefined || serial !== undefined || slot !== undefined;
}

/** What is wrong then. */
export const UNNAMED_TOKEN = "does not say which token (expected token, serial or slot)";
