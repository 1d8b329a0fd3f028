/** Addressed memory: areas, and what each way of access is behind. */
import type { Access, AccessRule } from "./access.js";
import { Negative, NRC } from "./nrc.js";

export type MemoryUse = "read" | "write" | "download" | "upload";

export interface MemoryArea {
  readonly address: number;
  readonly length: number;
  /** A way of access that is left out is not there. */
  readonly rules: Readonly<Partial<Record<MemoryUse, AccessRule>>>;
  readonly content: () => Uint8Array;
  /** Replaces the content; durable when it resolves. */
  readonly store: (content: Uint8Array) => Promise<void>;
}

/** A range within one area. */
export class MemoryRange {
  readonly #area: MemoryArea;
  readonly #at: number;
  readonly #size: number;

  constructor(area: MemoryArea, address: number, size: number) {
    this.#area = area;
    this.#at = address - area.address;
    this.#size = size;
  }

  read(): Uint8Array {
    return this.#area.content().slice(this.#at, this.#at + this.#size);
  }

  async write(data: Uint8Array): Promise<void> {
    const content = this.#area.content().slice();
    content.set(data, this.#at);
    await this.#area.store(content);
  }
}

/** @throws Negative 31 where no area holds the whole range or has it for this use (in this session), 33 where it is closed */
export function memoryRange(
  areas: readonly MemoryArea[],
  access: Access,
  use: MemoryUse,
  address: number,
  size: number,
): MemoryRange {
  const area = areas.find((entry) => address >= entry.address && address + size <= entry.address + entry.length);
  const rule = area?.rules[use];
  if (area === undefined || rule === undefined || size === 0 || !access.inSession(rule))
    throw new Negative(NRC.requestOutOfRange);
  access.needSecurity(rule);
  return new MemoryRange(area, address, size);
}
