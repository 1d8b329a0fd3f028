/** The form of a run's journal. Programs of other versions may have written what is found. Pure. */
import type { RunHeader } from "../ports.js";

/**
 * What this program writes: 2. In version 1, whose headers name none, the end of a step does not say how long it took; all the rest is
 * read alike.
 */
export const JOURNAL_VERSION = 2;

const READ: ReadonlySet<number> = new Set([1, JOURNAL_VERSION]);

export function journalVersion(header: Pick<RunHeader, "journal">): number {
  return header.journal ?? 1;
}

/** True where this program understands the run's entries. */
export function readsJournal(header: Pick<RunHeader, "journal">): boolean {
  return READ.has(journalVersion(header));
}
