/** Settings of the HTTP servers that do not depend on what they serve. */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false };

/** What one client may send: requests a second in the long run, and at once after a pause. */
export const RateLimitSchema = Type.Object(
  {
    rate: Type.Number({ minimum: 0.1, maximum: 100_000 }),
    burst: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
  },
  strict,
);
export type RateLimitConfig = Static<typeof RateLimitSchema>;

/** The end of a server. */
export const ShutdownSchema = Type.Object(
  {
    /** How long clients are told to go elsewhere before the server stops listening, ms; skipped where there is no connection. */
    notice: Type.Number({ minimum: 0, maximum: 60_000, default: 250 }),
    /** From the beginning until connections are cut off, ms. */
    limit: Type.Number({ minimum: 0, maximum: 600_000, default: 10_000 }),
  },
  { ...strict, default: {} },
);
export type ShutdownConfig = Static<typeof ShutdownSchema>;
