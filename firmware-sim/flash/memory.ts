import { type Flash, type FlashOptions, SaveQueue } from "./flash.js";

/** What stays when the power goes: hand the same cell to the next `memoryFlash` to restart on it. */
export interface FlashCell {
  image?: Uint8Array;
}

/** Flash without a file, for tests, sweeps and ECUs that start new each time. */
export function memoryFlash(cell: FlashCell = {}, options: FlashOptions = {}): Flash {
  const queue = new SaveQueue(options);
  return {
    async load() {
      return cell.image?.slice();
    },
    save(image) {
      const copy = image.slice();
      return queue.run(async (reach) => {
        reach("begin");
        reach("half-written");
        reach("written");
        reach("synced");
        cell.image = copy;
        reach("renamed");
        reach("durable");
      });
    },
    close: () => queue.idle(),
  };
}
