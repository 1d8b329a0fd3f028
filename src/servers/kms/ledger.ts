/**
 * Which master key authorises the next update. Pure.
 *
 * The ECU tells the KMS nothing itself: after a master load whose result never came, or came as a failure (which may hide a lost answer),
 * it may hold the key it held before or the new one. Each candidate has a cost, the amount of surprise at finding it in the ECU, and the
 * cheapest is tried; a try raises the cost of what was tried, so that every candidate has its turn and none is ever given up.
 */

/** A master load that was issued after the confirmed key and is not confirmed itself. */
export interface UnresolvedLoad {
  readonly id: string;
  /** Candidate that authorised it. */
  readonly auth: string;
  /** True after `OperationFailed`, false while no result came. */
  readonly failed: boolean;
}

/** A load of another slot that the ECU refused. */
export interface RefusedLoad {
  readonly auth: string;
}

interface Surprise {
  /** Added to the authoriser: the ECU still holds it. */
  readonly kept: number;
  /** The new key's cost above what the authoriser's was: the ECU stored it. */
  readonly stored: number;
}

/** Without a result both are as likely; after a failure the authoriser was probably wrong, and the new key is hardly stored. */
const SILENT: Surprise = { kept: 1, stored: 1 };
const FAILED: Surprise = { kept: 2, stored: 3 };
/**
 * A key that the ECU cannot hold any more if every result was true and reached the right load. A result without a correlation id may not
 * have: after a row of failures these keys are tried too.
 */
const OUTDATED = 8;

/** Cost by candidate, the confirmed key first. @param loads in the order of their counters @param outdated issued before the confirmed key */
export function candidateCosts(
  confirmed: string,
  loads: readonly UnresolvedLoad[],
  outdated: readonly string[] = [],
): Map<string, number> {
  const costs = new Map<string, number>([[confirmed, 0]]);
  for (const id of outdated) costs.set(id, OUTDATED);
  for (const { id, auth, failed } of loads) {
    const cost = costs.get(auth);
    const surprise = failed ? FAILED : SILENT;
    if (cost !== undefined) costs.set(auth, cost + surprise.kept);
    costs.set(id, cost === undefined ? OUTDATED : cost + surprise.stored);
  }
  return costs;
}

/** The likeliest candidate; of two the one that stands first. */
function cheapest(costs: ReadonlyMap<string, number>, first: string): string {
  let best = first;
  for (const [id, cost] of costs) if (cost < (costs.get(best) ?? 0)) best = id;
  return best;
}

/** Authoriser of the next load of the master key itself. */
export function masterAuthoriser(
  confirmed: string,
  loads: readonly UnresolvedLoad[],
  outdated: readonly string[] = [],
): string {
  return cheapest(candidateCosts(confirmed, loads, outdated), confirmed);
}

/**
 * Authoriser of the next load of another slot: the confirmed master key, whatever master loads are unresolved. Only where the ECU has
 * refused it on this slot since the first of those loads do the candidates get their turn: else a lost result of a master load would bar
 * the slot until somebody loads a master key again.
 */
export function otherAuthoriser(
  confirmed: string,
  loads: readonly UnresolvedLoad[],
  refused: readonly RefusedLoad[],
): string {
  const costs = candidateCosts(confirmed, loads);
  costs.set(confirmed, 0);
  for (const { auth } of refused) {
    const cost = costs.get(auth);
    if (cost !== undefined) costs.set(auth, cost + FAILED.kept);
  }
  return cheapest(costs, confirmed);
}
