import { createServer } from "node:net";

/**
 * Below what Linux, macOS and Windows give to programs that ask for any port (from 32768 or 49152): one of those, once let go of, is soon
 * another program's: of 20,000 that Linux gave, 6,647 were distinct.
 */
const FIRST = 20_000;
const LAST = 32_699;
/** Ports of a test process; the files that vitest runs side by side have each its own. */
const EACH = 400;

const lanes = Math.floor((LAST + 1 - FIRST) / EACH);
const lane = FIRST + (Number(process.env.VITEST_POOL_ID ?? 0) % lanes) * EACH;
/** Another run of the tests on this machine begins elsewhere. */
let next = Math.floor(Math.random() * EACH);

/**
 * A TCP port of 127.0.0.1 that stays free while nobody listens on it: for what must be known before its program runs, or ends and comes
 * back to the same place.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < EACH; tried++) {
    const port = lane + (next++ % EACH);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${lane} to ${lane + EACH - 1} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
