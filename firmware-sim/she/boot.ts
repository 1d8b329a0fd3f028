/** Secure boot of one reset cycle (4.10) and the bits of SREG that it sets. */

import { concat, uintBE } from "../../src/shared/bytes.js";
import { cmac, type Erc, SREG } from "../../src/she/codec/index.js";

/** CMAC over 0(96), the data's size in bits (32) and the data. */
export function bootMac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return cmac(key, concat(new Uint8Array(12), uintBE(data.length * 8, 4), data));
}

/** `idle`: CMD_SECURE_BOOT has not run; `skipped`: it ran without BOOT_MAC_KEY; `learnt`: it stored BOOT_MAC. */
type BootPhase = "idle" | "skipped" | "learnt" | "passed" | "failed";

export class BootCycle {
  phase: BootPhase = "idle";
  /** BOOT_FINISHED: CMD_BOOT_OK and CMD_BOOT_FAILURE are locked. */
  #finished = false;

  /** True where CMD_SECURE_BOOT may still run in this cycle. */
  get open(): boolean {
    return this.phase === "idle";
  }

  fail(): void {
    this.phase = "failed";
    this.#finished = true;
  }

  /** CMD_BOOT_OK and CMD_BOOT_FAILURE: the later stages' word, once a cycle. */
  finish(ok: boolean): Erc {
    if (this.#finished) return "ERC_SEQUENCE_ERROR";
    if (this.phase !== "passed") return "ERC_NO_SECURE_BOOT";
    this.#finished = true;
    if (!ok) this.phase = "failed";
    return "ERC_NO_ERROR";
  }

  get sreg(): number {
    const active = this.phase === "learnt" || this.phase === "passed" || this.phase === "failed";
    return (
      (active ? SREG.SECURE_BOOT : 0) |
      (this.phase === "learnt" ? SREG.BOOT_INIT : 0) |
      (this.#finished ? SREG.BOOT_FINISHED : 0) |
      (this.phase === "passed" ? SREG.BOOT_OK : 0)
    );
  }
}
