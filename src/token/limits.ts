/** Bounds of the work with one token. */

/** Sizes, and times in ms. */
export interface TokenLimits {
  /** Sessions open at once, and so calls under way at once; default 4, 1–64. */
  readonly sessions: number;
  /** Calls that may wait for a session; default 256, 0–100000. */
  readonly queue: number;
  /** One signature from its caller's view, waiting included; default 5000, 100–600000. */
  readonly call: number;
  /** Making one key or key pair; default 30000, 100–600000. */
  readonly generate: number;
  /** From the start of its process until the token is logged in; default 10000, 100–600000. */
  readonly open: number;
  /** From a failed start until the next one; default 1000, 0–600000. */
  readonly pause: number;
  /** Between two health probes; default 10000, 100–3600000. */
  readonly probe: number;
}

export const TOKEN_LIMITS: TokenLimits = {
  sessions: 4,
  queue: 256,
  call: 5_000,
  generate: 30_000,
  open: 10_000,
  pause: 1_000,
  probe: 10_000,
};
