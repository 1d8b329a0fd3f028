/** A write that broke off: the areas as they stand with only its first bytes. */
import type { FlashCell } from "../../../firmware-sim/flash/memory.js";
import type { Area } from "../../../firmware-sim/flash/port.js";
import { below, type Random } from "../seed.js";
import type { CleanRun } from "./clean.js";

export interface TornWrite {
  /** Number of the step. */
  readonly count: number;
  readonly size: number;
  readonly before: FlashCell;
  /** With that many bytes of the write. */
  readonly torn: (bytes: number) => FlashCell;
}

export function writesOf({ steps, cells }: CleanRun): TornWrite[] {
  return steps.flatMap(({ count, kind, size }, i) => {
    const [before, after] = [cells[i], cells[i + 1]];
    if (kind !== "write" || before === undefined || after === undefined) return [];
    const area: Area = length(before, "used") === length(after, "used") ? "spare" : "used";
    const torn = (bytes: number) => ({ ...before, [area]: after[area]?.slice(0, length(after, area) - size + bytes) });
    return [{ count, size, before, torn }];
  });
}

/** Places in a write: its ends, those of its headers, and some by chance. */
export function placesIn(size: number, random: Random): number[] {
  const places = [0, 1, 3, 4, 8, 12, 13, 20, 21, size - 2, size - 1];
  for (let i = 0; i < 24; i++) places.push(below(random, size));
  return [...new Set(places)].filter((place) => place >= 0 && place < size);
}

function length(cell: FlashCell, area: Area): number {
  return cell[area]?.length ?? 0;
}
