/** The browser's timers, in one place. */

/** Calls `work` every `ms` until the answer is called. */
export function every(ms: number, work: () => void): () => void {
  const timer = setInterval(work, ms);
  return () => clearInterval(timer);
}

/** Calls `work` once after `ms`, unless the answer is called before. */
export function after(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}

/** Ends what waits for it after `ms`, with a TimeoutError. */
export const limit = (ms: number): AbortSignal => AbortSignal.timeout(ms);

/** ms that work waits for a frame at most: pages that nobody sees are not painted. */
const FRAME = 100;

/** Calls `work` once, right before the page is painted the next time. */
export function beforePaint(work: () => void): void {
  const once = () => {
    cancel();
    cancelAnimationFrame(frame);
    work();
  };
  const frame = requestAnimationFrame(once);
  const cancel = after(FRAME, once);
}
