/** Download of one block of memory: services 34, 36 and 37 of ISO 14229-1. */
import { readUintBE, uintBE } from "../../src/shared/bytes.js";
import { Negative, NRC } from "./nrc.js";

/** lengthFormatIdentifier of the answer: maxNumberOfBlockLength has two bytes. */
const LENGTH_FORMAT = 0x20;
/** SID and block sequence counter. */
const BLOCK_OVERHEAD = 2;

export interface DownloadOptions {
  readonly address: number;
  /** Most bytes of one download. */
  readonly maxLength: number;
  /** Bytes of address and length in the request. Default 4 each. */
  readonly addressBytes?: number;
  readonly sizeBytes?: number;
  /** dataFormatIdentifier that is taken. Default 0: neither compressed nor encrypted. */
  readonly dataFormat?: number;
  /** maxNumberOfBlockLength, SID and counter included. Default 0FFE hex. */
  readonly maxBlock?: number;
}

interface Transfer {
  readonly memory: Uint8Array;
  received: number;
  /** Counter of the block stored last; undefined before the first. */
  last: number | undefined;
}

export class Download {
  readonly #options: DownloadOptions;
  readonly #maxBlock: number;
  #transfer: Transfer | undefined;
  #done: Uint8Array | undefined;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#maxBlock = options.maxBlock ?? 0x0ffe;
  }

  /** What was downloaded last, whole; undefined when nothing was since the start or the last request for a download. */
  get data(): Uint8Array | undefined {
    return this.#done;
  }

  /** Ends a transfer under way; what was downloaded before it stays. */
  abort(): void {
    this.#transfer = undefined;
  }

  clear(): void {
    this.#transfer = undefined;
    this.#done = undefined;
  }

  /** 34 → 74 */
  request(request: Uint8Array): Uint8Array {
    if (request.length < 3) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    const { address, maxLength, addressBytes = 4, sizeBytes = 4, dataFormat = 0 } = this.#options;
    if (request[1] !== dataFormat || request[2] !== ((sizeBytes << 4) | addressBytes))
      throw new Negative(NRC.requestOutOfRange);
    if (request.length !== 3 + addressBytes + sizeBytes) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    const length = readUintBE(request, 3 + addressBytes, sizeBytes);
    if (readUintBE(request, 3, addressBytes) !== address || length === 0 || length > maxLength)
      throw new Negative(NRC.requestOutOfRange);
    this.#done = undefined;
    this.#transfer = { memory: new Uint8Array(length), received: 0, last: undefined };
    return Uint8Array.of(0x74, LENGTH_FORMAT, ...uintBE(this.#maxBlock, 2));
  }

  /** 36 → 76 */
  transfer(request: Uint8Array): Uint8Array {
    const transfer = this.#transfer;
    if (transfer === undefined) throw new Negative(NRC.requestSequenceError);
    const counter = request[1] ?? 0;
    const answer = Uint8Array.of(0x76, counter);
    // The answer to this block was lost: it is stored already.
    if (counter === transfer.last) return answer;
    if (counter !== ((transfer.last ?? 0) + 1) % 0x100) throw new Negative(NRC.wrongBlockSequenceCounter);
    const block = request.subarray(BLOCK_OVERHEAD);
    if (block.length === 0 || request.length > this.#maxBlock)
      throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    if (transfer.received + block.length > transfer.memory.length) throw new Negative(NRC.transferDataSuspended);
    transfer.memory.set(block, transfer.received);
    transfer.received += block.length;
    transfer.last = counter;
    return answer;
  }

  /** 37 → 77 */
  exit(request: Uint8Array): Uint8Array {
    if (request.length !== 1) throw new Negative(NRC.incorrectMessageLengthOrInvalidFormat);
    const transfer = this.#transfer;
    if (transfer === undefined || transfer.received < transfer.memory.length)
      throw new Negative(NRC.requestSequenceError);
    this.#transfer = undefined;
    this.#done = transfer.memory;
    return Uint8Array.of(0x77);
  }
}
