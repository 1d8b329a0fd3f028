/** What a backup holds: `backup.json` in its folder, written last, so that a folder without it is not one. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { StationError } from "../../shared/errors.js";
import { readSettings } from "../../shared/files.js";
import { reason } from "../files.js";

const strict = { additionalProperties: false };

const FileSchema = Type.Object(
  {
    /** In the data folder, with `/`; never out of it. */
    path: Type.String({ pattern: "^(?!/)(?!(?:.*/)?\\.\\.?(?:/|$))[^\\\\\\0]+$" }),
    bytes: Type.Integer({ minimum: 0 }),
    sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    /** Permission bits. */
    mode: Type.Integer({ minimum: 0, maximum: 0o777 }),
  },
  strict,
);

const ManifestSchema = Type.Object(
  {
    schema: Type.Literal(1),
    /** Version of the program that made it. */
    program: Type.String(),
    /** Its begin, ISO 8601. */
    at: Type.String(),
    files: Type.Array(FileSchema, { minItems: 1 }),
  },
  strict,
);

export type BackupFile = Static<typeof FileSchema>;
export type Manifest = Static<typeof ManifestSchema>;

export const manifestFile = (folder: string) => join(folder, "backup.json");

/** @throws StationError USAGE for a folder that is no backup */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = manifestFile(folder);
  let text: string;
  try {
    text = await readSettings(file, "utf8");
  } catch (error) {
    throw badBackup(`${folder}: is no backup, or one that did not come to its end: ${file}: ${reason(error)}`);
  }
  try {
    return Value.Parse(ManifestSchema, JSON.parse(text));
  } catch {
    throw badBackup(`${file}: is not what ecustation backup writes`);
  }
}

/** Size and hash of a file's content. */
export async function digestOf(file: string): Promise<Pick<BackupFile, "bytes" | "sha256">> {
  const hash = createHash("sha256");
  const stream = createReadStream(file);
  await pipeline(stream, hash);
  return { bytes: stream.bytesRead, sha256: hash.digest("hex") };
}

export function badBackup(what: string): StationError {
  return new StationError("USAGE", { details: { what } });
}
