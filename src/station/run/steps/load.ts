/** Loads a set into the target; what became of a load without an answer is read back, never guessed. */
import { equalConstantTime, fromHex, toHex } from "../../../shared/bytes.js";
import { isStationError } from "../../../shared/errors.js";
import type { KeyReceipt, KeyUpdate, UnsettledLoad } from "../../ports.js";
import type { Run } from "../run.js";

/** How often one set is sent, each time after the ECU said that it holds something else. */
const MAX_SENDS = 3;
/** Layers whose errors leave open what became of a load. */
const WIRE: ReadonlySet<string> = new Set(["link", "transport", "uds", "token"]);

/** M4 and M5 equal, in a time that tells nothing. */
export function sameReceipt(a: KeyReceipt, b: KeyReceipt): boolean {
  const m4 = equalConstantTime(a.m4, b.m4);
  const m5 = equalConstantTime(a.m5, b.m5);
  return m4 && m5;
}

/** The receipt that the journal noted. */
export function notedReceipt(load: Pick<UnsettledLoad, "m4" | "m5">): KeyReceipt {
  return { m4: fromHex(load.m4), m5: fromHex(load.m5) };
}

export function receiptHex(receipt: KeyReceipt): { m4: string; m5: string } {
  return { m4: toHex(receipt.m4), m5: toHex(receipt.m5) };
}

/** True where the slot's last stored load is the one of that receipt. */
export async function isStored(run: Run, slot: number, receipt: KeyReceipt, signal: AbortSignal): Promise<boolean> {
  const held = await run.target.lastLoad(slot, signal);
  return held !== undefined && sameReceipt(held, receipt);
}

export interface Loaded {
  readonly receipt: KeyReceipt;
  /** The answer was lost and the ECU gave it again. */
  readonly settled: boolean;
}

/**
 * Sends M1–M3 and gives the ECU's receipt.
 * @throws StationError TARGET_KEY_REFUSED; an error of the wire when nobody knows whether the set was stored
 */
export async function load(run: Run, slot: number, set: KeyUpdate & KeyReceipt, signal: AbortSignal): Promise<Loaded> {
  for (let sent = 1; ; sent++) {
    try {
      return { receipt: await run.target.loadKey(slot, set, signal), settled: false };
    } catch (error) {
      signal.throwIfAborted();
      if (!isStationError(error) || !WIRE.has(error.layer)) throw error;
      let stored: boolean;
      try {
        stored = await isStored(run, slot, set, signal);
      } catch {
        signal.throwIfAborted();
        throw error;
      }
      if (stored) return { receipt: { m4: set.m4, m5: set.m5 }, settled: true };
      if (sent >= MAX_SENDS) throw error;
    }
  }
}
