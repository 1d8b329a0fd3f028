/** Bench rows of the SHE memory updates: sets a second on one core, against the raw cost of their AES in the same run. */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { unsafe } from "@noble/ciphers/aes.js";
import { toHex } from "../../shared/bytes.js";
import { breathe } from "../../shared/clock.js";
import { buildUpdateInto, UPDATE_LENGTH } from "../../she/update/index.js";
import { SetLines, updateLine } from "../she/lines.js";
import type { BenchRow } from "./row.js";
import { median, quantile } from "./stats.js";

/** Bars of design.md. */
const SETS_PER_SECOND = 20_000;
const RATIO = 0.7;

/** Sets a slice; slices of the kinds alternate, so that a busy machine slows all of them alike. */
const SLICE = 100;
const WARM_UP = 30;
const ROUNDS = 200;

const KEY_EXPANSIONS = 6;
const BLOCKS = 16;

/** What no set can do without: 6 key expansions and 16 blocks, on fresh keys and data. */
function rawSet(key: Uint8Array, words: { a: number }): void {
  let blocks = BLOCKS;
  for (let i = 0; i < KEY_EXPANSIONS; i++) {
    key[0] = words.a & 0xff;
    const schedule = unsafe.expandKeyLE(key);
    for (let left = Math.ceil(blocks / (KEY_EXPANSIONS - i)); left > 0; left--, blocks--) {
      words.a ^= unsafe.encrypt(schedule, words.a, i, left, 1).s0;
    }
  }
}

function line(counter: number): string {
  const hex = (length: number) => toHex(randomBytes(length));
  return JSON.stringify({
    uid: hex(15),
    authKeyId: 1,
    authKey: hex(16),
    keyId: 4 + (counter % 10),
    newKey: hex(16),
    counter,
    flags: counter % 32,
  });
}

/** Seconds that each slice of one kind took. */
class Slices {
  readonly seconds: number[] = [];

  measure(work: (i: number) => void): void {
    const start = performance.now();
    for (let i = 0; i < SLICE; i++) work(i);
    this.seconds.push((performance.now() - start) / 1000);
  }

  /** Sets a second of the undisturbed slices (fastest tenth), since others use the machine too. */
  get rate(): number {
    return SLICE / quantile(this.seconds.slice(WARM_UP), 0.1);
  }

  /** Median of the rounds' ratios to `other`: its slice ran right beside this one, under the same load. */
  ratioTo(other: Slices): number {
    const ratios = this.seconds.map((seconds, i) => (other.seconds[i] ?? 0) / seconds);
    return median(ratios.slice(WARM_UP));
  }
}

/** Takes about two seconds. */
export async function sheRows(): Promise<BenchRow[]> {
  const lines = Array.from({ length: SLICE }, (_, i) => line(i + 1));
  const uid = randomBytes(15);
  const authKey = randomBytes(16);
  const newKey = randomBytes(16);
  const set = new Uint8Array(UPDATE_LENGTH);
  const key = new Uint8Array(16);
  const words = { a: 1 };
  const out = new SetLines(100);
  const raw = new Slices();
  const build = new Slices();
  const jsonl = new Slices();
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    raw.measure(() => rawSet(key, words));
    build.measure((i) => {
      newKey[0] = i & 0xff;
      buildUpdateInto({ uid, authKeyId: 1, authKey, keyId: 4, newKey, counter: i + 1, flags: i % 32 }, set);
    });
    jsonl.measure((i) => {
      updateLine(lines[i] ?? "", out);
      if (out.full) out.take();
    });
    await breathe();
  }
  return [row("SHE M1–M5 sets (one core)", build, raw), row("SHE generate --jsonl lines (one core)", jsonl, raw)];
}

function row(name: string, slices: Slices, raw: Slices): BenchRow {
  const value = slices.rate;
  const ratio = slices.ratioTo(raw);
  return {
    name,
    value,
    unit: "sets/s",
    limit: raw.rate,
    ratio,
    bar: `>= ${SETS_PER_SECOND}/s and >= ${RATIO * 100} % of 6 key expansions + 16 blocks of @noble/ciphers in the same run`,
    ok: value >= SETS_PER_SECOND && ratio >= RATIO,
  };
}
