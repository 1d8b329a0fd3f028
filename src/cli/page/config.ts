/** The section of the configuration about the operator page. */
import { type Static, Type } from "typebox";
import type { ScanRule } from "../../hmi/api/scan/desk.js";
import { isLoopback } from "../../servers/http/ranges.js";
import { describe } from "../../shared/errors.js";
import type { Fault } from "../tokens.js";

const strict = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });
const Ms = (minimum: number, maximum: number, fallback: number) =>
  Type.Integer({ minimum, maximum, default: fallback });

const Rule = Type.Object(
  {
    /** Regular expression for the whole value of a scan. */
    pattern: Text,
    /** Profile by name or file that such a scan stands for. */
    profile: Text,
    /** In place of `scan.checkDigit`. */
    checkDigit: Type.Optional(Type.Boolean()),
  },
  strict,
);

export const PageSchema = Type.Object(
  {
    /** Address that the page is served on; another than a loopback address needs `tls`. */
    host: Type.String({ minLength: 1, default: "127.0.0.1" }),
    /** 0 picks a free port once and keeps to it. */
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 0 }),
    /** PEM files. */
    tls: Type.Optional(Type.Object({ certFile: Text, keyFile: Text }, strict)),
    /** Further host names that browsers reach it by. */
    names: Type.Array(Type.String({ pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$" }), { default: [] }),
    /** Folder of pictures that prompts name. */
    pictures: Type.Optional(Text),
    scan: Type.Object(
      {
        /** What the scanner puts around every code. */
        prefix: Type.String({ maxLength: 20, default: "" }),
        suffix: Type.String({ maxLength: 20, default: "" }),
        /** Whether VINs have a check digit: in North America and China they do, in Korea and Europe not. */
        checkDigit: Type.Boolean({ default: false }),
      },
      { ...strict, default: {} },
    ),
    /** Which profile a scan stands for where the bay has none; the first one that fits holds. */
    rules: Type.Array(Rule, { default: [] }),
    session: Type.Object(
      {
        /** A session ends after so many ms without a request, and altogether. */
        idle: Ms(10_000, 86_400_000, 3_600_000),
        lifetime: Ms(60_000, 604_800_000, 43_200_000),
        /** Wrong PINs of one user in a row that cost nothing but the try. */
        tries: Type.Integer({ minimum: 1, maximum: 100, default: 5 }),
        /** Pause behind the first wrong one beyond, ms; each further one doubles it, up to the longest. */
        pause: Ms(1_000, 3_600_000, 30_000),
        longestPause: Ms(1_000, 86_400_000, 3_600_000),
      },
      { ...strict, default: {} },
    ),
  },
  { ...strict, default: {} },
);

export interface PageConfig extends Omit<Static<typeof PageSchema>, "rules" | "tls" | "pictures"> {
  /** Absolute. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly pictures: string | undefined;
  readonly rules: readonly ScanRule[];
}

/** @param at makes the file's paths absolute. @param profileAt the same for a profile that is named by its file */
export function pageOf(
  { tls, pictures, rules, ...rest }: Static<typeof PageSchema>,
  at: (path: string) => string,
  profileAt: (nameOrFile: string) => string,
  fault: Fault,
): PageConfig {
  if (tls === undefined && !isLoopback(rest.host))
    throw fault(
      ["page", "host"],
      "opens the page to other machines without TLS (expected tls beside it, or a loopback address)",
    );
  return {
    ...rest,
    tls: tls && { certFile: at(tls.certFile), keyFile: at(tls.keyFile) },
    pictures: pictures === undefined ? undefined : at(pictures),
    rules: rules.map(({ pattern, profile, ...rule }, i) => {
      try {
        return { ...rule, pattern: new RegExp(`^(?:${pattern})$`, "u"), profile: profileAt(profile) };
      } catch (error) {
        throw fault(["page", "rules", i, "pattern"], describe(error));
      }
    }),
  };
}
