/** Sections of the configuration about records: how long they are kept, and which units may be run again. */
import { join } from "node:path";
import { type Static, Type } from "typebox";
import type { Retention } from "../records/retention.js";
import type { ReworkPolicy } from "../station/run/index.js";

const strict = { additionalProperties: false };

/** All are kept where nothing is said. */
export const RecordsSchema = Type.Object(
  {
    /** Days that a run is kept. */
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })),
    /** Newest runs that are kept. */
    runs: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
  },
  { ...strict, default: {} },
);

const Rule = (fallback: "allow" | "refuse") => Type.Enum(["allow", "ask", "refuse"], { default: fallback });

export const ReworkSchema = Type.Object(
  {
    /** A unit that passed before. */
    passed: Rule("allow"),
    /** A unit that was scrapped by `ecustation revoke`. */
    scrapped: Rule("refuse"),
  },
  { ...strict, default: {} },
);

export interface RecordsConfig {
  readonly records: Retention;
  readonly rework: ReworkPolicy;
}

/** The two sections as the program uses them. */
export function recordsConfigOf(given: {
  readonly records: Static<typeof RecordsSchema>;
  readonly rework: Static<typeof ReworkSchema>;
}): RecordsConfig {
  return { records: given.records, rework: given.rework };
}

/** The key that signs records. */
export function stationKeyFile({ dataDir }: { readonly dataDir: string }): string {
  return join(dataDir, "station.key");
}
