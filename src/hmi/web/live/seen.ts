/**
 * A stream that is open while somebody sees the page. A browser keeps six connections to a station, all its tabs together: pages that lie behind
 * others would take them all, and the one in front would get no answer any more.
 */
import { after } from "../clock.js";

/** ms that a page stays connected when nobody sees it any more: a look at another tab opens nothing anew. */
export const UNSEEN = 5000;

/** Opens at once, closes behind `UNSEEN`, opens again as soon as the page is seen. The answer closes for good. */
export function whileSeen(open: () => void, close: () => void): () => void {
  let closed = false;
  let cancel = () => {};
  const look = () => {
    cancel();
    if (document.hidden) {
      cancel = after(UNSEEN, () => {
        closed = true;
        close();
      });
    } else if (closed) {
      closed = false;
      open();
    }
  };
  document.addEventListener("visibilitychange", look);
  open();
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    cancel();
    close();
  };
}
