/** 34, 36 and 37: ISO 14229-1:2020 §14.2, §14.4, §14.5. */
import { concat, readUintBE, uintBE } from "../../../shared/bytes.js";
import { checkLength, unexpectedResponse } from "../messages.js";
import { SID } from "../tables/services.js";
import type { UdsService } from "./service.js";

export interface DownloadRequest {
  readonly address: number;
  readonly length: number;
}

/** Address and length with four bytes each, no compression. Response: the longest TransferData request, SID and counter included. */
export const requestDownload: UdsService<DownloadRequest, { readonly maxBlock: number }> = {
  build: ({ address, length }) =>
    concat(Uint8Array.of(SID.RequestDownload, 0x00, 0x44), uintBE(address, 4), uintBE(length, 4)),
  parse(response) {
    checkLength(response, 3, 8);
    const size = (response[1] ?? 0) >> 4;
    checkLength(response, 2 + size);
    const maxBlock = size >= 1 && size <= 6 ? readUintBE(response, 2, size) : 0;
    if (maxBlock < 3) throw unexpectedResponse(SID.RequestDownload, `maxNumberOfBlockLength ${maxBlock}`);
    return { maxBlock };
  },
};

/** @param counter blockSequenceCounter: 01 for the first block, 00 after FF */
export const transferData: UdsService<{ readonly counter: number; readonly data: Uint8Array }, Uint8Array> = {
  build: ({ counter, data }) => concat(Uint8Array.of(SID.TransferData, counter), data),
  parse(response) {
    checkLength(response, 2, Infinity);
    return response.slice(2);
  },
};

export const requestTransferExit: UdsService<void, Uint8Array> = {
  build: () => Uint8Array.of(SID.RequestTransferExit),
  parse: (response) => response.slice(1),
};
