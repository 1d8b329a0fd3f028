/** The stream of the station's state, kept open: opened anew where it broke, was silent too long, or lost a change. */
import { ROUTES } from "../../contract/routes.js";
import type { BayView, PageBeat, PageChange, PageState } from "../../contract/state.js";
import { after, beforePaint, every } from "../clock.js";
import { Store } from "../store.js";
import { afterChange, knows, STALE_AFTER, staleFor } from "./apply.js";
import { whileSeen } from "./seen.js";

export interface Live {
  /** Undefined until the station told it for the first time. */
  readonly state: PageState | undefined;
  /** Whole seconds without a word from the station; undefined while all is well. */
  readonly staleFor: number | undefined;
  /** True while there is no connection at all: the station's program may have ended. */
  readonly lost: boolean;
  /** Station's clock minus the browser's, ms. */
  readonly ahead: number;
  /** Station's clock at its last word, ms since the epoch; 0 before the first. */
  readonly heard: number;
}

/** ms between attempts where the browser has given up itself. */
const REOPEN = 1000;
/** ms of silence after which an open connection is taken for dead. */
const SILENT = 3 * STALE_AFTER;

export const live = new Store<Live>({ state: undefined, staleFor: undefined, lost: false, ahead: 0, heard: 0 });

/** A bay as it is now. */
export const bayOf =
  (name: string) =>
  ({ state }: Live): BayView | undefined =>
    state?.bays.find((bay) => bay.name === name);

export interface FollowOptions {
  /** After each whole state of another start of the station than the page knew. */
  readonly onRestart: (before: PageState, now: PageState) => void;
}

/** Follows the station until the answer is called. */
export function follow({ onRestart }: FollowOptions): () => void {
  let lastWord = performance.now();
  let openedAt = lastWord;
  let source: EventSource | undefined;
  let cancel = () => {};

  // Eight bays tell more changes than there are frames: all of one frame are rendered once.
  let known: Live = live.value;
  let painting = false;
  const show = (change: Partial<Live>) => {
    known = { ...known, ...change };
    if (painting) return;
    painting = true;
    beforePaint(() => {
      painting = false;
      live.set(known);
    });
  };
  const heard = (now: number, change: Partial<Live>) => {
    lastWord = performance.now();
    show({ staleFor: undefined, lost: false, ahead: now - Date.now(), heard: now, ...change });
  };
  const open = () => {
    source?.close();
    cancel();
    const opened = new EventSource(ROUTES.events.path);
    source = opened;
    openedAt = performance.now();
    opened.addEventListener("state", ({ data }) => {
      const state = JSON.parse(data) as PageState;
      const before = known.state;
      heard(state.now, { state });
      if (before !== undefined && before.epoch !== state.epoch) onRestart(before, state);
    });
    opened.addEventListener("change", ({ data }) => {
      const change = JSON.parse(data) as PageChange;
      const before = known.state;
      const state = before && afterChange(before, change);
      if (state === undefined) open();
      else heard(change.now, { state });
    });
    opened.addEventListener("beat", ({ data }) => {
      const beat = JSON.parse(data) as PageBeat;
      const { state } = known;
      if (state === undefined || !knows(state, beat)) open();
      else heard(beat.now, {});
    });
    opened.addEventListener("error", () => {
      show({ lost: true });
      // In the other cases the browser connects again by itself, and says what it had last.
      if (opened.readyState === EventSource.CLOSED) {
        cancel();
        cancel = after(REOPEN, open);
      }
    });
  };
  const leave = whileSeen(open, () => {
    cancel();
    source?.close();
    source = undefined;
  });
  const stop = every(500, () => {
    // Nobody sees it.
    if (source === undefined) return;
    const now = performance.now();
    const stale = staleFor(lastWord, now);
    if (stale !== known.staleFor) show({ staleFor: stale });
    if (source.readyState === EventSource.OPEN && now - Math.max(lastWord, openedAt) > SILENT) open();
  });
  return () => {
    stop();
    leave();
  };
}
