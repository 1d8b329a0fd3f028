/** The page's state after each event of the stream. Pure. */
import type { PageBeat, PageChange, PageState } from "../../contract/state.js";

/** ms without a beat after which what is shown counts as stale. */
export const STALE_AFTER = 3000;

/** The state after a change; undefined where one before it is missing and the whole state is needed. */
export function afterChange(state: PageState, change: PageChange): PageState | undefined {
  // Told once more after a reconnection.
  if (change.number <= state.number) return state;
  if (change.number !== state.number + 1) return undefined;
  const { bay, servers, outbox } = change;
  return {
    ...state,
    number: change.number,
    now: change.now,
    ...(bay === undefined ? {} : { bays: state.bays.map((one) => (one.name === bay.name ? bay : one)) }),
    ...(servers === undefined ? {} : { servers }),
    ...(outbox === undefined ? {} : { outbox }),
  };
}

/** False where a beat tells of changes that the page was not given. */
export function knows(state: PageState, beat: PageBeat): boolean {
  return state.number >= beat.number;
}

/** Whole seconds since the last beat once that is stale; undefined before. Both in ms of one clock. */
export function staleFor(lastBeat: number, now: number): number | undefined {
  const silent = now - lastBeat;
  return silent >= STALE_AFTER ? Math.floor(silent / 1000) : undefined;
}
