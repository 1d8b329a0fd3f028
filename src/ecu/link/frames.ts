/** Which identifiers and lengths frames can have (ISO 11898-1). Pure. */
import type { CanFrame, ReceivedFrame } from "./link.js";

/** Payload length of each DLC; above 8 with CAN FD only. */
export const DLC_LENGTH: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64];

/** DLC of a payload length that a frame can have; undefined for the others. */
export const LENGTH_DLC: ReadonlyMap<number, number> = new Map(DLC_LENGTH.map((length, dlc) => [length, dlc]));

/** `frame` as it came at `at`, monotonic ms. Written out, because a spread takes longer than all else that a frame meets on its way. */
export function arrived(frame: CanFrame, at: number, data = frame.data): ReceivedFrame {
  const { id, extended, fd, brs, remote } = frame;
  if (fd === true) return { id, extended, data, at, fd, brs: brs === true };
  return remote === true ? { id, extended, data, at, remote } : { id, extended, data, at };
}

/** What is wrong with a frame that is to be sent; undefined where nothing is. */
export function frameFault({ id, extended, data, fd }: CanFrame): string | undefined {
  if (!LENGTH_DLC.has(data.length) || (data.length > 8 && fd !== true)) return `no frame has ${data.length} bytes`;
  if (!Number.isInteger(id) || id < 0 || id > (extended ? 0x1fffffff : 0x7ff))
    return `no ${extended ? 29 : 11}-bit identifier: ${id}`;
  return undefined;
}
