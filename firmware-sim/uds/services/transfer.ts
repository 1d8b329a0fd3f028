/** Upload and download (ISO 14229-1 clause 15): services 34, 35, 36 and 37, one transfer at a time. */
import { concat, uintBE } from "../../../src/shared/bytes.js";
import { Negative, NRC } from "../nrc.js";
import { type AddressFormats, exactLength, readMemoryRange } from "../request.js";
import type { Service } from "../server.js";

/** lengthFormatIdentifier of the answer: maxNumberOfBlockLength has two bytes. */
const LENGTH_FORMAT = 0x20;
/** SID and block sequence counter. */
const BLOCK_OVERHEAD = 2;

/** What a transfer reads or writes. */
export type TransferTask =
  | {
      readonly direction: "download";
      readonly length: number;
      /** Takes the whole when RequestTransferExit comes. */
      readonly commit: (data: Uint8Array) => Promise<void> | void;
    }
  | { readonly direction: "upload"; readonly data: Uint8Array };

interface Running {
  readonly task: TransferTask;
  /** As far as it has come, of the task's length. */
  readonly memory: Uint8Array;
  moved: number;
  /** Counter of the block that was moved last, and its answer; undefined before the first. */
  last: { readonly counter: number; readonly answer: Uint8Array } | undefined;
}

export class Transfer {
  readonly #maxBlock: number;
  #running: Running | undefined;

  /** @param maxBlock maxNumberOfBlockLength, SID and counter included, 3–65,535 */
  constructor(maxBlock: number) {
    this.#maxBlock = maxBlock;
  }

  /** Ends a transfer under way. */
  abort(): void {
    this.#running = undefined;
  }

  /** Begins one, in place of any that is under way. @returns lengthFormatIdentifier and maxNumberOfBlockLength */
  begin(task: TransferTask): Uint8Array {
    const memory = task.direction === "upload" ? task.data : new Uint8Array(task.length);
    this.#running = { task, memory, moved: 0, last: undefined };
    return concat(Uint8Array.of(LENGTH_FORMAT), uintBE(this.#maxBlock, 2));
  }

  /** 36 → 76 */
  block(request: Uint8Array): Uint8Array {
    const running = this.#running;
    if (running === undefined) throw new Negative(NRC.requestSequenceError);
    const counter = request[1] ?? 0;
    const { last, memory, moved } = running;
    // The answer to this block was lost: it is moved already.
    if (counter === last?.counter) return last.answer;
    if (counter !== ((last?.counter ?? 0) + 1) % 0x100) throw new Negative(NRC.wrongBlockSequenceCounter);
    const upload = running.task.direction === "upload";
    const data = upload ? this.#next(running, request) : this.#taken(request);
    if (moved + data.length > memory.length) throw new Negative(NRC.transferDataSuspended);
    if (!upload) memory.set(data, moved);
    const answer = concat(Uint8Array.of(0x76, counter), upload ? data : new Uint8Array(0));
    running.moved += data.length;
    running.last = { counter, answer };
    return answer;
  }

  /** 37 → 77 */
  async exit(request: Uint8Array): Promise<Uint8Array> {
    exactLength(request, 1);
    const running = this.#running;
    if (running === undefined || running.moved < running.memory.length) throw new Negative(NRC.requestSequenceError);
    this.#running = undefined;
    if (running.task.direction === "download") await running.task.commit(running.memory);
    return Uint8Array.of(0x77);
  }

  /** The block of a download. */
  #taken(request: Uint8Array): Uint8Array {
    if (request.length === BLOCK_OVERHEAD || request.length > this.#maxBlock)
      throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    return request.subarray(BLOCK_OVERHEAD);
  }

  /** The next block of an upload; there is none behind the last. */
  #next({ memory, moved }: Running, request: Uint8Array): Uint8Array {
    exactLength(request, BLOCK_OVERHEAD);
    if (moved === memory.length) throw new Negative(NRC.requestSequenceError);
    return memory.slice(moved, moved + this.#maxBlock - BLOCK_OVERHEAD);
  }
}

export interface RequestTransferOptions {
  readonly transfer: Transfer;
  /** dataFormatIdentifier that is taken. */
  readonly dataFormat: number;
  readonly formats: AddressFormats;
  /** What a range of memory is to the transfer. @throws Negative 31 for a range that is none, 33 for a closed one */
  readonly open: (address: number, size: number) => TransferTask;
}

const requestTransfer =
  (sid: number, name: string) =>
  ({ transfer, dataFormat, formats, open }: RequestTransferOptions): Service => ({
    sid,
    name,
    minLength: 3,
    handle({ request }) {
      if (request[1] !== dataFormat) throw new Negative(NRC.requestOutOfRange);
      const { address, size, end } = readMemoryRange(request, 2, formats);
      exactLength(request, end);
      return { response: concat(Uint8Array.of(sid + 0x40), transfer.begin(open(address, size))) };
    },
  });

export const requestDownload = requestTransfer(0x34, "RequestDownload");
export const requestUpload = requestTransfer(0x35, "RequestUpload");

export function transferData(transfer: Transfer): Service {
  return {
    sid: 0x36,
    name: "TransferData",
    minLength: 2,
    handle: ({ request }) => ({ response: transfer.block(request) }),
  };
}

export function requestTransferExit(transfer: Transfer): Service {
  return {
    sid: 0x37,
    name: "RequestTransferExit",
    minLength: 1,
    handle: async ({ request }) => ({ response: await transfer.exit(request) }),
  };
}
