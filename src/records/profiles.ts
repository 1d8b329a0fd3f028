/** The versions of profiles that a station used or that somebody approved, and whether one may be used. */
import type { Store } from "../db/store.js";
import type { Clock } from "../shared/clock.js";
import { StationError } from "../shared/errors.js";
import type { RecordsDefinition } from "./store.js";
import type { ApprovalRequest, KeptProfile, ProfileVersion } from "./types.js";

export interface Profiles {
  /** Keeps the version where it is not kept yet. */
  keep(profile: ProfileVersion): Promise<void>;
  /**
   * One person's approval of exactly this content: with any change of it there is another hash, which nobody approved. A person counts
   * once; the approvals so far.
   * @throws StationError USAGE for a name that is none
   */
  approve(request: ApprovalRequest): Promise<KeptProfile & { readonly added: boolean }>;
  /** Versions that are kept, newest first, of one profile or of all. */
  versions(name?: string): Promise<readonly KeptProfile[]>;
  /** The version whose hash begins so. @throws StationError PROFILE_NOT_FOUND where there is none, or more than one */
  find(hash: string): Promise<ProfileVersion>;
  /** @throws StationError PROFILE_NOT_APPROVED where fewer than `needed` people approved it */
  assertApproved(profile: ProfileVersion, needed: number): Promise<void>;
}

/** Fewest digits that name a hash. */
export const SHORT_HASH = 8;
/** Letters of any script, digits, and what account names have. */
const PERSON = /^[\p{L}\p{N}][\p{L}\p{N}._@\\-]{0,79}$/u;

/** Two names that people would take for one are one. */
function personOf(name: string): string {
  const person = name.normalize("NFKC").toLowerCase();
  if (!PERSON.test(person))
    throw new StationError("USAGE", { details: { what: `${JSON.stringify(name)} is no name of a person` } });
  return person;
}

export function createProfiles(store: Store<RecordsDefinition>, clock: Clock): Profiles {
  const kept = new Set<string>();
  const keep = async (profile: ProfileVersion) => {
    if (kept.has(profile.hash)) return;
    await store.call("profileKeep", { profile, now: clock.now() });
    kept.add(profile.hash);
  };
  const keptVersion = async (hash: string): Promise<KeptProfile> => {
    const [version] = await store.call("profileVersions", { hash });
    if (version === undefined) throw new StationError("PROFILE_NOT_FOUND", { details: { what: hash } });
    return version;
  };
  return {
    keep,
    async approve({ profile, person: name, proof }) {
      const person = personOf(name);
      const added = await store.call("profileApprove", { profile, person, proof, now: clock.now() });
      return { ...(await keptVersion(profile.hash)), added };
    },
    versions: (name) => store.call("profileVersions", name === undefined ? {} : { name }),
    async find(hash) {
      const found = await store.call("profileTexts", hash.toLowerCase());
      const [version] = found;
      if (version !== undefined && found.length === 1) return version;
      const what = `${hash} (${version === undefined ? "no version of this hash is kept" : "several hashes begin so"})`;
      throw new StationError("PROFILE_NOT_FOUND", { details: { what } });
    },
    async assertApproved(profile, needed) {
      await keep(profile);
      const { name, version, hash, approvals } = await keptVersion(profile.hash);
      if (approvals.length >= needed) return;
      const by = approvals.map(({ person }) => person).join(", ") || "nobody";
      throw new StationError("PROFILE_NOT_APPROVED", {
        details: { name, version, hash: hash.slice(0, 12), needed, by },
      });
    },
  };
}
