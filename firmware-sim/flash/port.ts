/** A flash as hardware has it: an area in use, a spare one that can take its place. Nothing counts as durable before its sync. */
export type Area = "used" | "spare";

export interface FlashPort {
  /** All that stands in the area in use; undefined on a blank flash. */
  read(): Promise<Uint8Array | undefined>;
  /** Empties the spare area. */
  erase(): Promise<void>;
  /** Writes behind the first `at` bytes of an area. */
  write(area: Area, at: number, bytes: Uint8Array): Promise<void>;
  sync(area: Area): Promise<void>;
  /** The spare area becomes the one in use: durable whole, or not at all. */
  swap(): Promise<void>;
  close(): Promise<void>;
}
