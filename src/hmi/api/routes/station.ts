/** Profiles, outbox and adapters. */
import { StationError } from "../../../shared/errors.js";
import type { PagePorts } from "../ports.js";
import type { AddRoute } from "../routing.js";

export function addStationRoutes(add: AddRoute, { profiles, outbox, adapters }: PagePorts): void {
  add("profiles", () => profiles.list());
  add("profileChanges", ({ path, given }) => profiles.changes(path.hash, given.since));
  add("approve", async ({ path, visitor }) => {
    // An approval is a person's: where nobody has to sign in there is none.
    if (visitor.name === undefined) throw new StationError("PAGE_SIGN_IN");
    return profiles.approve(path.hash, visitor.name);
  });

  const settled = async (id: string, done: boolean) => {
    if (!done) throw new StationError("PAGE_NOT_NOW", { details: { what: id } });
  };
  add("outbox", () => outbox.rows());
  add("retry", async ({ path, person }) => settled(path.id, await outbox.retry(path.id, person)));
  add("waive", async ({ path, given, person }) => settled(path.id, await outbox.waive(path.id, person, given.reason)));

  add("adapters", ({ signal }) => adapters(signal));
}
