/** Store operations of the bays: one run at a time holds one. */
import type { Database } from "../db/database.js";

export interface BayHolder {
  /** Unique for each claim. */
  readonly owner: string;
  readonly pid: number;
  /** Tells two processes of one pid apart; empty where the system gives nothing to tell by. */
  readonly process: string;
}

/** Takes the bay when nobody or `replaces` holds it; else the one who does. */
async function claimBay(
  db: Database,
  args: { bay: string; holder: BayHolder; replaces: string | null; now: number },
): Promise<BayHolder | null> {
  const { bay, holder } = args;
  const now = await db.get<{ owner: string; pid: number; process: string }>(
    "SELECT owner, pid, process FROM bay_claim WHERE bay = ?",
    bay,
  );
  if (now !== undefined && now.owner !== args.replaces) return { owner: now.owner, pid: now.pid, process: now.process };
  await db.run(
    `INSERT INTO bay_claim (bay, owner, pid, process, at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (bay) DO UPDATE SET owner = excluded.owner, pid = excluded.pid, process = excluded.process, at = excluded.at`,
    bay,
    holder.owner,
    holder.pid,
    holder.process,
    Math.trunc(args.now),
  );
  return null;
}

/** Who has the bay; null where it is free. */
async function bayHolder(db: Database, bay: string): Promise<BayHolder | null> {
  return (await db.get<BayHolder>("SELECT owner, pid, process FROM bay_claim WHERE bay = ?", bay)) ?? null;
}

async function releaseBay(db: Database, args: { bay: string; owner: string }): Promise<void> {
  await db.run("DELETE FROM bay_claim WHERE bay = ? AND owner = ?", args.bay, args.owner);
}

export const bayOperations = { claimBay, bayHolder, releaseBay };
