/** Profiles as the page shows them: what a scan has to bring, versions, approvals. */
import type { PageInput, PageProfile, PageProfiles } from "../../hmi/api/ports.js";
import type { ProfileRow } from "../../hmi/contract/views.js";
import { inputMatches } from "../../profiles/inputs.js";
import type { Profile } from "../../profiles/schema.js";
import type { Profiles } from "../../records/profiles.js";
import type { KeptProfile, ProfileVersion } from "../../records/types.js";
import { diffLines } from "../../shared/line-diff.js";
import type { StationConfig } from "../config.js";
import { areMadeUp } from "../orders/made-up.js";
import { type FoundProfile, findProfile, profileNames, versionOf } from "../profiles.js";

export class ProfileDesk implements PageProfiles {
  constructor(
    private readonly config: StationConfig,
    private readonly kept: Profiles,
  ) {}

  async find(nameOrFile: string, bay: string): Promise<PageProfile> {
    const found = await findProfile(nameOrFile, this.config.profileDirs);
    const { profile, hash } = found;
    const [{ approved }] = await this.#judged(found);
    const { name, version, title, target } = profile;
    return {
      name,
      version,
      hash,
      file: found.file,
      title,
      target,
      approved,
      inputs: inputsOf(profile, this.#isOrdered(bay)),
    };
  }

  async list(): Promise<readonly ProfileRow[]> {
    const rows: ProfileRow[] = [];
    for (const found of await this.#present()) {
      const { name, version, title } = found.profile;
      const [{ approved, approvals, needed }, versions] = await this.#judged(found);
      const former = versions.flatMap(({ hash }) => (hash === found.hash ? [] : [hash]));
      rows.push({ name, version, hash: found.hash, title, file: found.file, approved, approvals, needed, former });
    }
    return rows;
  }

  async changes(
    hash: string,
    since: string,
  ): Promise<{ lines: { kind: "same" | "added" | "removed"; text: string }[] }> {
    const [before, after] = [await this.#version(since), await this.#version(hash)];
    return { lines: diffLines(before.text, after.text).map(({ kind, text }) => ({ kind, text })) };
  }

  async approve(hash: string, person: string): Promise<void> {
    await this.kept.approve({ profile: await this.#version(hash), person, proof: "signed in at the operator page" });
  }

  /** Profiles that can be read now and that a unit can have; `ecustation doctor` tells of the others. */
  async #present(): Promise<readonly FoundProfile[]> {
    const { profileDirs } = this.config;
    const found = await Promise.all(
      (await profileNames(profileDirs)).map((name) => findProfile(name, profileDirs).catch(() => undefined)),
    );
    return found.filter((profile) => profile !== undefined);
  }

  /** Whether somebody else than the scan says what a unit of the bay needs. */
  #isOrdered(bay: string): boolean {
    const { orders, station } = this.config;
    if (typeof orders !== "string") return true;
    return areMadeUp(orders, station.bays.find(({ name }) => name === bay)?.link);
  }

  /** As it is now, or as it was kept. @throws StationError PROFILE_NOT_FOUND */
  async #version(hash: string): Promise<ProfileVersion> {
    const present = (await this.#present()).find((found) => found.hash === hash);
    return present === undefined ? this.kept.find(hash) : versionOf(present);
  }

  async #judged({
    profile,
    hash,
  }: FoundProfile): Promise<[Pick<ProfileRow, "approved" | "approvals" | "needed">, readonly KeptProfile[]]> {
    const versions = await this.kept.versions(profile.name);
    const approvals = versions.find((version) => version.hash === hash)?.approvals ?? [];
    const needed = Math.max(0, this.config.profileApprovals - approvals.length);
    return [
      { approved: needed === 0, approvals: approvals.map(({ person, at }) => ({ user: person, at })), needed },
      versions,
    ];
  }
}

const VIN = "vin";

/** Where orders bring the rest, a scan only says which unit it is: by its VIN, else by the first input without a default. */
function inputsOf({ inputs }: Profile, ordered: boolean): readonly PageInput[] {
  const open = inputs.filter((input) => input.default === undefined);
  const telling = open.find(({ name }) => name === VIN) ?? open[0];
  return inputs.map((input) => ({
    name: input.name,
    title: input.title,
    wanted: ordered ? input === telling : open.includes(input),
    accepts: (value) => inputMatches(input, value),
  }));
}
