/** The section of the configuration about profiles: where the plant's own are, and how many people must approve one. */
import { join } from "node:path";
import { type Static, Type } from "typebox";
import { packageRoot } from "../shared/paths.js";

const Folder = Type.String({ minLength: 1 });

/** The folder alone, or an object. */
export const ProfilesSchema = Type.Union([
  Folder,
  Type.Object(
    {
      /** Folder of the plant's own profiles, looked at before the ones that come with the program. */
      folder: Type.Optional(Folder),
      /** How many different people must have approved a profile before a unit meets it; in mode: plant alone. */
      approvals: Type.Integer({ minimum: 1, maximum: 9, default: 2 }),
    },
    { additionalProperties: false },
  ),
]);

export interface ProfilesConfig {
  /** Folders where profiles are looked for by name, in this order. */
  readonly profileDirs: readonly string[];
  /** People who must have approved a profile before a unit meets it. */
  readonly profileApprovals: number;
}

const DEFAULT_APPROVALS = 2;

/** @param at makes the file's paths absolute */
export function profilesOf(
  given: Static<typeof ProfilesSchema> | undefined,
  plant: boolean,
  at: (path: string) => string,
): ProfilesConfig {
  const { folder, approvals } = typeof given === "object" ? given : { folder: given, approvals: DEFAULT_APPROVALS };
  return {
    profileDirs: [...(folder === undefined ? [] : [at(folder)]), join(packageRoot(), "hw-profiles")],
    profileApprovals: plant ? approvals : 0,
  };
}
