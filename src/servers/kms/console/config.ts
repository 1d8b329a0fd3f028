/** Settings of the console. */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false };
const ms = (minimum: number, maximum: number, fallback: number) =>
  Type.Integer({ minimum, maximum, default: fallback });

export const ConsoleConfigSchema = Type.Object(
  {
    /** File of the users (`ecustation console passwd`); without it DATA/servers/kms/console-users.yaml. */
    users: Type.Optional(Type.String({ minLength: 1 })),
    /** A session ends after this time without a request, ms. */
    idle: ms(10_000, 86_400_000, 900_000),
    /** A session ends after this time altogether, ms. */
    lifetime: ms(60_000, 604_800_000, 28_800_000),
    /** Wrong passwords of one user in a row that cost nothing but the try. */
    tries: Type.Integer({ minimum: 1, maximum: 100, default: 5 }),
    /** Pause behind the first wrong password beyond, ms; each further one doubles it. */
    pause: ms(1_000, 3_600_000, 30_000),
    /** The longest such pause, ms. */
    longestPause: ms(1_000, 86_400_000, 3_600_000),
  },
  strict,
);
export type ConsoleConfig = Static<typeof ConsoleConfigSchema>;
