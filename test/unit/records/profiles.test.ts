import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openReader } from "../../../src/db/database.js";
import { inlineStores, type StoreHost } from "../../../src/db/store.js";
import { openRecords, type Records } from "../../../src/records/journal.js";
import type { ProfileVersion } from "../../../src/records/types.js";
import { VirtualClock } from "../../../src/shared/clock.js";
import { isStationError } from "../../../src/shared/errors.js";

const clock = new VirtualClock();
let folder: string;
let stores: StoreHost;
let records: Records;
const open = async () => {
  stores = inlineStores();
  records = await openRecords({ stores, file: join(folder, "r.db"), clock });
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "approvals-"));
  await open();
});
afterEach(async () => {
  await stores.close();
  rmSync(folder, { recursive: true, force: true });
});

const profile = (digit: string, more: Partial<ProfileVersion> = {}): ProfileVersion => ({
  hash: digit.repeat(64),
  name: "bms",
  version: 1,
  text: `version: 1 # ${digit}\n`,
  ...more,
});
const approve = (person: string, of = profile("a")) =>
  records.profiles.approve({ profile: of, person, proof: `account ${person}` });
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => "none",
    (error: unknown) => (isStationError(error) ? `${error.code}: ${error.message}` : error),
  );

describe("a profile that two people must approve", () => {
  it("may not be used after one, and may after the other", async () => {
    expect(await refusal(records.profiles.assertApproved(profile("a"), 2))).toMatch(
      /^PROFILE_NOT_APPROVED: .*bms version 1 \(a{12}\), approvals needed 2, approved by nobody/,
    );
    await approve("kim");
    expect(await refusal(records.profiles.assertApproved(profile("a"), 2))).toMatch(/approved by kim/);
    await approve("lee");
    expect(await refusal(records.profiles.assertApproved(profile("a"), 2))).toBe("none");
  });

  it("counts a person once, however the name is written", async () => {
    expect((await approve("kim")).added).toBe(true);
    for (const again of ["kim", "Kim", "ＫＩＭ"]) {
      const { added, approvals } = await approve(again);
      expect([added, approvals.map(({ person }) => person)]).toEqual([false, ["kim"]]);
    }
    expect(await refusal(records.profiles.assertApproved(profile("a"), 2))).toMatch(/^PROFILE_NOT_APPROVED/);
  });

  it("is approved by nobody any more when its content is another", async () => {
    await approve("kim");
    await approve("lee");
    expect(await refusal(records.profiles.assertApproved(profile("b"), 2))).toMatch(/approved by nobody/);
  });

  it("stays approved over a restart, and the audit log has a row for each time", async () => {
    await approve("kim");
    await approve("kim");
    await approve("lee");
    await stores.close();
    await open();
    expect(await refusal(records.profiles.assertApproved(profile("a"), 2))).toBe("none");
    const db = openReader(join(folder, "r.db"));
    const rows = await db.all("SELECT actor, subject, outcome, details FROM audit WHERE action = 'approve profile'");
    db.close();
    expect(rows.map(({ actor, outcome }) => [actor, outcome])).toEqual([
      ["kim", "approved"],
      ["kim", "repeated"],
      ["lee", "approved"],
    ]);
    expect(rows[2]).toMatchObject({
      subject: "bms version 1",
      details: JSON.stringify({ hash: "a".repeat(64), proof: "account lee" }),
    });
  });

  it.each(["", " ", "kim, lee", "kim\n", "-kim", "k".repeat(81)])("refuses %j as a name", async (name) => {
    expect(await refusal(approve(name))).toMatch(/^USAGE: .* is no name of a person$/);
    expect(await records.profiles.versions()).toEqual([]);
  });
});

describe("the versions of a profile", () => {
  it("are kept from their first use, newest first, the first text of each content", async () => {
    await records.profiles.keep(profile("a"));
    await clock.advance(10);
    await records.profiles.keep(profile("b", { version: 2 }));
    await records.profiles.keep(profile("c", { name: "evcc" }));
    await records.profiles.keep(profile("a", { text: "laid out anew\n" }));
    const versions = await records.profiles.versions("bms");
    expect(versions.map(({ hash, version }) => [hash[0], version])).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
    expect(await records.profiles.versions()).toHaveLength(3);
    expect((await records.profiles.find("a".repeat(64))).text).toBe("version: 1 # a\n");
  });

  it("are found by the beginning of their hash, where it is one version's alone", async () => {
    await records.profiles.keep(profile("a"));
    await records.profiles.keep(profile("a", { hash: `${"a".repeat(60)}bbbb` }));
    expect((await records.profiles.find(`${"A".repeat(60)}b`)).hash).toMatch(/bbbb$/);
    expect(await refusal(records.profiles.find("aaaaaaaa"))).toMatch(/several hashes begin so/);
    expect(await refusal(records.profiles.find("bbbbbbbb"))).toMatch(/no version of this hash is kept/);
    expect(await refusal(records.profiles.find("%"))).toMatch(/no version of this hash is kept/);
  });
});
